"""A network whose channels come first becomes the file of the same network with channels last."""

from __future__ import annotations

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.compression import quantize_aware
from sepzoo.data.samples import Samples
from sepzoo.export.channels_last import channels_last
from sepzoo.export.layer_comparison import errors_of
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import deployable
from sepzoo.export.target_names import TARGET_NAMES
from sepzoo.export.targets import TARGETS
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.inference.opening import open as open_file
from sepzoo.layers.graph import layers_of
from sepzoo.support.errors import SepzooError

layers = keras.layers
CHANNELS = 8


def network(*, first: bool, columns: int, biased: bool) -> keras.Model:
    """Return a network with all that stands between two layouts; it draws the same weights in both."""
    keras.utils.set_random_seed(3)
    axis = 1 if first else -1
    layout = {"data_format": "channels_first" if first else "channels_last"}
    settings = {**layout, "padding": "same", "use_bias": biased, "bias_initializer": "random_normal"}
    source = keras.Input((3, 16, columns) if first else (16, columns, 3), name="x")
    x = layers.Conv2D(CHANNELS, 3, **{**settings, "use_bias": False})(source)
    x = layers.ReLU(6.0)(layers.BatchNormalization(axis=axis, moving_mean_initializer="random_normal")(x))
    y = layers.DepthwiseConv2D(3, activation="relu", **settings)(x)
    y = layers.Conv2D(CHANNELS, 1, name="joined", **settings)(y)
    x = keras.ops.add(layers.Activation("swish")(layers.Add()([x, y])), 0.5)
    x = layers.Concatenate(axis=axis)([layers.MaxPooling2D(2, **layout)(x), layers.AveragePooling2D(2, **layout)(x)])
    x = layers.SeparableConv2D(CHANNELS, 3, activation="relu", **{**settings, "use_bias": False})(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, **layout)(x)
    gate = layers.Conv2D(CHANNELS, 1, activation="sigmoid", **settings)(gate)
    x = layers.GlobalMaxPooling2D(**layout)(layers.Multiply()([x, gate]))
    return keras.Model(source, layers.Dense(5, activation="softmax", kernel_initializer="he_normal")(x), name="net")


def given(*, first: bool, columns: int) -> np.ndarray:
    images = np.random.default_rng(0).normal(size=(48, 16, columns, 3)).astype("float32")
    return np.moveaxis(images, -1, 1) if first else images


CASES = [pytest.param(CHANNELS, False, id="as many columns"), pytest.param(10, True, id="other columns")]


def opened(first: bool, columns: int, biased: bool) -> tuple[KerasClassifier, Samples]:
    classifier = from_model(network(first=first, columns=columns, biased=biased))
    return classifier, as_samples(classifier, given(first=first, columns=columns), "export")


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "biased"), CASES)
@pytest.mark.parametrize("target", [row.name for row in TARGET_NAMES if not row.name.startswith("browser")])
def test_the_file_answers_as_that_of_the_other_layout(tmp_path: Path, target: str, columns: int, biased: bool) -> None:
    answers = []
    for first in (False, True):
        classifier, samples = opened(first, columns, biased)
        path = tmp_path / f"{first}{TARGETS[target].suffix}"
        write(classifier, TARGETS[target], path, calibration=samples, check=samples, tolerance=Tolerance())
        file = open_file(path, trust=True)
        answers.append(np.concatenate([file.run(each) for each in file.batches(samples.images, 16)]))
    exact = target.endswith(("float32", "float16", "xla", "cpu", "stablehlo", "onnx", "openvino"))
    np.testing.assert_allclose(answers[1], answers[0], atol=1e-3 if exact else 0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "biased"), CASES)
def test_layers_err_as_those_of_the_other_layout(tmp_path: Path, columns: int, biased: bool) -> None:
    found = []
    for first in (False, True):
        classifier, samples = opened(first, columns, biased)
        path = tmp_path / f"{first}.tflite"
        write(classifier, TARGETS["tflite:int8"], path, calibration=samples, check=samples, tolerance=Tolerance())
        found.append({each.layer: each for each in errors_of(classifier, path, samples).layers})
    right, other = (each["joined"] for each in found)
    assert other.snr == pytest.approx(right.snr, abs=1.0)
    assert other.mean_share == pytest.approx(right.mean_share, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("columns", "biased"), CASES)
