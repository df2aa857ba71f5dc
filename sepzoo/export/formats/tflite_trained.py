"""The int8 file of a network that was trained with rounding: its integers stand on the steps that it learned."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import keras

from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_modes import Mode, saved_model
from sepzoo.export.formats.tflite_operators import require_built_in
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.prepared import Prepared
from sepzoo.inference.tflite_description import describe
from sepzoo.support.errors import SepzooError

MODES = ("int8", "int8_float_io")
"""The modes that have one step for each channel of a kernel, as such a network has."""


def require_all_rounded(model: keras.Model, layers: Collection[str] = (), *, options: TfliteOptions) -> None:
    """See that no layer of such a network was chosen to stay float.

    Raises:
        SepzooError: one was.
    """
    if options.patterns or options.searches:
        raise SepzooError(
            f"expected every layer of {model.name!r} to be rounded, as it was trained. Received: layers that ought to "
            "stay float. Export the model as it was before."
        )


def convert_trained(prepared: Prepared, path: Path, *, mode: Mode, options: TfliteOptions) -> None:
    """Write a `.tflite` file, which gets no metadata yet.

    Args:
        prepared: the network. Its calibration samples, where there are any, set the ranges that were not learned:
            those inside of a layer that the file computes in several operations, such as a GELU.
        path: of the file.
        mode: one of `MODES`.
        options: what was chosen.

    Raises:
        SepzooError: layers that ought to stay float, or ranges that nobody knows.
    """
    require_all_rounded(prepared.model, options=options)
    edges = options.edges or mode.edges
    saved = saved_model(prepared, options)
    content = tflite_converter.trained(saved, prepared.values, edges=edges, batch_sizes=options.sizes)
    require_built_in(content, prepared.model.name)
    if prepared.values is None:  # else all ranges are known, and what is float has no int8 kernel, such as a negation
        _require_ranges(prepared, content, edges, outputs=len(prepared.model.outputs) * len(options.sizes))
    path.write_bytes(content)


def _require_ranges(prepared: Prepared, content: bytes, edges: str, *, outputs: int) -> None:
    if describe(content).operators.get("DEQUANTIZE", 0) > (outputs if edges == "float" else 0):
        raise SepzooError(
            f"expected a range for all that {prepared.model.name!r} computes. Received: operations that were trained "
            "without one, beside float ones in the file. Pass calibration samples (on the command line: --data), which "
            "set what was not learned."
        )
