"""Batches reach TensorFlow in order and once, by a data set whose end nothing waits for."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from sepzoo.training.devices import Devices
from sepzoo.training.feeding import data_set

pytestmark = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="a data set of TensorFlow")
SIZES = (4, 4, 3)


def counted(begun: list[int]) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield batches of growing numbers, and note how far they were asked for."""
    begun.append(0)
    for size in SIZES:
        begun[-1] += 1
        first = 4.0 * (begun[-1] - 1)
        yield np.arange(first, first + size, dtype="float32")[:, None], np.full(size, begun[-1], "int64")


def test_batches_come_in_order_and_with_their_types() -> None:
    found = list(data_set(lambda: counted([])).as_numpy_iterator())
    assert [len(values) for values, _ in found] == list(SIZES)
    np.testing.assert_array_equal(np.concatenate([values for values, _ in found])[:, 0], np.arange(11.0))
    assert [str(labels.dtype) for _, labels in found] == ["int64"] * 3


def test_they_are_begun_once_for_each_pass() -> None:
    begun: list[int] = []
    made = data_set(lambda: counted(begun))
    assert begun == [1]  # the first batch says what all look like, and is not lost
    for passes in (1, 2):
        assert len(list(made)) == len(SIZES)
        assert begun == [len(SIZES)] * passes


def test_nothing_tunes_them() -> None:
    assert data_set(lambda: counted([])).options().autotune.enabled is False


def test_a_training_sees_each_batch_once() -> None:
    begun: list[int] = []
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    seen: list[int] = []
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: seen.append(step))
    for _ in range(2):
        model.fit(
            Devices().fed(lambda: counted(begun)),
            steps_per_epoch=len(SIZES),
            shuffle=False,
            verbose=0,
            callbacks=[watch],
        )
    assert seen == [0, 1, 2] * 2
    assert begun.count(len(SIZES)) == 2
