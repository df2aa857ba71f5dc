"""The garbage collector rests while a network is built, and is then as it was."""

from __future__ import annotations

import gc
import subprocess
import sys

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


def test_what_a_process_imported_is_walked_over_no_more_and_what_it_drops_later_is_found():
    program = (
        "import gc, weakref\n"
        "from sepzoo.cli.keras_start import start_keras\n"
        "start_keras()\n"
        "assert gc.get_freeze_count() > 100_000\n"
        "assert len(gc.get_objects()) < 10_000\n"
        "from sepzoo.applications import build\n"
        "gone = weakref.ref(build('cifar_resnet8'))\n"
        "gc.collect()\n"
        "assert gone() is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_in_the_process_of_a_user_nothing_is_left_out_and_a_dropped_network_is_young():
    program = (
        "import gc, weakref\n"
        "from sepzoo.applications import build\n"
        "build('cifar_resnet8')\n"
        "assert gc.get_freeze_count() < 1000\n"  # Python 3.12 has some of its own
        "gone = weakref.ref(build('cifar_resnet8'))\n"
        "gc.collect(1)\n"
        "assert gone() is None\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
