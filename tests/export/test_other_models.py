"""Models that others built: their graphs, heads, precisions and inputs; held against what Keras itself answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite, xla
from sepzoo.records.inputs import Features
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests.export.networks import pixels
from tests.inference.test_outputs import CERTAIN, UNCERTAIN, dense, model_of, values

layers, ops = keras.layers, keras.ops
ANY = Tolerance()
PIXELS = Preprocessing()


def pictures(count: int = 24, *, seed: int = 0) -> Samples:
    return Samples(pixels(count, seed=seed), None, origin="coloured quarters", seed=seed)


def windows(count: int = 24) -> Samples:
    return Samples(values(count), None, origin="windows", seed=0)


def head(x: Any, name: str = "predictions") -> Any:
    return layers.Dense(4, activation="softmax", name=name)(layers.GlobalAveragePooling2D()(x))


def expected(model: keras.Model, samples: Samples) -> np.ndarray:
    return model.predict(PIXELS.normalize(samples.images), verbose=0)


def residual(x: Any) -> Any:
    """A residual network whose additions have the name that Keras gives by itself in a fresh process."""
    x = layers.Conv2D(6, 3, padding="same", activation="relu")(x)
    y = layers.Conv2D(6, 3, padding="same", activation="relu", name="relu")(x)
    return head(layers.Add(name="add")([x, y]))


def named_as_ours(x: Any) -> Any:
    x = layers.Conv2D(6, 3, name="image", activation="relu")(x)
    return head(layers.BatchNormalization(name="mean")(x), name="probability")


def functions(x: Any) -> Any:
    y = layers.Conv2D(3, 3, padding="same")(x)
    return head(ops.relu(x + y) + ops.multiply(y, 0.5))


def twice_nested(x: Any) -> Any:
    """Two models whose layers have the same names."""
    for _ in range(2):
        source = keras.Input(x.shape[1:])
        inner = layers.Conv2D(6, 3, padding="same", name="conv", activation="relu")(source)
        x = keras.Model(source, layers.BatchNormalization(name="bn")(inner))(x)
    return head(x)


def one_layer(x: Any) -> Any:
    return head(x)


def shared_layer(x: Any) -> Any:
    conv = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv_pointwise")
    return head(conv(conv(x)))


GRAPHS = [residual, named_as_ours, functions, twice_nested, one_layer, shared_layer]


def built(graph: Callable[[Any], Any], seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    source = keras.Input((16, 16, 3))
    model = keras.Model(source, graph(source), name="other")
    spread = np.random.default_rng(seed)
    kernel = model.layers[-1].get_weights()[0]
    model.layers[-1].set_weights([spread.normal(0, 3, kernel.shape), np.zeros(4)])
    return model


@pytest.mark.slow
@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("quantize", [None, "dynamic", "int8", "int16x8"])
def test_graphs(graph: Callable[[Any], Any], quantize: Any, tmp_path: Path) -> None:
    keras.backend.clear_session()  # so that Keras's own names begin with "add" again
    model, samples = built(graph), pictures()
    report = tflite(
        model, tmp_path / "m.tflite", quantize=quantize, calibration=samples, preprocessing=PIXELS, tolerance=ANY
    )
    found = inference.open(report.path).predict(samples.images)
    limit = {None: 1e-5, "dynamic": 0.05, "int8": 0.1, "int16x8": 0.1}[quantize]
    assert np.abs(found - expected(model, samples)).mean() < limit


def augmented(x: Any) -> Any:
    x = layers.RandomRotation(0.2)(layers.RandomFlip("horizontal")(x))
    inner = keras.Sequential([keras.Input((16, 16, 3)), layers.RandomZoom(0.3), layers.GaussianNoise(0.5)])
    x = layers.Conv2D(6, 3, activation="relu")(layers.RandomContrast(0.4)(inner(x)))
    return head(layers.SpatialDropout2D(0.5)(x))


@pytest.mark.parametrize("write", [tflite, xla])
def test_what_acts_in_training_alone_is_left_out(write: Callable[..., Any], tmp_path: Path) -> None:
    model, samples = built(augmented), pictures()
    path = tmp_path / ("m.tflite" if write is tflite else "m")
    report = write(model, path, check=samples, preprocessing=PIXELS)
    np.testing.assert_allclose(inference.open(path).predict(samples.images), expected(model, samples), atol=1e-4)
    if report.operators:
        assert set(report.operators) == {"CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"}


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"], indirect=True)
@pytest.mark.parametrize("graph", [residual, functions])
def test_half_precision_is_held_against_float32_and_both_are_shown(
    policy: str, graph: Callable[[Any], Any], tmp_path: Path
) -> None:
    half, samples = built(graph), pictures()
    keras.config.set_dtype_policy("float32")
    exact = built(graph)
    exact.set_weights(half.get_weights())
    report = tflite(half, tmp_path / "m.tflite", check=samples, preprocessing=PIXELS)
    found = inference.open(report.path).predict(samples.images)
    np.testing.assert_allclose(found, expected(exact, samples), atol=1e-4)
    as_it_is = expected(half, samples)
    assert report.comparison.half_error == pytest.approx(np.abs(found - as_it_is).max(), abs=1e-6)
    assert report.comparison.half_error > report.comparison.max_error
    assert "the model as it is differs by" in str(report)


def test_a_model_that_keras_quantized_is_refused_in_one_line(tmp_path: Path) -> None:
    model = built(one_layer)
    with pytest.warns(UserWarning, match="quantize"):
        model.quantize("int8")
    with pytest.raises(SepzooError) as caught:
        tflite(model, tmp_path / "m.tflite", preprocessing=PIXELS)
    assert str(caught.value) == (
        "expected a model of floating weights. Received: 'other', whose layer 'predictions' Keras quantized to int8. "
        "Export the model as it was before quantize(): the file is quantized here."
    )
    assert list(tmp_path.iterdir()) == []


HEADS = {**{name: end for name, (end, _) in CERTAIN.items()}, **UNCERTAIN}


@pytest.mark.slow
@pytest.mark.parametrize("end", HEADS.values(), ids=HEADS.keys())
def test_heads_give_in_the_file_what_they_give_in_keras(end: Callable[[Any], Any], tmp_path: Path) -> None:
    model = model_of(end)
    report = tflite(model, tmp_path / "m.tflite", check=windows())
    opened = inference.open(report.path)
    assert opened.output.kind == report.output.kind
    raw = opened.run(opened.encode(values(24)))
    np.testing.assert_allclose(raw, model.predict(values(24), verbose=0), atol=1e-4)
    assert (report.comparison.agreement is None) == (not opened.output.scores or report.comparison.note is not None)


@pytest.mark.slow
@pytest.mark.parametrize(("units", "kind"), [(1, "sigmoid"), (4, "softmax")])
@pytest.mark.parametrize("write", [tflite, xla])
def test_logits_get_their_softmax_on_request_alone(
    write: Callable[..., Any], units: int, kind: str, tmp_path: Path
) -> None:
    model = model_of(dense(units))
    path = tmp_path / ("m.tflite" if write is tflite else "m")
    assert write(model, path, check=windows()).output.kind == "values"
    report = write(model, path, check=windows(), outputs="logits")
    opened = inference.open(path)
    assert (report.output.kind, opened.output.kind) == ("logits", kind)
    logits = model.predict(values(24), verbose=0)
    logits = np.concatenate([np.zeros_like(logits), logits], axis=1) if units == 1 else logits
    by_hand = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(opened.predict(values(24)), by_hand, atol=1e-4)


def test_a_sigmoid_is_two_classes(tmp_path: Path) -> None:
    model = model_of(dense(1, "sigmoid"))
    yes = model.predict(values(24), verbose=0)[:, 0] > 0.5
    assert 0 < yes.sum() < 24
    labelled = Samples(values(24), yes.astype(int), origin="windows", seed=0)
    report = tflite(model, tmp_path / "m.tflite", check=labelled, labels=["no", "yes"])
    assert (report.comparison.agreement, report.comparison.file_accuracy) == (1.0, 1.0)
    assert inference.open(report.path).labels == ("no", "yes")


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(6,), (20, 6), (12, 10, 1)])
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_features_go_through_the_file_as_they_are(shape: tuple[int, ...], quantize: Any, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    source = keras.Input(shape)
    model = keras.Model(source, layers.Dense(3, activation="softmax")(layers.Flatten()(source)))
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(3, 2, (40, *shape)).astype(np.float32))
    samples = inference.feature_samples(tmp_path / "data.npz")
    report = tflite(
        model, tmp_path / "m.tflite", quantize=quantize, calibration=samples, features=Features(shape), tolerance=ANY
    )
    opened = inference.open(report.path)
    assert (opened.metadata.features.shape, opened.preprocessing) == (shape, None)
    found = opened.predict(tmp_path / "data.npz")
    assert np.abs(found - model.predict(samples.images, verbose=0)).mean() < (0.02 if quantize else 1e-5)
    assert report.comparison.origin == "40 samples of data.npz, seed 0"


def test_without_samples_features_are_drawn_at_random(tmp_path: Path) -> None:
    report = tflite(model_of(dense(3, "tanh")), tmp_path / "m.tflite", features=Features((4,), low=0.0, high=1.0))
    assert report.comparison.origin == "16 samples of random numbers, seed 0"
    assert "same top-1      not measured: outputs are no class scores" in str(report)


@pytest.mark.parametrize(
    ("quantize", "advice"), [(None, "Check on real samples, or"), ("int8", "Calibrate on more samples like those")]
)
def test_values_that_stray_are_refused(tmp_path: Path, quantize: Any, advice: str) -> None:
    with pytest.raises(SepzooError, match=rf"outputs have a relative error of .* \(limit -1\); .*\. {advice}"):
        tflite(
            model_of(dense(3)),
            tmp_path / "m.tflite",
            quantize=quantize,
            calibration=windows(),
            check=windows(),
            tolerance=Tolerance(relative_error=-1.0),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("colour", [2, 200])  # black ones: tests/data/test_wrong_samples.py
def test_calibration_of_one_colour_is_refused(colour: int, tmp_path: Path) -> None:
    plain = Samples(np.full((9, 16, 16, 3), colour, np.uint8), None, origin="one colour", seed=0)
    with pytest.raises(SepzooError, match=r"^expected samples that differ to calibrate on\. .*all of one colour\."):
        tflite(
            built(residual),
            tmp_path / "m.tflite",
            quantize="int8",
            calibration=plain,
            check=pictures(),
            preprocessing=PIXELS,
        )


def test_samples_that_are_all_answered_alike_are_refused(tmp_path: Path) -> None:
    plain = Samples(np.full((9, 16, 16, 3), 40, np.uint8), None, origin="night", seed=0)
    with pytest.raises(SepzooError, match=r"^expected samples that other answers differently\. .*no comparison could"):
        tflite(built(residual), tmp_path / "m.tflite", check=plain, preprocessing=PIXELS)


@pytest.mark.parametrize("purpose", ["check", "calibration"])
def test_no_samples_at_all_are_refused(purpose: str, tmp_path: Path) -> None:
    none = Samples(np.zeros((0, 16, 16, 3), np.uint8), None, origin="nowhere", seed=0)
    given = {"check": pictures(), "calibration": pictures(), purpose: none}
    with pytest.raises(SepzooError, match=r"^expected at least one sample to .* on\. Received: none of nowhere\.$"):
        tflite(built(residual), tmp_path / "m.tflite", quantize="int8", preprocessing=PIXELS, **given)


def test_samples_of_one_class_still_end_in_a_file(tmp_path: Path) -> None:
    model = built(residual)
    every = pictures(200)
    classes = expected(model, every).argmax(axis=1)
    five = Samples(every.images[classes == np.bincount(classes).argmax()][:5], None, origin="one class", seed=0)
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=five, preprocessing=PIXELS)
    assert report.comparison.agreement is None
    assert report.comparison.relative_error < 0.2
    assert "not measured: the model names one class for all samples" in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "dynamic", "int8", "int16x8"])
def test_mlperf_tiny_s_residual_network(quantize: Any, shared: Path, tmp_path: Path) -> None:
    from sepzoo.artifact import model_file

    model = model_file.load(shared / "weights" / "mlperf_tiny_resnet8_cifar10.h5")
    raw = Preprocessing(mean=(0.0,), std=(1.0,))
    noise = np.kron(np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3)), np.ones((1, 8, 8, 1))).astype(np.uint8)
    samples = Samples(noise, None, origin="coloured squares", seed=0)
    report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=samples, preprocessing=raw)
    found = inference.open(report.path).predict(noise)
    same = (found.argmax(axis=1) == model.predict(noise.astype(np.float32), verbose=0).argmax(axis=1)).mean()
    assert same >= (0.85 if quantize else 1.0)
