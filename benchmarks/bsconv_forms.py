"""What the BSConv authors' padding and their batch normalization on the pixels cost in a TFLite file, on one thread.

`python benchmarks/bsconv_forms.py [float32|int8] [NAME ...]` writes each network as it was published, and without
either and both: with padding `same`, and without the normalization. The files run in turns, 25 of 20 images, each
opened five times, since where an opened file's tensors lie is worth some percent: ratios of their fastest turns to that
of the network without both, and its milliseconds, median and quartiles.
"""

from __future__ import annotations

import functools
import itertools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from decoupled import milliseconds
from networks import calibrated, noise_for
from timing import in_turns, spread

from sepzoo import applications, export, inference
from sepzoo.export import Tolerance

NAMES = (
    *(f"cifar_mobilenetv1_{width}_bsconvu" for width in ("w1d4", "w1d2", "w1")),
    *(f"cifar_mobilenetv2_{width}_bsconvs_p1d6" for width in ("w1d4", "w1d2", "w1")),
    *(f"cifar_mobilenetv3_{size}_bsconvs_p1d6" for size in ("small_w7d20", "small_w1", "large_w1")),
    *(f"cifar_resnet{depth}_bsconvu" for depth in (20, 56, 110)),
    *(f"cifar_preresnet{depth}_bsconvs_p1d4" for depth in (20, 56, 110)),
    *(f"cifar_wrn{size}_bsconvu" for size in ("16_1", "16_4", "28_4")),
)
TURNS, OPENED = 25, 5
SAME, PLAIN = {"padding": "same"}, {"input_batch_norm": False}
FORMS = ({}, SAME, PLAIN, {**SAME, **PLAIN})


def milliseconds_of_forms(name: str, mode: str) -> Sequence[Sequence[float]]:
    """Return the times of a network's four forms, turn by turn."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder, f"{number}.tflite") for number in range(len(FORMS))]
        for form, file in zip(FORMS, files, strict=True):
            network = calibrated(applications.build(name, **form))
            noise = noise_for(network.input_shape[1:])
            calibration = noise if mode == "int8" else None
            export.tflite(network, file, quantize=mode, calibration=calibration, check=noise, tolerance=Tolerance())
        classifiers = [inference.open(file) for file in files * OPENED]
    runs = [functools.partial(milliseconds, each, each.prepare(noise.images[:1])) for each in classifiers]
    found = in_turns(runs, TURNS)
    return [list(itertools.chain(*found[number :: len(FORMS)])) for number in range(len(FORMS))]


def main() -> None:
    """Print the table."""
    mode, names = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("float32", ())
    print(f"{mode:38}{'published':>11}{'same':>8}{'no norm':>9}{'ms without both':>26}")
    for name in names or NAMES:
        *forms, plain = milliseconds_of_forms(name, mode)
        ratios = "".join(f"{min(each) / min(plain):>{width}.3f}" for each, width in zip(forms, (11, 8, 9), strict=True))
        print(f"{name:38}{ratios}{spread(plain, 3):>26}", flush=True)


if __name__ == "__main__":
    main()