def test_it_learns_to_round_as_the_other_layout_does(columns: int, biased: bool) -> None:
    losses = []
    for first in (False, True):
        model = network(first=first, columns=columns, biased=biased)
        losses.append(quantize_aware(model, given(first=first, columns=columns), epochs=1).losses)
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)


@pytest.mark.parametrize(("columns", "biased"), CASES)
def test_no_layer_is_left_with_channels_first_and_only_the_input_is_transposed(columns: int, biased: bool) -> None:
    model = network(first=True, columns=columns, biased=biased)
    ready = deployable(from_model(model))
    assert {getattr(layer, "data_format", "channels_last") for _name, layer in layers_of(ready)} == {"channels_last"}
    assert sum(isinstance(layer, layers.Permute) for _name, layer in layers_of(ready)) == 1
    assert "BatchNormalization" not in {type(layer).__name__ for _name, layer in layers_of(ready)}
    images = given(first=True, columns=columns)
    np.testing.assert_allclose(ready.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5)


def convolution(first: bool = True) -> keras.layers.Layer:
    return layers.Conv2D(6, 3, padding="same", data_format="channels_first" if first else "channels_last")


BETWEEN = {
    "nothing": lambda x: x,
    "a softmax over channels": layers.Softmax(axis=1),
    "a softmax over columns": layers.Activation("softmax"),
    "a sum with numbers for each channel": lambda x: keras.ops.multiply(x, np.arange(6.0).reshape(6, 1, 1)),
    "a slope for each channel": layers.PReLU("ones", shared_axes=(2, 3)),
    "a normalization over columns": layers.LayerNormalization(),
    "a reshape": layers.Reshape((6, 9, 8)),
    "a concatenation of rows": lambda x: layers.Concatenate(axis=2)([x, x]),
    "layers of the other layout": lambda x: layers.MaxPooling2D(2)(convolution(first=False)(x)),
    "a shared layer": lambda x: (lambda shared: shared(shared(x)))(convolution()),
    "a sum with what was never transposed": lambda x: layers.Add()([x, layers.Reshape((6, 1, 1))(x[:, :, 0, 0])]),
}


@pytest.mark.parametrize("end", ["map", "flat", "flat, first"])
@pytest.mark.parametrize("between", BETWEEN)
def test_what_needs_other_axes_gets_them(between: str, end: str) -> None:
    keras.utils.set_random_seed(1)
    source = keras.Input((6, 8, 9))
    x = BETWEEN[between](convolution()(source))
    x = convolution()(x)
    if end != "map":
        x = layers.Flatten(data_format="channels_first" if end == "flat, first" else "channels_last")(x)
    model = keras.Model(source, x)
    new = channels_last(model)
    images = np.random.default_rng(0).normal(size=(2, 6, 8, 9)).astype("float32")
    np.testing.assert_allclose(np.asarray(new(images)), np.asarray(model(images)), atol=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_every_rank_and_kind_of_layer(rank: int) -> None:
    source = x = keras.Input((4, *(8, 9, 10)[:rank]))
    for kind in ("Conv", "AveragePooling", "UpSampling", "MaxPooling", "ZeroPadding", "Cropping"):
        made = getattr(layers, f"{kind}{rank}D")
        if "data_format" in inspect.signature(made).parameters:
            x = made(*((5, 2) if kind == "Conv" else (2,)), data_format="channels_first")(x)
    model = keras.Model(source, getattr(layers, f"GlobalAveragePooling{rank}D")(data_format="channels_first")(x))
    images = np.random.default_rng(0).normal(size=(2, *source.shape[1:])).astype("float32")
    np.testing.assert_allclose(np.asarray(channels_last(model)(images)), np.asarray(model(images)), atol=1e-5)


def test_a_network_with_channels_last_stays_itself() -> None:
    model = network(first=False, columns=10, biased=True)
    assert channels_last(model) is model


def test_a_bias_that_keras_adds_here_or_there_is_refused_by_the_name_of_its_layer() -> None:
    source = keras.Input((3, 8, 6))
    model = keras.Model(source, layers.Conv2D(6, 1, data_format="channels_first", name="stem")(source))
    assert channels_last(model) is not model  # no bias was learned
    model.layers[1].set_weights([model.layers[1].get_weights()[0], np.arange(6.0)])
    with pytest.raises(
        SepzooError, match=r"^expected layers that answer alike .*'stem'.*columns \(6\).*channels_last'"
    ):
        channels_last(model)
