from __future__ import annotations

import math

import numpy as np
import pytest

from sepzoo.training.recipe_sections import ScheduleSection
from sepzoo.training.schedule import EpochSchedule


def rates(epochs: int = 10, steps: int = 7, **section: object) -> np.ndarray:
    schedule = EpochSchedule(0.2, ScheduleSection(**section), steps_per_epoch=steps, epochs=epochs)
    return np.array([float(schedule(step)) for step in range(epochs * steps)])


def test_constant() -> None:
    np.testing.assert_allclose(rates(), 0.2, rtol=1e-6)


def test_steps_fall_at_the_first_step_of_their_epoch() -> None:
    epoch = np.arange(70) // 7
    expected = 0.2 * 0.1 ** ((epoch >= 4).astype(int) + (epoch >= 8))
    np.testing.assert_allclose(rates(kind="step", milestones=[4, 8]), expected, rtol=1e-6)


@pytest.mark.parametrize("warmup", [0, 1, 2.5])
def test_cosine_after_a_linear_start(warmup: float) -> None:
    first = warmup * 7
    expected = [
        0.2
        * min((step + 1) / first if first else 1, 1)
        * 0.5
        * (1 + math.cos(math.pi * max(step - first, 0) / (70 - first)))
        for step in range(70)
    ]
    np.testing.assert_allclose(rates(kind="cosine", warmup_epochs=warmup), expected, rtol=1e-5, atol=1e-7)


def test_exponential_falls_after_so_many_epochs() -> None:
    expected = 0.2 * 0.94 ** ((np.arange(70) // 7) // 2)
    np.testing.assert_allclose(rates(kind="exponential", factor=0.94, every_epochs=2), expected, rtol=1e-5)


def test_polynomial_falls_with_what_is_left() -> None:
    expected = 0.2 * (1 - np.arange(70) / 70) ** 4
    np.testing.assert_allclose(rates(kind="polynomial", power=4), expected, rtol=1e-4, atol=1e-9)


def test_milestones_are_exact_at_the_size_of_cifar() -> None:
    schedule = EpochSchedule(
        0.1, ScheduleSection(kind="step", milestones=[100, 150, 180]), steps_per_epoch=391, epochs=200
    )
    for milestone, before, after in ((100, 0.1, 0.01), (150, 0.01, 0.001), (180, 0.001, 0.0001)):
        assert float(schedule(milestone * 391 - 1)) == pytest.approx(before)
        assert float(schedule(milestone * 391)) == pytest.approx(after)
