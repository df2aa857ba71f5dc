"""Do the tests of the NumPy algebra notice a wrong formula? Every small change to it is tried against them.

    python -m tests.tools.mutation                  # all modules of TARGETS
    python -m tests.tools.mutation moments patches  # some

Each mutant (`tests/tools/mutants.py`) is run in a process of its own, forked after the heavy imports, with the module's
tests; it is killed when one of them fails or does not end. A survivor that computes the same as the original is listed
with the reason in `equivalent_mutants.csv`; the exit code is 1 if there is any other.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import gc
import importlib.abc
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

from tests.tools.mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
ALGEBRA = "sepzoo/surgery/algebra"
TARGETS = {
    f"{ALGEBRA}/allocation.py": "tests/surgery/algebra/test_allocation.py",
    f"{ALGEBRA}/expansion.py": "tests/surgery/algebra/test_expansion.py",
    f"{ALGEBRA}/moments.py": "tests/surgery/algebra/test_moments.py",
    f"{ALGEBRA}/patches.py": "tests/surgery/algebra/test_patches.py",
    f"{ALGEBRA}/regression.py": "tests/surgery/algebra/test_regression.py",
    f"{ALGEBRA}/response_maps.py": "tests/surgery/algebra/test_response_maps.py",
    f"{ALGEBRA}/truncation.py": "tests/surgery/algebra/test_truncation.py",
    "sepzoo/layers/factorization.py": "tests/layers/test_factorization.py",
    "sepzoo/layers/same_padding.py": "tests/layers/test_same_padding.py",
    "sepzoo/surgery/exact/affine.py": "tests/surgery/exact/test_folding.py",
    "sepzoo/surgery/exact/folding.py": "tests/surgery/exact/test_folding.py",
}
KNOWN = Path(__file__).with_name("equivalent_mutants.csv")
SECONDS = 120


@dataclasses.dataclass
class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source."""

    name: str
    source: str

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        origin = str(ROOT / (self.name.replace(".", "/") + ".py"))
        return importlib.util.spec_from_loader(fullname, self, origin=origin) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.source, str(module.__spec__ and module.__spec__.origin), "exec"), module.__dict__)


def passes(path: str, tests: str, source: str, *, silent: bool = True) -> bool:
    """Whether the tests pass with another source in the place of a module: in a process of its own."""
    child = os.fork()
    if child == 0:
        _run_tests(path, tests, source, silent=silent)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def _run_tests(path: str, tests: str, source: str, *, silent: bool) -> None:
    import pytest

    code = 1
    with contextlib.suppress(BaseException):
        if silent:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        sys.meta_path.insert(0, _Changed(path.removesuffix(".py").replace("/", "."), source))
        options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
        code = int(pytest.main([*options, str(ROOT / tests)]))
    os._exit(code)


def known() -> set[tuple[str, str, str]]:
    """Return the equivalent mutants that have been looked at: file, line as written, change."""
    with KNOWN.open(encoding="utf-8", newline="") as file:
        return {(row["file"], row["line"], row["change"]) for row in csv.DictReader(file)}


def survivors(path: str, tests: str) -> tuple[int, list[Mutant]]:
    """Return how many mutants a module has, and those with which its tests pass."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if not passes(path, tests, source, silent=False):
        raise SystemExit(f"{tests} fails without any change")
    every = list(mutants(source))
    return len(every), [mutant for mutant in every if passes(path, tests, mutant.source)]


def main(names: Sequence[str]) -> int:
    """Print a line for each module and each survivor that is not known; return the exit code."""
    import hypothesis.strategies  # noqa: F401
    import keras  # noqa: F401
    import pytest  # noqa: F401

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a mutant takes half a second then, instead of three
    gc.freeze()
    equivalent, unexplained = known(), 0
    print(f"{'module':40} mutants  killed  equivalent  unexplained")
    for path, tests in TARGETS.items():
        if names and Path(path).stem not in names:
            continue
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        count, alive = survivors(path, tests)
        new = [each for each in alive if (path, lines[each.line - 1].strip(), each.change) not in equivalent]
        print(f"{path:40} {count:7} {count - len(alive):7} {len(alive) - len(new):11} {len(new):12}", flush=True)
        for each in new:
            print(f"    {path}:{each.line}: {each.change}", flush=True)
        unexplained += len(new)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
