"""What is half-written lies apart, is removed by the next process, and is never that of a living one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sepzoo.support import workspace as module
from sepzoo.support.atomic import atomic_write
from sepzoo.support.workspace import is_workspace, sweep, workspace


def killed_writes(place: Path, kind: str, way: str) -> list[dict[str, object]]:
    line = [sys.executable, "-m", "tests.support.killed_writes", str(place), kind, way]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("kind", "way"), [("file", "exchange"), ("folder", "exchange"), ("folder", "two steps")])
def test_killed_before_each_change_of_a_file(kind: str, way: str, tmp_path: Path) -> None:
    results = killed_writes(tmp_path, kind, way)
    assert len(results) > 4
    assert {result["next"] for result in results[:-1]} == {"old", "new"}
    assert all(result["left"] == [] for result in results)
    if way == "exchange" and sys.platform == "linux":
        assert {result["after"] for result in results} == {"old", "new"}
    else:  # for a moment the folder is in its workspace; the next one puts it back
        assert {result["after"] for result in results} <= {"old", "new", "missing"}


def test_that_of_a_living_process_stays(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from sepzoo.support.workspace import workspace\n"
        "with workspace(Path(sys.argv[1])) as place: print(place, flush=True); sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        place = Path(process.stdout.readline().strip())
        sweep(tmp_path)
        assert place.is_dir()
        process.kill()
        process.wait()
    sweep(tmp_path)
    assert not place.exists()


def test_ours_stays_while_it_is_open(tmp_path: Path) -> None:
    with workspace(tmp_path) as first, workspace(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_others_stay(tmp_path: Path) -> None:
    for name in (".hidden", ".best.keras.abcdefgh", "sepzoo-abcdefgh", ".sepzoo-abcdefghi", ".sepzoo-ABCDEFGH"):
        (tmp_path / name).mkdir()
        assert not is_workspace(name)
    before = sorted(tmp_path.iterdir())
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_an_interruption_between_two_steps_puts_the_folder_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    with atomic_write(target, folder=True) as temporary:
        temporary.mkdir()
        (temporary / "one").write_text("old")
    monkeypatch.setattr(module, "_exchanged", lambda one, other: False)
    replace = Path.replace

    def interrupted(path: Path, other: Path) -> Path:
        if other == target:
            raise KeyboardInterrupt
        return replace(path, other)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic_write(target, folder=True) as temporary:
        temporary.mkdir()
    assert (target / "one").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_without_locks_nothing_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)  # as on Windows
    left = tmp_path / ".sepzoo-abcdefgh"
    left.mkdir()
    with atomic_write(tmp_path / "file") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "file").read_text() == "whole"
    assert left.is_dir()


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    target = tmp_path / ("é" * 126 + ".x")
    with atomic_write(target) as temporary:
        temporary.write_text("whole")
    assert os.listdir(tmp_path) == [target.name]  # noqa: PTH208
