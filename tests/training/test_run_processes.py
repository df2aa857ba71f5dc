"""Processes that end with what began them: their exit codes and last words, and that none is left."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sepzoo.training.run_processes import RunProcesses

FOREVER = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"


def test_a_process_that_ends_tells_its_code_and_its_words() -> None:
    with RunProcesses() as processes:
        assert processes.run([sys.executable, "-c", "print('said'); exit('too few')"]) == (1, "too few\n")
        assert processes.run([sys.executable, "-c", ""]) == (0, "")


def test_an_exception_ends_all_and_none_begins_after_it(tmp_path: Path) -> None:
    begun, processes = [tmp_path / "one", tmp_path / "two"], RunProcesses()
    start = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(processes.run, [sys.executable, "-c", FOREVER, str(path)]) for path in begun]
        while not all(path.exists() for path in begun):
            time.sleep(0.01)
        with pytest.raises(KeyboardInterrupt), processes:
            raise KeyboardInterrupt
        codes = [future.result()[0] for future in running]
        assert all(code != 0 for code in codes)
        assert processes.run([sys.executable, "-c", FOREVER, str(tmp_path / "three")])[0] != 0
    assert not (tmp_path / "three").exists()
    assert time.monotonic() - start < 60
