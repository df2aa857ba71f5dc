from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.training.optimizer import build_optimizer
from sepzoo.training.recipe_sections import OptimizerSection
from sepzoo.training.update_rules import SGD


def variables() -> list[keras.Variable]:
    random = np.random.default_rng(0)
    return [keras.Variable(random.normal(size=shape).astype("float32")) for shape in ((3, 4), (4,))]


def gradients(step: int) -> list[np.ndarray]:
    random = np.random.default_rng(step + 1)
    return [random.normal(size=shape).astype("float32") for shape in ((3, 4), (4,))]


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("decayed", ["all", "kernels"])
def test_decay_joins_the_gradient_before_momentum(nesterov: bool, decayed: str) -> None:
    trained = variables()
    section = OptimizerSection(learning_rate=0.1, momentum=0.9, nesterov=nesterov, weight_decay=0.01, decayed=decayed)
    optimizer = build_optimizer(section, 0.1, ema=0, variables=trained)
    expected = [variable.numpy().astype("float64") for variable in trained]
    velocities = [np.zeros_like(value) for value in expected]
    for step in range(5):
        optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(g) for g in gradients(step)], trained, strict=True))
        for index, gradient in enumerate(gradients(step)):
            if decayed == "all" or index == 0:
                gradient = gradient + 0.01 * expected[index]
            velocities[index] = 0.9 * velocities[index] + gradient
            move = gradient + 0.9 * velocities[index] if nesterov else velocities[index]
            expected[index] = expected[index] - 0.1 * move
    for variable, value in zip(trained, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-5)


def test_without_momentum() -> None:
    (trained, _) = variables()
    before = trained.numpy()
    optimizer = SGD(learning_rate=0.5, l2=0.1)
    optimizer.apply_gradients([(keras.ops.ones((3, 4)), trained)])
    np.testing.assert_allclose(trained.numpy(), before - 0.5 * (1 + 0.1 * before), rtol=1e-6)


@pytest.mark.parametrize("decayed", ["all", "kernels"])
def test_rmsprop_divides_by_the_root_of_mean_squares(decayed: str) -> None:
    trained = variables()
    section = OptimizerSection(
        kind="rmsprop", learning_rate=0.1, momentum=0.5, rho=0.8, weight_decay=0.01, decayed=decayed
    )
    optimizer = build_optimizer(section, 0.1, ema=0, variables=trained)
    expected = [variable.numpy().astype("float64") for variable in trained]
    squares, moves = ([np.zeros_like(value) for value in expected] for _ in range(2))
    for step in range(4):
        optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(g) for g in gradients(step)], trained, strict=True))
        for index, gradient in enumerate(gradients(step)):
            if decayed == "all" or index == 0:
                gradient = gradient + 0.01 * expected[index]
            squares[index] = 0.8 * squares[index] + 0.2 * gradient**2
            moves[index] = 0.5 * moves[index] + 0.1 * gradient / np.sqrt(squares[index] + 1e-7)
            expected[index] = expected[index] - moves[index]
    for variable, value in zip(trained, expected, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-4)


def test_adamw_spares_what_is_no_kernel() -> None:
    trained = variables()
    before = [variable.numpy() for variable in trained]
    section = OptimizerSection(kind="adamw", learning_rate=0.1, weight_decay=0.5, decayed="kernels")
    optimizer = build_optimizer(section, 0.1, ema=0, variables=trained)
    optimizer.apply_gradients(zip([keras.ops.zeros((3, 4)), keras.ops.zeros((4,))], trained, strict=True))
    np.testing.assert_allclose(trained[0].numpy(), before[0] * (1 - 0.1 * 0.5), rtol=1e-6)
    np.testing.assert_array_equal(trained[1].numpy(), before[1])


def test_averages_stand_beside_the_weights() -> None:
    trained = variables()
    optimizer = build_optimizer(OptimizerSection(learning_rate=0.1), 0.1, ema=0.75, variables=trained)
    expected = [np.zeros(variable.shape) for variable in trained]
    for step in range(4):
        optimizer.apply_gradients(zip([keras.ops.convert_to_tensor(g) for g in gradients(step)], trained, strict=True))
        for index, variable in enumerate(trained):
            share = 0.75 if step else 0.0
            expected[index] = share * expected[index] + (1 - share) * variable.numpy()
    after = [variable.numpy() for variable in trained]
    optimizer.finalize_variable_values(trained)
    for (variable, average), value, weights in zip(optimizer.averages(), expected, after, strict=True):
        np.testing.assert_allclose(average.numpy(), value, rtol=1e-5)
        np.testing.assert_array_equal(variable.numpy(), weights)


def test_no_averages_unless_asked() -> None:
    assert build_optimizer(OptimizerSection(learning_rate=0.1), 0.1, ema=0, variables=variables()).averages() == []
