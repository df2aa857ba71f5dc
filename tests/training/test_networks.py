from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.artifact.model_file import attach, save
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.training import Recipe
from sepzoo.training.networks import Networks, build_networks, starting_point
from sepzoo.training.optimizer import build_optimizer

RECIPE = Recipe.from_yaml(
    """
name: small
model: {name: cifar_mobilenetv1_w1d8_bsconvu, image_size: 8}
data: {name: digits, crop_fraction: 0.9}
optimizer: {learning_rate: 0.1}
epochs: 1
"""
)
NAMES = ("a", "b", "c")


def built(recipe: Recipe) -> Networks:
    return build_networks(recipe.model, starting_point(recipe.model, recipe.data), NAMES)


@pytest.mark.parametrize(("labels", "warned"), [(NAMES, False), (("x", "y", "z"), True), (("c", "b", "a"), False)])
def test_classes_matched_by_number_are_told_of(tmp_path: Path, labels: tuple[str, ...], warned: bool) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
    save(attach(model, Metadata("mine", labels=labels, outputs=(Output("logits"),))), tmp_path / "mine.keras")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        networks = built(RECIPE.with_overrides([f"model={tmp_path / 'mine.keras'}"]))
    expected = (
        "mine: the classes of the data are matched by number, since none of a, b, c is a label of the network: x, y, z."
    )
    said = [str(warning.message) for warning in caught if "matched" in str(warning.message)]
    assert said == [expected] * warned
    np.testing.assert_array_equal(networks.targets(NAMES).argmax(1), [2, 1, 0] if labels[0] == "c" else [0, 1, 2])


@pytest.mark.slow
def test_the_head_alone_trains_and_nothing_else_moves() -> None:
    networks = built(RECIPE.with_overrides(["model.trained=head"]))
    model = networks.training
    assert [variable.path for variable in model.trainable_variables] == ["predictions/kernel", "predictions/bias"]
    model.compile(build_optimizer(RECIPE.optimizer, 0.1, ema=0, variables=model.trainable_variables), "mse")
    random = np.random.default_rng(0)
    for variable in model.get_layer("predictions").weights:
        variable.assign(random.normal(size=variable.shape))
    # Features of initial weights are faint: statistics like those of what comes in make them as large as in use.
    for layer in model.layers:
        if "bn" in layer.name:
            layer.set_weights([np.full(weight.shape, 0.5, "float32") for weight in layer.get_weights()])
    before = {variable.path: variable.numpy() for variable in model.weights}
    model.fit(random.normal(size=(8, 8, 8, 3)), random.normal(size=(8, 3)), verbose=0, shuffle=False)
    moved = {variable.path for variable in model.weights if (variable.numpy() != before[variable.path]).any()}
    assert moved == {"predictions/kernel", "predictions/bias"}


def test_the_inference_model_gives_the_probabilities_of_the_logits() -> None:
    networks = built(RECIPE)
    optimizer = build_optimizer(RECIPE.optimizer, 0.1, ema=0, variables=networks.training.trainable_variables)
    networks.copy_weights(optimizer)
    images = networks.preprocessing.normalize(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)))
    logits = networks.training(images).numpy().astype("float64")
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(networks.inference(images).numpy(), expected, rtol=1e-4, atol=1e-6)
    assert networks.preprocessing.crop_fraction == 0.9
