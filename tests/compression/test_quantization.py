"""Training with rounding: it starts where the ranges say, learns, and stands on the steps that the file takes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.analysis import profile
from sepzoo.compression import QuantizedModel, quantize_aware
from sepzoo.compression.rounding import rounding
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from sepzoo.surgery.exact.rounding_layers import freeze_rounding, remove_rounding, rounds
from tests.export.networks import samples, separable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return separable()


@pytest.fixture(scope="module")
def quantized(model: keras.Model) -> QuantizedModel:
    return quantize_aware(model, samples(model, 96), epochs=4, batch_size=8)


def divergence(model: keras.Model, other: keras.Model, images: np.ndarray) -> float:
    """Return the mean Kullback-Leibler divergence of one model's answers from another's, in nats."""
    inputs = images / np.float32(127.5) - 1
    wanted, found = (np.asarray(each.predict(inputs, verbose=0), "float64") + 1e-9 for each in (model, other))
    return float((wanted * np.log(wanted / found)).sum(axis=1).mean())


def test_ranges_are_those_of_the_samples(model: keras.Model) -> None:
    drawn = samples(model, 40)
    plain, rounded, values = rounding(from_model(model), drawn)
    inputs = values["image"]
    answers = plain.predict(inputs, verbose=0)
    np.testing.assert_allclose(answers[1:], model.predict(inputs, verbose=0)[1:], atol=1e-5)
    first = next(layer for layer in plain.layers if isinstance(layer, keras.layers.ReLU))
    stem = keras.Model(plain.input, first.output).predict(inputs, verbose=0)
    layer = rounded.get_layer(f"{first.name}_output")
    np.testing.assert_allclose([float(layer.low), float(layer.high)], [0, stem.max()], rtol=1e-6)
    at_input = rounded.get_layer("image_rounded")
    np.testing.assert_allclose([float(at_input.low), float(at_input.high)], [-1, 1], atol=1e-6)
    kernel = np.asarray(plain.get_layer("stem.1").kernel)
    np.testing.assert_allclose(
        2.0 ** np.asarray(rounded.get_layer("stem.1").log_step), np.abs(kernel).max(axis=(0, 1, 2)) / 127, rtol=1e-5
    )


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """The models whose training steps were traced, one entry for each time."""
    found: list[keras.Model] = []
    step = keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda self, data: (found.append(self), step(self, data))[1])
    return found


def test_its_step_is_traced_once(model: keras.Model, traced: list[keras.Model]) -> None:
    quantize_aware(model, samples(model, 40), epochs=2, batch_size=16)  # 30 that train
    assert len(traced) == 1


def test_rounding_changes_no_multiplication(model: keras.Model) -> None:
    plain, rounded, _values = rounding(from_model(model), samples(model, 8))
    found = profile(rounded)
    assert found.macs == profile(plain).macs == profile(model).macs > 0
    assert not found.uncounted


def test_training_without_labels_brings_it_nearer(model: keras.Model) -> None:
    few = Samples(samples(model, 4).images // 4, None, origin="dark quarters", seed=0)  # ranges that clip
    start = quantize_aware(model, few, epochs=0)
    drawn = samples(model, 96)
    before = divergence(model, start.model, drawn.images)
    start.model.compile(keras.optimizers.Adam(3e-3), keras.losses.KLDivergence())
    inputs = drawn.images / np.float32(127.5) - 1
    start.model.fit(inputs, model.predict(inputs, verbose=0), epochs=6, batch_size=16, verbose=0)
    after = divergence(model, start.model, drawn.images)
    assert after < before / 2, (before, after)


def test_training_learns_and_says_its_losses(model: keras.Model, quantized: QuantizedModel) -> None:
    assert len(quantized.losses) == 5  # and before the first epoch
    assert min(quantized.losses) < 0.6 * quantized.losses[0]
    fresh = quantize_aware(model, samples(model, 96), epochs=0)
    drawn = samples(model, 200, seed=5)
    assert divergence(model, quantized.model, drawn.images) < divergence(model, fresh.model, drawn.images)
    learned = [layer for layer in quantized.model.layers if isinstance(layer, QuantizedKernel)]
    moved = [
        float(np.abs(np.asarray(layer.log_step) - np.asarray(fresh.model.get_layer(layer.name).log_step)).max())
        for layer in learned
    ]
    assert min(moved) > 0


def test_what_training_spoils_is_not_kept(model: keras.Model) -> None:
    drawn = samples(model, 64)
    start, spoilt = (quantize_aware(model, drawn, epochs=epochs, learning_rate=1.0) for epochs in (0, 1))
    assert spoilt.losses[1] > spoilt.losses[0]
    for one, two in zip(start.model.get_weights(), spoilt.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_one_seed_gives_the_same_bits(model: keras.Model) -> None:
    drawn = samples(model, 32)
    first, second, other = (quantize_aware(model, drawn, epochs=1, batch_size=8, seed=seed) for seed in (3, 3, 4))
    for one, two in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert first.losses == second.losses
    assert first.losses != other.losses


@pytest.fixture(scope="module")
def sparse() -> keras.Model:
    """A network of whose weights some are zero, and in one layer few different ones, before batch norms."""
    found = separable()
    for name in ("unit0_pointwise", "stem"):
        kernel, *others = found.get_layer(name).get_weights()
        found.get_layer(name).set_weights([np.where(np.abs(kernel) < np.median(np.abs(kernel)), 0, kernel), *others])
    kernel = found.get_layer("unit1_pointwise").get_weights()[0]
    few = np.quantile(kernel, [0.1, 0.4, 0.8])
    found.get_layer("unit1_pointwise").set_weights([few[np.abs(kernel[..., None] - few).argmin(axis=-1)]])
    return found


@pytest.mark.parametrize("preserve", [True, pytest.param(False, marks=pytest.mark.nightly)])
def test_zeros_stay_zero_and_equal_weights_equal(sparse: keras.Model, preserve: bool) -> None:
    start, found = (
        quantize_aware(sparse, samples(sparse, 40), epochs=epochs, batch_size=8, learning_rate=1e-4, preserve=preserve)
        for epochs in (0, 2)
    )
    kept = []
    for name in ("stem.1", "unit0_pointwise.1", "unit1_pointwise.1"):
        before, after = (np.asarray(each.model.get_layer(name).layer.kernel) for each in (start, found))
        kept.append(((after == 0) == (before == 0)).all())
        for channel in range(before.shape[-1]):
            values = np.unique(before[..., channel])
            kept.append(len(np.unique(after[..., channel])) == len(values))
    assert all(kept) is preserve
    assert not np.array_equal(*(each.model.get_layer("stem.1").layer.kernel for each in (start, found)))


def test_labels_may_be_the_targets(model: keras.Model) -> None:
    found = quantize_aware(model, samples(model, 64), targets="labels", epochs=2, learning_rate=1e-3)
    assert min(found.losses) < found.losses[0]
    assert found.evaluate(samples(model, 200, seed=4)).top1 > 0.9


def test_labels_are_those_of_the_networks_own_classes(model: keras.Model) -> None:
    """Found by name where the data has another order, and refused where the network has none of that number."""
    names = from_model(model).require_labels()
    plain = samples(model, 64)
    turned = dataclasses.replace(plain, labels=len(names) - 1 - plain.labels, class_names=names[::-1])
    settings = {"targets": "labels", "epochs": 1, "learning_rate": 1e-3}
    assert quantize_aware(model, turned, **settings).losses == quantize_aware(model, plain, **settings).losses
    for wrong in (-1, len(names)):
        strange = dataclasses.replace(plain, labels=np.where(np.arange(64) == 9, wrong, plain.labels))
        with pytest.raises(
            sepzoo.SepzooError, match=rf"expected labels 0 … {len(names) - 1}, the classes of .*{wrong}"
        ):
            quantize_aware(model, strange, **settings)


def test_the_model_is_only_read(model: keras.Model, quantized: QuantizedModel) -> None:
    for one, two in zip(model.get_weights(), separable().get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert [rounds(each) for each in (quantized.model, model, quantized.keras_model)] == [True, False, False]


def test_what_leaves_computes_the_same(quantized: QuantizedModel) -> None:
    inputs = samples(separable(), 20).images / np.float32(127.5) - 1
    frozen = freeze_rounding(quantized.model)
    found, wanted = (each.predict(inputs, verbose=0) for each in (frozen, quantized.model))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    plain = remove_rounding(quantized.model)
    assert not any(isinstance(layer, QuantizedKernel | QuantizedOutput) for layer in plain.layers)
    kernels = {layer.name: np.asarray(layer.kernel) for layer in plain.layers if hasattr(layer, "kernel")}
    trained = {layer.name: layer.layer for layer in quantized.model.layers if isinstance(layer, QuantizedKernel)}
    assert kernels.keys() == trained.keys()
    for name, kernel in kernels.items():
        np.testing.assert_array_equal(kernel, np.asarray(trained[name].kernel))


@pytest.mark.parametrize("kind", ["values", "multilabel", "several"])
def test_other_outputs_than_classes(kind: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    source = keras.Input((12,), name="window")
    x = keras.layers.Dense(16, activation="gelu")(source)
    head = keras.layers.Dense(3, activation="sigmoid" if kind == "multilabel" else None, name="head")(x)
    outputs = {"head": head, "tail": keras.layers.Dense(2, activation="softmax", name="tail")(x)}
    model = keras.Model(source, outputs if kind == "several" else head, name="features")
    data = Samples(np.random.default_rng(0).normal(size=(64, 12)).astype("float32"), None, origin="normal", seed=0)
    said = {"several": {"head": "values"}, "values": "values", "multilabel": "multilabel"}[kind]
    found = quantize_aware(model, data, epochs=2, batch_size=8, learning_rate=1e-3, outputs=said)
    wanted, answers = (keras.tree.flatten(each.predict(data.images, verbose=0)) for each in (model, found.model))
    for one, two in zip(wanted, answers, strict=True):
        assert np.linalg.norm(one - two) < 0.05 * np.linalg.norm(one)
    found.model.save(tmp_path / "trained.keras")
    again = keras.tree.flatten(keras.models.load_model(tmp_path / "trained.keras").predict(data.images, verbose=0))
    assert all(np.array_equal(*pair) for pair in zip(answers, again, strict=True))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"targets": "class"}, "unknown target 'class'"),
        ({"targets": "labels", "data": "unlabelled"}, "expected labelled samples to train to. Received: coloured"),
        ({"data": "one colour"}, "expected samples that differ to calibrate on"),
        ({"learning_rate": 1e6}, "Pass a smaller one."),
    ],
)
def test_mistakes_are_told(model: keras.Model, arguments: dict, said: str) -> None:
    drawn = samples(model, 32)
    data = {
        "unlabelled": Samples(drawn.images, None, origin=drawn.origin, seed=0),
        "one colour": Samples(np.full_like(drawn.images, 9), None, origin="grey", seed=0),
    }.get(arguments.pop("data", ""), drawn)
    with pytest.raises(sepzoo.SepzooError, match=said):
        quantize_aware(model, data, **{"epochs": 2, **arguments})
