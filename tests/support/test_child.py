"""A process with limits: it answers, and what it may not do ends in one line."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sepzoo.support.child import Child, ChildError

FUNCTION = "tests.support.test_child:act"


def act(question: str) -> object:
    """Do in the other process what the question says."""
    if question == "crash":
        import os

        os.kill(os.getpid(), signal.SIGSEGV)
    if question == "leave":
        import os

        os._exit(3)
    if question == "hang":
        time.sleep(600)
    if question == "spin":
        while True:
            pass
    if question == "grow":
        return len(bytearray(8 * 2**30))
    if question == "recurse":
        return act(question)
    if question.startswith("write "):
        with open(question.removeprefix("write "), "wb", buffering=0) as file:  # noqa: PTH123
            return file.write(b"something")
    if question == "print":
        sys.stdout.write('{"value": "forged"}\n')
        sys.stdout.flush()
    if question == "modules":
        return sorted(sys.modules)
    return question


@pytest.fixture
def child() -> Iterator[Child]:
    with Child(FUNCTION, seconds=60, memory=2**30) as started:  # a busy machine takes long to import what is asked
        yield started


def test_it_answers_many_questions(child: Child) -> None:
    assert [child.ask(question) for question in ("a", "ü", "print", "c")] == ["a", "ü", "print", "c"]


def test_it_imports_nothing_heavy(child: Child) -> None:
    loaded = child.ask("modules")
    assert not {"site", "keras", "tensorflow", "numpy", "h5py"} & set(loaded)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("crash", r"^crashed \(signal 11, SIGSEGV: it used memory that isn't its own\)$"),
        ("leave", r"^crashed \(exit code 3\)$"),
    ],
)
def test_an_end_of_the_process_is_an_error(child: Child, question: str, text: str) -> None:
    with pytest.raises(ChildError, match=text):
        child.ask(question)
    assert child.closed
    with pytest.raises(ChildError, match="has ended"):
        child.ask("more")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("question", ["hang", "spin"])
def test_time_is_limited(question: str) -> None:
    start = time.monotonic()
    with Child(FUNCTION, seconds=2, memory=2**30) as child:
        with pytest.raises(ChildError, match=r"^took more than 2 seconds$"):
            child.ask(question)
        assert child.closed
        with pytest.raises(ChildError, match=r"has ended"):
            child.ask("more")
    assert time.monotonic() - start < 60


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit memory")
def test_memory_is_limited_and_the_process_goes_on(child: Child) -> None:
    with pytest.raises(ChildError, match=r"^needs more than 1,024 MiB$"):
        child.ask("grow")
    assert child.ask("still here") == "still here"


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_it_writes_no_file(child: Child, tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="File too large"):
        child.ask(f"write {tmp_path / 'file'}")


def test_what_it_raises_is_one_error(child: Child) -> None:
    with pytest.raises(ChildError, match=r"^failed \(RecursionError: maximum recursion depth"):
        child.ask("recurse")
    assert child.ask("still here") == "still here"


def test_a_question_is_posted_before_the_process_has_begun(child: Child) -> None:
    child.post("early")
    assert child.answer() == "early"
    child.post("leave")
    with pytest.raises(ChildError, match=r"^crashed \(exit code 3\)$"):
        child.answer()
    with pytest.raises(ChildError, match=r"^has ended$"):
        child.post("late")


def test_a_function_that_is_not_there() -> None:
    with (
        Child("tests.support.test_child:nothing", seconds=60, memory=2**30) as child,
        pytest.raises(ChildError, match=r"^failed \(AttributeError"),
    ):
        child.ask("a")


def test_without_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ChildError, match=r"^could not start \("):
        Child(FUNCTION, seconds=2, memory=2**30)


def test_without_limits_it_says_so_and_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    from sepzoo.support import child as module

    program = f"import sys; sys.modules['resource'] = None; {module._PROGRAM}"
    monkeypatch.setattr(module, "_PROGRAM", program)
    with (
        pytest.warns(RuntimeWarning, match="^this system has no limits on a process's memory"),
        Child(FUNCTION, seconds=60, memory=2**30) as started,
    ):
        assert started.ask("a") == "a"
    with (
        pytest.warns(RuntimeWarning, match="^this system has no limits"),
        Child(FUNCTION, seconds=2, memory=2**30) as started,
        pytest.raises(ChildError, match=r"^took more than 2 seconds$"),
    ):
        started.ask("hang")  # time on the clock is limited all the same


def test_no_process_is_left_behind(child: Child) -> None:
    child.close()
    assert isinstance(child._process, subprocess.Popen)
    assert child.closed
