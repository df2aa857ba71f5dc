from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.training.muon import Muon, orthogonal_kernels
from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.recipe_sections import OptimizerSection

SHAPES = ((3, 3, 4, 6), (1, 1, 16, 8), (5, 12), (3, 3, 8, 1), (6,))
ORTHOGONAL = (True, True, True, False, False)


def variables() -> list[keras.Variable]:
    random = np.random.default_rng(0)
    return [keras.Variable(random.normal(size=shape).astype("float32")) for shape in SHAPES]


def gradients(step: int) -> list[np.ndarray]:
    random = np.random.default_rng(step + 1)
    return [random.normal(size=shape).astype("float32") for shape in SHAPES]


def build(of: list[keras.Variable], **changes: Any) -> Muon:
    section = OptimizerSection(**{"kind": "muon", "learning_rate": 0.1, "orthogonal_step": 0.2, **changes})
    built = build_optimizer(section, 0.1, ema=0, variables=of, orthogonal=ORTHOGONAL)
    assert isinstance(built, Muon)
    return built


def apply(optimizer: keras.Optimizer, given: list[np.ndarray], to: list[keras.Variable]) -> None:
    optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(each) for each in given], to, strict=True))


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_kernels_step_along_the_orthogonal_factor_of_their_momentum(momentum: float, nesterov: bool) -> None:
    """By NumPy: U V of the singular values, which Newton and Schulz's five rounds bring to .7 ... 1.2."""
    trained = variables()
    optimizer = build(trained, momentum=momentum, nesterov=nesterov, weight_decay=0.01)
    velocities = [np.zeros(shape) for shape in SHAPES]
    for step in range(3):
        before = [variable.numpy() for variable in trained]
        apply(optimizer, gradients(step), trained)
        for index in np.flatnonzero(ORTHOGONAL):
            gradient = gradients(step)[index]
            velocities[index] = momentum * velocities[index] + gradient
            direction = gradient + momentum * velocities[index] if nesterov else velocities[index]
            u, _, v = np.linalg.svd(direction.reshape(-1, SHAPES[index][-1]), full_matrices=False)
            moved = (before[index] - trained[index].numpy()) / 0.1 - 0.01 * before[index]
            turned = u.T @ moved.reshape(u.shape[0], -1) @ v.T / (0.2 * np.sqrt(max(u.shape[0], v.shape[1])))
            np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=2e-3)
            assert 0.6 < np.diag(turned).min() <= np.diag(turned).max() < 1.3


def test_all_else_is_moved_by_sgd() -> None:
    ours, theirs = variables(), variables()
    said = {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "decayed": "kernels"}
    section = OptimizerSection(kind="sgd", learning_rate=0.1, **said)
    muon, sgd = build(ours, **said), build_optimizer(section, 0.1, ema=0, variables=theirs)
    for step in range(3):
        apply(muon, gradients(step), ours)
        apply(sgd, gradients(step), theirs)
    same = [np.allclose(one.numpy(), other.numpy(), rtol=1e-5) for one, other in zip(ours, theirs, strict=True)]
    assert same == [not each for each in ORTHOGONAL]


def test_the_size_of_a_gradient_does_not_count_for_kernels_and_the_rate_does() -> None:
    ours, larger, slower = variables(), variables(), variables()
    start = variables()
    apply(build(ours), gradients(0), ours)
    apply(build(larger), [1000 * each for each in gradients(0)], larger)
    apply(build(slower, orthogonal_step=0.1), gradients(0), slower)
    for index in np.flatnonzero(ORTHOGONAL):
        np.testing.assert_allclose(larger[index].numpy(), ours[index].numpy(), rtol=1e-3, atol=1e-5)
        whole, half = (each[index].numpy() - start[index].numpy() for each in (ours, slower))
        np.testing.assert_allclose(half, whole / 2, rtol=1e-3, atol=1e-5)
        assert 0.8 * 0.02 / np.sqrt(2) < np.sqrt((whole**2).mean()) < 1.2 * 0.02


def test_which_kernels_are_orthogonal() -> None:
    layers = [
        keras.layers.Conv2D(4, 3, name="dense"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
        keras.layers.SeparableConv2D(6, 3, name="separable"),
        keras.layers.Conv2D(8, 1, use_bias=False, name="pointwise"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(5, name="hidden"),
        keras.layers.Dense(3, name="logits"),
    ]
    model = keras.Sequential([keras.Input((16, 16, 3)), *layers])
    paths = [variable.path for variable in model.trainable_variables]
    chosen = [path for path, each in zip(paths, orthogonal_kernels(model), strict=True) if each]
    assert [path.split("/")[-2] for path in chosen] == ["dense", "pointwise", "hidden"]
    assert all(path.endswith("kernel") for path in chosen)
