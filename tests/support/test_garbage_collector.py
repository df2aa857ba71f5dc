"""The garbage collector rests while a network is built, and is then as it was."""

from __future__ import annotations

import gc
import weakref

import pytest

from sepzoo.applications import build
from sepzoo.support.garbage_collector import collector_paused, collector_spared


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


class _Node:
    """Something that refers to itself, which only a collection frees."""

    def __init__(self):
        self.itself = self


def test_what_a_paused_block_made_is_old_and_later_garbage_of_it_is_still_found(thawed):
    with collector_paused():
        node = _Node()
    assert any(each is node for each in gc.get_objects(generation=2))
    gone = weakref.ref(node)
    del node
    gc.collect()
    assert gone() is None


def test_a_collection_walks_over_what_the_block_made_alone(thawed):
    before = len(gc.get_objects())
    with collector_spared():
        assert len(gc.get_objects()) < before / 10
        gone = weakref.ref(_Node())
        gc.collect()
        assert gone() is None
    assert len(gc.get_objects()) > before * 0.9


def test_what_others_froze_stays_frozen(thawed):
    gc.freeze()
    count = gc.get_freeze_count()
    with pytest.raises(ValueError, match="no"), collector_spared():
        raise ValueError("no")
    assert gc.get_freeze_count() == count


@pytest.fixture
def thawed():
    """Nothing is frozen, as in a process of a user; afterwards all is again, as in one of tests."""
    gc.unfreeze()
    yield
    gc.freeze()
