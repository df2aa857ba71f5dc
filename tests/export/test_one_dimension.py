"""Convolutions over time leave as TFLite whole, dilated ones too: the files run in the interpreter, against NumPy."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.data import Samples
from sepzoo.export import Tolerance
from sepzoo.export.formats.tflite_run import outputs_of
from sepzoo.layers import conv1d
from tests.layers.test_one_dimension import windows
from tests.small import SMALL

STEPS, CHANNELS, WINDOW, DILATION = 41, 4, 9, 2
ANY = Tolerance(agreement=0.0, accuracy_drop=1.0, relative_error=0.2, max_error=None)


def exported(model: keras.Model, seen: Samples, folder: Path, quantize: str | None) -> bytes:
    path = folder / f"{quantize}.tflite"
    calibration = {"calibration": seen} if quantize else {}
    sepzoo.export.tflite(model, path, quantize=quantize, check=seen, tolerance=ANY, **calibration)
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "steps"),
    [("regular", STEPS), ("separable", STEPS), ("separable", STEPS - 1)],
    ids=lambda value: str(value),
)
def test_a_dilated_convolution_in_the_interpreter(seed: int, tmp_path: Path, kind: str, steps: int) -> None:
    source = keras.Input((steps, CHANNELS))
    layer = conv1d(kind, 6, WINDOW, dilation_rate=DILATION, padding="same", use_bias=False)
    model = keras.Model(source, layer(source), name="dilated")
    x = np.random.default_rng(0).normal(size=(24, steps, CHANNELS)).astype("float32")
    reach = DILATION * (WINDOW - 1) // 2
    kernels = model.get_weights()
    dense = kernels[0] if kind == "regular" else kernels[0] * kernels[1]  # (k, c, 1) by (1, c, o)
    expected = np.einsum("ntkc,kco->nto", windows(x, WINDOW, 1, DILATION, (reach, reach)), dense)
    for quantize, allowed in ((None, 1e-5), ("int8", 0.06)):
        content = exported(model, Samples(x, None, origin="normal", seed=0), tmp_path, quantize)
        [found] = outputs_of(content, {"image": x})
        assert np.abs(found - expected).max() < allowed * np.abs(expected).max()


@pytest.mark.slow
def test_matchboxnet_in_the_interpreter(seed: int, tmp_path: Path) -> None:
    name, arguments = SMALL["matchboxnet"]
    model = sepzoo.applications.build(name, **{**arguments, "classifier_activation": "softmax"})
    x = np.random.default_rng(0).normal(size=(24, *model.input_shape[1:])).astype("float32")
    model, _ = sepzoo.surgery.recalibrate_batch_norm(model, x)
    expected = np.asarray(model(x))
    assert np.ptp(expected) > 0.1
    for quantize, allowed in ((None, 1e-5), ("int8", 0.05)):
        content = exported(model, Samples(x, None, origin="normal", seed=0), tmp_path, quantize)
        [found] = outputs_of(content, {"image": x})
        assert np.abs(found - expected).max() < allowed
