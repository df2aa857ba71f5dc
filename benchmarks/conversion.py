"""What building and converting a network to float `.tflite` take, beside Keras's networks and TensorFlow's converter.

`python benchmarks/conversion.py` starts a process for each figure, three of each in turns: seconds of processor time of
the building and of the conversion, which on our side is the network made ready and its file written, without the checks
of its answers, and the peak memory of the process. Ratios are those of the least.
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from processes import figures_of, peak
from timing import in_turns

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {  # ours: theirs, and how both are built
    "mobilenet_v1": ("MobileNet", {"alpha": 0.25, "input_shape": (96, 96, 3)}),
    "mobilenet_v2": ("MobileNetV2", {"alpha": 1.0, "input_shape": (224, 224, 3)}),
    "xception": ("Xception", {"input_shape": (299, 299, 3)}),
}
TURNS = 3
KINDS = ("build, s", "convert, s", "peak, MiB")


def ours(name: str) -> tuple[Callable[[], Any], Callable[[Any, Path], None]]:
    """Return what builds a network of sepzoo, and what converts it."""
    from sepzoo import applications
    from sepzoo.export.formats.tflite_modes import MODES
    from sepzoo.export.formats.tflite_options import TfliteOptions
    from sepzoo.export.prepared import preparing
    from sepzoo.inference.keras_model import from_model
    from sepzoo.surgery.walk import plan

    plan.compare = lambda *_models, **_settings: None  # type: ignore[assignment]  # a check, which is not measured

    def convert(model: Any, path: Path) -> None:
        mode = MODES["float32"]
        with preparing(from_model(model), None, beside=path.parent) as preparations:
            prepared = preparations.of(calibrated=mode.calibrated, rounds_from=mode.rounds_from)
            path.write_bytes(mode.make(prepared, TfliteOptions()))

    return lambda: applications.build(name, **NETWORKS[name][1]), convert


def theirs(name: str) -> tuple[Callable[[], Any], Callable[[Any, Path], None]]:
    """Return what builds the network of `keras.applications`, and what converts it."""
    import keras
    import tensorflow as tf

    kind, settings = NETWORKS[name]

    def convert(model: Any, path: Path) -> None:
        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())

    return lambda: getattr(keras.applications, kind)(weights=None, **settings), convert


def figures(side: str, name: str) -> tuple[float, ...]:
    """Return the seconds of one side's building and conversion in this process, and its peak memory so far."""
    build, convert = ours(name) if side == "ours" else theirs(name)
    build()  # what is loaded at first use is nobody's fault
    start = time.process_time()
    model = build()
    built = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        convert(model, Path(folder, "m.tflite"))
    return built - start, time.process_time() - built, peak()


def least(series: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the least of each kind of figure."""
    return tuple(min(kind) for kind in zip(*series, strict=True))


def main() -> None:
    """Print the table, or in a process of its own one row of figures."""
    if len(sys.argv) > 1:
        print(json.dumps(figures(*sys.argv[1:])))
        return
    print(f"{'':16}" + "".join(f"{kind:>14}{'Keras':>8}{'ratio':>7}" for kind in KINDS))
    for name in NETWORKS:
        runs = [functools.partial(figures_of, __file__, side, name) for side in ("ours", "theirs")]
        pairs = zip(*map(least, in_turns(runs, TURNS)), strict=True)
        print(
            f"{name:16}" + "".join(f"{one:>14.2f}{other:>8.2f}{one / other:>7.2f}" for one, other in pairs), flush=True
        )


if __name__ == "__main__":
    main()
