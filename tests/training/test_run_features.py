"""What the settings of a run do to a training, each against Keras's own or NumPy."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.data import open_source
from sepzoo.data.arrays import ArraySource
from sepzoo.data.augment import Augmentation
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import Epoch, FitSettings, Networks, Recipe
from sepzoo.training.batches import class_weights, training_batches
from sepzoo.training.early_stopping import stops
from sepzoo.training.memory import says_which_batch_size
from sepzoo.training.optimizer import build_optimizer, layer_rates, own_optimizer
from sepzoo.training.recipe_sections import EarlyStoppingSection, OptimizerSection
from sepzoo.training.trainee import Trainee
from tests.training.small_training import settings, small_network, train


def variables() -> list[keras.Variable]:
    random = np.random.default_rng(0)
    return [keras.Variable(random.normal(size=shape).astype("float32")) for shape in ((3, 4), (4,))]


def gradients(seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return [random.normal(size=shape).astype("float32") for shape in ((3, 4), (4,))]


def apply(optimizer: keras.optimizers.Optimizer, given: list[np.ndarray], to: list[keras.Variable]) -> None:
    optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(each) for each in given], to, strict=True))


def test_accumulated_steps_are_those_of_mean_gradients() -> None:
    ours, theirs = variables(), variables()
    section = OptimizerSection(learning_rate=0.1, weight_decay=0.01, clip_norm=1.0, accumulate_steps=3)
    plain = section.model_copy(update={"accumulate_steps": 1})
    accumulating, other = (
        build_optimizer(each, 0.1, ema=0, variables=list(vs)) for each, vs in ((section, ours), (plain, theirs))
    )
    for step in range(2):
        each = [gradients(3 * step + number) for number in range(3)]
        for given in each:
            apply(accumulating, given, ours)
        apply(other, [np.mean(parts, axis=0) for parts in zip(*each, strict=True)], theirs)
    for one, same in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), same.numpy(), rtol=1e-5)
    assert int(own_optimizer(accumulating).batches) == 6


@pytest.mark.parametrize("kind", ["sgd", "adamw"])
def test_layers_move_at_their_own_rates(kind: str) -> None:
    section = OptimizerSection(kind=kind, learning_rate=0.1)
    ours, theirs = variables(), variables()
    given = gradients(1)
    apply(build_optimizer(section, 0.1, ema=0, variables=ours, rates=[0.25, 1.0]), given, ours)
    apply(build_optimizer(section, 0.1, ema=0, variables=theirs), given, theirs)
    start = variables()
    for one, other, before, rate in zip(ours, theirs, start, (0.25, 1.0), strict=True):
        expected = rate * (other.numpy() - before.numpy())
        np.testing.assert_allclose(one.numpy() - before.numpy(), expected, rtol=1e-4, atol=1e-7)
    assert layer_rates(small_network(), 0.5) == [0.5] * 4 + [1.0] * 2


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss"])
@pytest.mark.parametrize("seed", range(5))
def test_early_stopping_is_keras_s(monitor: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    values = np.round(random.random(30), 2)
    section = EarlyStoppingSection(monitor=monitor, patience=3, min_delta=0.05)
    callback = keras.callbacks.EarlyStopping(
        monitor, patience=3, min_delta=0.05, mode="min" if monitor == "val_loss" else "max"
    )
    callback.set_model(keras.Sequential())
    callback.on_train_begin()
    callback.model.stop_training = False
    history: list[Epoch] = []
    for epoch, value in enumerate(values):
        history.append(Epoch(epoch + 1, 1.0, 0.5, value, value, 0.1, 1.0, 1.0))
        callback.on_epoch_end(epoch, {monitor: value})
        assert stops(history, section) == callback.model.stop_training
        if callback.model.stop_training:
            break
    assert len(history) < 30


def test_class_weights_weigh_the_loss() -> None:
    source = ArraySource(np.zeros((8, 4, 4, 1), "uint8"), np.array([0, 0, 0, 0, 0, 1, 1, 2]), ("a", "b", "c"))
    targets = np.eye(4, dtype="float32")[[2, 0, 3]]  # a network of four outputs, in another order
    balanced = class_weights("balanced", source, targets)
    np.testing.assert_allclose(balanced, [8 / 3 / 2, 0, 8 / 3 / 5, 8 / 3 / 1], rtol=1e-6)
    np.testing.assert_allclose(class_weights({"b": 3.0}, source, targets), [3, 0, 1, 1])
    assert class_weights(None, source, targets) is None
    with pytest.raises(SepzooError, match=r"unknown class in class_weights 'd'"):
        class_weights({"d": 1.0}, source, targets)
    batches = training_batches(
        source,
        ZERO_TO_ONE,
        Augmentation(),
        size=(4, 4),
        batch_size=8,
        seed=0,
        epoch=0,
        targets=targets,
        weights=balanced,
    )
    [(_, wanted, weights)] = batches
    np.testing.assert_allclose(weights.sum(), 8, rtol=1e-6)
    assert {(int(row.argmax()), round(float(weight), 3)) for row, weight in zip(wanted, weights, strict=True)} == {
        (2, 0.533),
        (0, 1.333),
        (3, 2.667),
    }


def test_mixed_images_are_sums_of_two_and_so_are_their_targets() -> None:
    pixels = np.repeat(np.arange(0, 250, 25, dtype="uint8"), 16).reshape(10, 4, 4, 1)
    source = ArraySource(pixels, np.arange(10), tuple("abcdefghij"))
    said = {"size": (4, 4), "batch_size": 10, "seed": 0, "epoch": 0}
    values = np.arange(0, 250, 25) / 255
    for augmentation in (Augmentation(mixup=0.9), Augmentation(cutmix=1.0), Augmentation(mixup=0.9, cutmix=1.0)):
        [(images, wanted)] = training_batches(source, ZERO_TO_ONE, augmentation, **said)
        [(again, _)] = training_batches(source, ZERO_TO_ONE, augmentation, **said)
        np.testing.assert_array_equal(images, again)
        np.testing.assert_allclose(wanted.sum(1), 1, rtol=1e-5)
        assert ((wanted > 0).sum(1) <= 2).all()
        assert (wanted.max(1) < 1).any()
        if augmentation.mixup and not augmentation.cutmix:
            np.testing.assert_allclose(images.mean((1, 2, 3)), wanted @ values, rtol=1e-4, atol=1e-6)


def test_random_augment_changes_pixels_and_stays_in_range() -> None:
    source = open_source("digits", split="test[:5%]")
    said = {"size": (8, 8), "batch_size": 100, "seed": 0}
    changed, plain = (
        next(training_batches(source, ZERO_TO_ONE, Augmentation(operations=operations), **said, epoch=0))[0]
        for operations in (2, 0)
    )
    assert changed.shape == plain.shape
    assert (changed != plain).mean() > 0.2
    assert changed.min() >= 0
    assert changed.max() <= 1


def test_half_precision_computes_in_halves_and_keeps_whole_weights() -> None:
    networks = Networks.of(small_network(), ZERO_TO_ONE)
    trainee = Trainee(networks, settings(precision="mixed_float16"), steps_per_epoch=3)
    x = np.zeros((2, 8, 8, 1), "float32")
    types = []
    for layer in trainee.model.layers:
        x = layer(x)
        types.append(keras.backend.standardize_dtype(x.dtype))
    assert types == ["float16"] * 5 + ["float32"]
    assert {weight.dtype for weight in trainee.model.weights} == {"float32"}
    assert isinstance(trainee.optimizer, keras.optimizers.LossScaleOptimizer)
    plain = Networks.of(small_network(), ZERO_TO_ONE)
    assert not isinstance(
        Trainee(plain, settings(precision="mixed_bfloat16"), steps_per_epoch=3).optimizer,
        keras.optimizers.LossScaleOptimizer,
    )


@pytest.mark.slow
def test_features_stay_until_they_are_unfrozen(tmp_path: Path) -> None:
    start = small_network().get_layer("conv").get_weights()[0]
    for epochs, moves in ((1, False), (2, True)):
        networks = Networks.of(small_network(frozen=True), ZERO_TO_ONE)
        train(tmp_path / str(epochs), settings(epochs=epochs, unfreeze_epoch=1), networks=networks)
        kernel = networks.inference.get_layer("conv").get_weights()[0]
        assert (kernel != start).any() == moves


def test_too_little_memory_says_what_to_try() -> None:
    said = FitSettings(
        optimizer=OptimizerSection(learning_rate=0.1, accumulate_steps=2), epochs=1, batch_size=64, seed=0
    )
    text = r"batch_size=64. Try batch_size=32 with optimizer.accumulate_steps=4, which steps as often\."
    with pytest.raises(SepzooError, match=text), says_which_batch_size(said):
        raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 42 bytes.")
    with pytest.raises(RuntimeError, match="else"), says_which_batch_size(said):
        raise RuntimeError("something else")
    with (
        pytest.raises(SepzooError, match=r"Try a smaller model.image_size"),
        says_which_batch_size(said.model_copy(update={"batch_size": 1})),
    ):
        raise MemoryError


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("precision=float16", "expected for precision 'float32', 'mixed_float16' or 'mixed_bfloat16'. Received: "),
        ("optimizer.accumulate_steps=0", "expected for optimizer.accumulate_steps greater than or equal to 1."),
        ("optimizer.layer_decay=0", "expected for optimizer.layer_decay greater than 0. Received: "),
        ("early_stopping={}", "expected a value for early_stopping.patience. Received: none."),
        ("early_stopping.patience=0", "expected a section before the last dot."),
        ("class_weights={a: -1}", "greater than or equal to 0"),
        ("augmentation.mixup=2", "expected for augmentation.mixup less than or equal to 1. Received: "),
        ("unfreeze_epoch=1", "unfreeze_epoch only with model.trained=head, which freezes layers at first."),
        ("checkpoint_minutes=0", "expected for checkpoint_minutes greater than 0."),
    ],
)
def test_what_does_not_fit_is_one_line(override: str, text: str) -> None:
    with pytest.raises(SepzooError) as caught:
        Recipe.load("digits").with_overrides([override])
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
