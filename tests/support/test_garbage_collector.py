"""The garbage collector rests while a network is built, and is then as it was."""

from __future__ import annotations

import gc

import pytest

from sepzoo.applications import build
from sepzoo.support.garbage_collector import collector_paused


@pytest.mark.parametrize("on", [True, False])
def test_the_collector_is_left_as_it_was(on):
    before = gc.isenabled()
    try:
        (gc.enable if on else gc.disable)()
        with collector_paused():
            assert not gc.isenabled()
        assert gc.isenabled() is on
        with pytest.raises(ValueError, match="no"), collector_paused():
            raise ValueError("no")
        assert gc.isenabled() is on
    finally:
        (gc.enable if before else gc.disable)()


def test_no_collection_runs_while_a_network_is_built():
    build("cifar_resnet8")  # what it imports for the first time is no part of it
    phases = []

    def record(phase, info):
        phases.append(phase)

    gc.callbacks.append(record)
    try:
        build("cifar_resnet8")
        during = list(phases)
    finally:
        gc.callbacks.remove(record)
    assert len(during) <= 2  # what the first objects after it set off
    assert gc.isenabled()
