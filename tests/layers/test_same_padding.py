"""What "same" adds, against the zeros that Keras's own convolution sees at each end."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers.same_padding import same_on_axis


@pytest.mark.parametrize(
    ("size", "taps", "stride", "dilation"),
    [(9, 3, 1, 1), (9, 4, 1, 1), (9, 4, 3, 1), (8, 5, 2, 1), (9, 3, 1, 2), (9, 2, 1, 3), (12, 2, 5, 1), (9, 1, 2, 1)],
)
def test_the_places_beyond_each_end_are_those_of_keras(size: int, taps: int, stride: int, dilation: int) -> None:
    """Each place is told by a number of its own, so that the first and the last window say where they begin and end."""
    reach = (taps - 1) * dilation + 1
    places = np.arange(1.0, size + 1, dtype="float32")
    kernel = np.eye(taps, dtype="float32")[:, None]  # one filter a tap: what it sees comes out as it is
    seen = keras.ops.conv(places[None, :, None], kernel, stride, "same", dilation_rate=dilation)
    seen = keras.ops.convert_to_numpy(seen)[0]
    before, after = same_on_axis(size, reach, stride)
    outside = np.pad(places, (before, after))
    assert len(seen) == (size + before + after - reach) // stride + 1
    np.testing.assert_array_equal(seen[0], outside[:reach:dilation])
    last = (len(seen) - 1) * stride
    np.testing.assert_array_equal(seen[-1], outside[last : last + reach : dilation])
    assert after == max(last + reach - before - size, 0)  # and no place that no window sees
