"""The int8 file of a network that was trained with rounding: exactly its steps, and its answers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import sepzoo
from sepzoo.compression import QuantizedModel, quantize_aware
from sepzoo.data import Samples
from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from tests.export.networks import samples, separable
from tests.small import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def quantized() -> QuantizedModel:
    return quantize_aware(separable(), samples(separable(), 64), epochs=1, learning_rate=1e-4)


def tensors_of(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the integers and the scales of each kernel in a file, read by the runtime alone."""
    runtime = Interpreter(model_path=str(path))
    runtime.allocate_tensors()
    found = []
    for detail in runtime.get_tensor_details():
        scales = detail["quantization_parameters"]["scales"]
        if detail["dtype"] is np.int8 and len(detail["shape"]) in (2, 4) and scales.size:
            try:
                found.append((runtime.get_tensor(detail["index"]), scales))
            except ValueError:  # an activation, which holds nothing before a run
                continue
    return found


def test_integers_stand_on_the_learned_steps(quantized: QuantizedModel, tmp_path: Path) -> None:
    quantized.export_tflite(tmp_path / "m.tflite", check=samples(separable(), 100, seed=3))
    require_steps(quantized.model, tmp_path / "m.tflite")


def require_steps(model: keras.Model, path: Path) -> None:
    """See that the integers of a file stand on a network's steps."""
    in_file = tensors_of(path)
    for layer in model.layers:
        if not isinstance(layer, QuantizedKernel):
            continue
        steps = np.atleast_1d(2.0 ** np.asarray(layer.log_step, "float64"))
        kernel = np.asarray(layer.layer.weights[0], "float64")
        if isinstance(layer.layer, keras.layers.DepthwiseConv1D | keras.layers.DepthwiseConv2D):
            wanted = np.round(kernel[..., 0] / steps)[None]
        elif isinstance(layer.layer, keras.layers.Dense):
            wanted = np.round(kernel / steps).T
        else:
            wanted = np.moveaxis(np.round(kernel / steps), -1, 0)
        wanted = np.clip(wanted, -127, 127)
        if wanted.ndim == 3:  # over series: images of height 1
            wanted = wanted[:, None]
        twins = [
            integers
            for integers, scales in in_file
            if integers.shape == wanted.shape and np.allclose(scales, steps, rtol=1e-5)
        ]
        assert any((np.abs(each - wanted) <= 1).all() and (each == wanted).mean() > 0.99 for each in twins), layer.name


def test_series_become_integers_on_the_steps_of_the_network(tmp_path: Path) -> None:
    x = source = keras.Input((24, 6), name="series")
    x = keras.layers.Conv1D(8, 4, strides=2, padding="same", activation="relu", name="strided")(x)
    x = keras.layers.SeparableConv1D(8, 3, dilation_rate=2, padding="same", name="dilated")(x)
    x = keras.layers.Conv1D(8, 3, padding="causal", activation="relu", name="causal")(x)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    model = keras.Model(source, keras.layers.Dense(4, activation="softmax", name="scores")(x), name="series")
    random = np.random.default_rng(0)
    data = Samples(random.normal(size=(64, 24, 6)).astype("float32"), None, origin="normal", seed=0)
    found = quantize_aware(model, data, epochs=0)
    report = found.export_tflite(tmp_path / "m.tflite", calibration=None, check=data)
    assert not {"DEQUANTIZE", "FAKE_QUANT"} & set(report.operators)
    require_steps(found.model, tmp_path / "m.tflite")
    windows = [layer for layer in found.model.layers if getattr(getattr(layer, "layer", None), "kernel_size", None)]
    assert len(windows) == 4  # each was looked at
    assert report.comparison.max_error < 0.02


