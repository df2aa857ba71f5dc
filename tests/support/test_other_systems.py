"""What Windows and macOS lack is taken from the process: commands answer all the same, and say so in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.command import run_command
from tests.test_imports import PACKAGE, ROOT

POSIX = ("resource", "fcntl", "termios", "tty", "pty", "pwd", "grp", "syslog")
"""Modules that Windows has not."""
KEPT = ("SIGINT", "SIGTERM", "SIGABRT", "SIGFPE", "SIGILL", "SIGSEGV", "SIG_DFL", "SIG_IGN", "SIGKILL", "SIGCHLD")
"""Signals that Windows has, and two without which this system's own `subprocess` does not run."""
WINDOWS = f"""
import os, signal, sys
for name in {POSIX}:
    sys.modules[name] = None
for name in dir(signal):
    if name.startswith("SIG") and name not in {KEPT}:
        delattr(signal, name)
for name in ("fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "killpg", "mkfifo", "setsid", "chown", "nice",
             "getloadavg", "register_at_fork", "sched_getaffinity", "statvfs", "getpgid", "fchmod", "O_NONBLOCK",
             "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC"):
    if hasattr(os, name):
        delattr(os, name)
"""
MACOS = """
import resource
def refuse(*arguments): raise ValueError("current limit exceeds maximum limit")
resource.setrlimit = refuse
"""
NO_LIMITS = (
    "warning: this system has no limits on a process's memory: a hostile file can fill it until its time is over"
)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "grey.png"
    Image.new("L", (40, 40), 99).save(path)
    return path


def in_the_child(before: str) -> str:
    """Python that lets the process that looks at files, too, start with the same things missing."""
    return f"{before}\nfrom sepzoo.support import child\nchild._PROGRAM = {before!r} + child._PROGRAM\n"


@pytest.mark.slow
@pytest.mark.parametrize("before", [WINDOWS, MACOS], ids=["windows", "macos"])
@pytest.mark.parametrize("name", ["small.tflite", "small.keras"])
def test_a_file_is_inspected_without_limits(small_files: Path, before: str, name: str) -> None:
    done = run_command("inspect", small_files / name, before=in_the_child(before))
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == NO_LIMITS
    assert run_command("inspect", small_files / name).stdout == done.stdout


def test_pictures_are_classified(small_files: Path, picture: Path) -> None:
    done = run_command("classify", small_files / "small.tflite", picture, before=in_the_child(WINDOWS))
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == NO_LIMITS
    assert done.stdout == run_command("classify", small_files / "small.tflite", picture).stdout


def test_a_hostile_file_is_refused_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "cut.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(range(40)))
    done = run_command("inspect", tmp_path / "cut.tflite", before=in_the_child(WINDOWS))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == NO_LIMITS
    assert len(done.stderr.splitlines()) == 2
    assert "cut.tflite" in done.stderr


@pytest.mark.slow
def test_a_run_folder_is_locked_where_there_are_no_locks(tmp_path: Path) -> None:
    code = (
        f"{WINDOWS}\nfrom pathlib import Path\nfrom sepzoo.support.errors import SepzooError\n"
        "from sepzoo.training.run_folder import RunFolder\n"
        f"first, second = (RunFolder(Path({str(tmp_path / 'run')!r})) for _ in range(2))\n"
        "with first.locked():\n    try:\n        with second.locked():\n            print('let in')\n"
        "    except SepzooError as error:\n        print(error)\n"
        "with second.locked():\n    print('free again')\nsys.exit()"
    )
    done = run_command(before=code)
    assert done.returncode == 0, done.stderr
    refused, free = done.stdout.splitlines()
    assert refused.startswith("expected a folder in which nothing runs.")
    assert free == "free again"


def test_no_module_of_posix_is_imported_but_where_its_lack_is_told() -> None:
    """What would end in an ImportError elsewhere: each of these imports stands in a function that catches it."""
    pattern = re.compile(rf"^( *)(?:import|from) ({'|'.join(POSIX)})\b", re.MULTILINE)
    found = {
        (path.relative_to(ROOT).as_posix(), name, bool(indent))
        for path in PACKAGE.rglob("*.py")
        for indent, name in pattern.findall(path.read_text(encoding="utf-8"))
    }
    assert found == {
        ("sepzoo/benchmark/worker.py", "resource", True),
        ("sepzoo/support/child.py", "resource", True),
        ("sepzoo/support/workspace.py", "fcntl", True),
    }


def test_no_call_that_windows_lacks_is_made_unguarded() -> None:
    calls = r"os\.(fork|getuid|geteuid|killpg|mkfifo|setsid|O_(?!RDONLY|WRONLY|RDWR|CREAT|EXCL)\w+|uname|sched_\w+)"
    names = rf"{calls}|signal\.SIG(?!INT|TERM|_)\w+"
    found = {
        path.relative_to(ROOT).as_posix(): match.group()
        for path in PACKAGE.rglob("*.py")
        if (match := re.search(names, path.read_text(encoding="utf-8")))
    }
    assert found == {}
