"""Building is quick; Keras's own building is the yardstick, as seconds hang on what else the machine does."""

from __future__ import annotations

import statistics
import time

import keras
import pytest

from sepzoo.applications import build, list_models


def seconds(make) -> float:
    start = time.process_time()
    make()
    return time.process_time() - start


@pytest.mark.slow
def test_the_median_listed_network_takes_half_a_second():
    yardstick = []  # a third of a second where two quiet cores are to be had
    times = []
    for position, name in enumerate(list_models()[::11]):
        if position % 5 == 0:
            yardstick.append(seconds(lambda: keras.applications.Xception(weights=None)))
        times.append(seconds(lambda name=name: build(name)))
    assert statistics.median(times) < max(0.5, 1.5 * statistics.median(yardstick))


@pytest.mark.slow
def test_xception_is_built_no_slower_than_by_keras():
    ours, theirs = lambda: build("xception"), lambda: keras.applications.Xception(weights=None)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(5)]
    assert min(ours for ours, _ in pairs) <= 1.1 * min(theirs for _, theirs in pairs)
