from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.support.batches import equal_batches


@given(count=st.integers(1, 200), size=st.integers(1, 70))
def test_all_samples_are_in_batches_of_one_size(count: int, size: int) -> None:
    order = np.random.default_rng(count).permutation(np.arange(1000, 1000 + count))
    batches = equal_batches(order, size)
    assert batches.shape[1] == min(size, count)
    flat = batches.ravel()
    assert flat[:count].tolist() == order.tolist()
    assert len(flat) - count < size
    assert flat[count:].tolist() == order[: len(flat) - count].tolist()