@pytest.mark.parametrize("samples_at_hand", [True, False])
def test_the_file_answers_like_the_network(quantized: QuantizedModel, tmp_path: Path, samples_at_hand: bool) -> None:
    check = samples(separable(), 200, seed=8)
    calibration = {} if samples_at_hand else {"calibration": None}
    report = quantized.export_tflite(tmp_path / "m.tflite", check=check, edges="int8", **calibration)
    inputs = check.images / np.float32(127.5) - 1
    wanted = quantized.model.predict(inputs, verbose=0)
    found = sepzoo.inference.open(tmp_path / "m.tflite").predict(check.images)
    assert (found.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.93  # each operation may be one integer off
    assert np.abs(found - wanted).mean() < 0.02
    assert not {"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"} & set(report.operators)
    said, _, others = report.calibration.partition("; what it left open: ")
    assert said == "the network's training"
    assert bool(others) == samples_at_hand


def test_what_the_training_knows_no_range_of(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    source = keras.Input((12,), name="window")
    x = keras.layers.Dense(16, activation="gelu")(source)
    model = keras.Model(source, keras.layers.Dense(3)(x), name="features")
    data = Samples(np.random.default_rng(0).normal(size=(64, 12)).astype("float32"), None, origin="normal", seed=0)
    found = quantize_aware(model, data, epochs=0, outputs="values")
    report = found.export_tflite(tmp_path / "m.tflite", check=data)
    assert "GELU" in report.operators or "DEQUANTIZE" not in report.operators
    if "GELU" not in report.operators:
        with pytest.raises(sepzoo.SepzooError, match="Pass calibration samples"):
            found.export_tflite(tmp_path / "n.tflite", check=data, calibration=None)


@pytest.mark.parametrize("norm", [keras.layers.LayerNormalization(), keras.layers.GroupNormalization(4)])
def test_a_normalization_over_each_sample(norm: keras.layers.Layer, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = source = keras.Input((8, 8, 4), name="maps")
    x = norm(keras.layers.Conv2D(8, 3, padding="same", name="conv")(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    model = keras.Model(source, keras.layers.Dense(3, name="head")(x), name="normed")
    data = Samples(np.random.default_rng(0).normal(size=(64, 8, 8, 4)).astype("float32"), None, origin="noise", seed=0)
    found = quantize_aware(model, data, epochs=0, outputs="values")
    report = found.export_tflite(tmp_path / "m.tflite", check=data)
    require_steps(found.model, tmp_path / "m.tflite")
    wanted = model.predict(data.images, verbose=0)
    answers = sepzoo.inference.open(tmp_path / "m.tflite").predict(data.images)
    assert np.abs(answers - wanted).max() < 0.05 * np.ptp(wanted)
    assert report.operators["MEAN"] >= 3  # of the normalization too: it is no layer that stayed float
    with pytest.raises(sepzoo.SepzooError, match="Pass calibration samples"):
        found.export_tflite(tmp_path / "n.tflite", check=data, calibration=None)


def test_a_layer_of_two_inputs(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    sides = [keras.Input((8, 8, 4), name=name) for name in ("left", "right")]
    shared = keras.layers.Conv2D(8, 3, padding="same", activation="relu", name="shared")
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Subtract()([shared(each) for each in sides]))
    model = keras.Model(sides, keras.layers.Dense(3, name="head")(x), name="pair")
    random = np.random.default_rng(0)
    values = {
        name: (scale * random.normal(size=(64, 8, 8, 4))).astype("float32")
        for name, scale in (("left", 1), ("right", 3))
    }
    data = Samples(values, None, origin="noise", seed=0)
    found = quantize_aware(model, data, epochs=0, outputs="values")
    found.export_tflite(tmp_path / "m.tflite", check=data)
    require_steps(found.model, tmp_path / "m.tflite")
    wanted = model.predict(values, verbose=0)
    for file in (found.model.predict(values, verbose=0), sepzoo.inference.open(tmp_path / "m.tflite").predict(values)):
        assert np.abs(file - wanted).max() < 0.05 * np.ptp(wanted)


def test_what_has_no_steps_between_is_told_before_training() -> None:
    x = source = keras.Input((6, 4), name="series")
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    model = keras.Model(source, keras.layers.Dense(3)(keras.layers.Flatten()(x)), name="attends")
    data = Samples(np.random.default_rng(0).normal(size=(64, 6, 4)).astype("float32"), None, origin="noise", seed=0)
    with pytest.raises(sepzoo.SepzooError, match="whose layer 'attention' is a MultiHeadAttention, which"):
        quantize_aware(model, data, outputs="values")


FAMILIES = ("mobilenet_v3", "cifar_resnet")
"""With squeeze-excite, hard swish and residual sums; swish, normalization inside and separable layers by night."""


def _marks(family: str) -> list[pytest.MarkDecorator]:
    return [] if family in FAMILIES else [pytest.mark.nightly]


@pytest.mark.parametrize("family", [pytest.param(each, marks=_marks(each)) for each in SMALL])
def test_families_become_integers_throughout(family: str, tmp_path: Path) -> None:
    name, arguments = SMALL[family]
    model = sepzoo.applications.build(name, **arguments)
    shape, random = (12, *model.input_shape[1:]), np.random.default_rng(0)
    pixels = sepzoo.applications.card(name).input == "image"
    values = random.integers(0, 256, shape, np.uint8) if pixels else random.normal(size=shape).astype(np.float32)
    data = Samples(values, None, origin="noise", seed=0)
    found = quantize_aware(model, data, epochs=0)
    loose = sepzoo.export.Tolerance(agreement=0.0, accuracy_drop=1.0, relative_error=10.0, max_error=None)
    report = found.export_tflite(tmp_path / "m.tflite", calibration=None, check=data, tolerance=loose)
    assert not {"DEQUANTIZE", "FAKE_QUANT"} & set(report.operators)
    assert any(isinstance(layer, QuantizedOutput) for layer in found.model.layers)
