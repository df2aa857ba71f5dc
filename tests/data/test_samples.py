from __future__ import annotations

import numpy as np
import pytest

from sepzoo.data import draw_samples, open_source
from sepzoo.support.errors import SepzooError


def test_samples_are_different_images_of_the_source_and_repeatable() -> None:
    source = open_source("digits", split="test")
    samples = draw_samples(source, 50, seed=4)
    assert (len(samples), samples.origin, samples.seed) == (50, "digits test", 4)
    places = [np.flatnonzero((source.pixels == image).all((1, 2, 3))) for image in samples.images]
    assert len({place[0] for place in places}) == 50
    np.testing.assert_array_equal(samples.labels, source.labels[[place[0] for place in places]])
    np.testing.assert_array_equal(samples.images, draw_samples(source, 50, seed=4).images)
    assert (samples.images != draw_samples(source, 50, seed=5).images).any()


def test_more_than_there_are_gives_all() -> None:
    assert len(draw_samples(open_source("digits", split="test"), 1000)) == 359


def test_none_is_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected at least 1 sample. Received: count=0"):
        draw_samples(open_source("digits", split="test"), 0)
