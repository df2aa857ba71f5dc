"""What every family must do, on one small member each: learn, be described by JSON, be saved."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sepzoo.applications import build
from sepzoo.artifact.model_file import load, save
from sepzoo.catalog.families import FAMILIES
from sepzoo.surgery import accelerate
from tests.small import SMALL

RANDOM = {  # with all that is random in training
    "fractalnet": {"drop_path": 0.15, "single_column": 0.5, "block_dropout": 0.4},
    "quicknet": {"dropout": 0.5},
}


def small(family, **arguments):
    name, given = SMALL[family]
    return build(name, **{**given, **arguments})


def images(model, count=4):
    return np.random.default_rng(0).uniform(-1, 1, (count, *model.input_shape[1:])).astype("float32")


def test_every_family_has_a_small_member():
    assert set(SMALL) == {family.name for family in FAMILIES}


@pytest.mark.slow
@pytest.mark.parametrize("family", SMALL)
def test_one_step_of_training_reaches_every_parameter(seed, family):
    model, _ = accelerate(small(family, **RANDOM.get(family, {})))  # as runs train it
    before = model.get_weights()
    labels = np.array([0, 1, 2, 3])
    with tf.GradientTape() as tape:
        logits = model(images(model), training=True)
        labels = np.broadcast_to(labels.reshape(-1, *[1] * (logits.ndim - 2)), logits.shape[:-1])  # one a step
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)) + sum(model.losses)
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.isfinite(np.asarray(gradient)).all(), variable.path
    reached = [np.any(gradient) for gradient in gradients]
    assert np.mean(reached) > (0.8 if family == "fractalnet" else 0.99)  # four samples may all lose a path
    keras.optimizers.SGD(0.01).apply(gradients, model.trainable_variables)
    assert np.isfinite(np.asarray(model(images(model)))).all()
    moved = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert np.mean(moved) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("family", SMALL)
def test_json_and_file_describe_the_whole_network(seed, tmp_path, family):
    model = small(family, **RANDOM.get(family, {}))
    again = keras.models.model_from_json(model.to_json())
    model.save_weights(tmp_path / "network.weights.h5")
    again.load_weights(tmp_path / "network.weights.h5")  # set_weights forgets what a Normalization derives of its own
    loaded = load(save(model, tmp_path / "model.keras"))
    expected = np.asarray(model(images(model)))
    for other in (again, loaded):
        assert [layer.get_config() for layer in other.layers] == [layer.get_config() for layer in model.layers]
        np.testing.assert_allclose(np.asarray(other(images(model))), expected, atol=1e-6)
