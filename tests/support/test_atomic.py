"""What is written is whole, and what somebody else put there stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from sepzoo.support.atomic import MARKER, atomic_write, check_target
from sepzoo.support.errors import SepzooError
from tests.command import run_command


def write_folder(target: Path, content: str = "ours") -> None:
    with atomic_write(target, folder=True) as temporary:
        (temporary / "variables").mkdir(parents=True)
        (temporary / "assets").mkdir()
        (temporary / "variables" / "data").write_text(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """A folder with something in it that nobody else has."""
    folder = tmp_path / "diary"
    (folder / "2026").mkdir(parents=True)
    (folder / "2026" / "may.txt").write_text("dear diary")
    return folder


def test_a_file_never_replaces_a_folder(diary: Path) -> None:
    with (
        pytest.raises(SepzooError, match=r"expected the name of a file.*diary, which is a folder"),
        atomic_write(diary),
    ):
        pytest.fail("nothing is begun")
    assert contents(diary) == {"2026/may.txt": b"dear diary"}


def test_a_file_does_not_replace_an_empty_folder_either(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match="which is a folder"):
        check_target(tmp_path)


def test_a_folder_that_came_while_a_file_was_written_stays(diary: Path) -> None:
    target = diary.with_name("late")
    with pytest.raises(SepzooError, match="which is a folder"), atomic_write(target) as temporary:  # noqa: PT012
        temporary.write_text("file")
        diary.rename(target)
    assert contents(target) == {"2026/may.txt": b"dear diary"}


def test_a_folder_never_replaces_a_foreign_folder(diary: Path) -> None:
    with pytest.raises(SepzooError, match=r"one that sepzoo wrote.*which holds other files"):
        write_folder(diary)
    assert contents(diary) == {"2026/may.txt": b"dear diary"}


def test_a_folder_replaces_what_was_written_before(tmp_path: Path) -> None:
    target = tmp_path / "served"
    write_folder(target, "first")
    write_folder(target, "second")
    assert contents(target)["variables/data"] == b"second"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["served"]


@pytest.mark.parametrize("addition", ["notes.txt", "variables/notes.txt", "assets/notes.txt", "new/notes.txt"])
def test_a_folder_with_something_added_stays(tmp_path: Path, addition: str) -> None:
    target = tmp_path / "served"
    write_folder(target)
    (target / addition).parent.mkdir(exist_ok=True)
    (target / addition).write_text("mine")
    before = contents(target)
    with pytest.raises(SepzooError, match="which holds other files"):
        write_folder(target)
    assert contents(target) == before


def test_a_link_among_the_files_is_something_added(tmp_path: Path, diary: Path) -> None:
    target = tmp_path / "served"
    write_folder(target)
    (target / "link").symlink_to(diary)
    with pytest.raises(SepzooError, match="which holds other files"):
        write_folder(target)


def test_a_marker_alone_proves_nothing(diary: Path) -> None:
    (diary / MARKER).write_text("")
    with pytest.raises(SepzooError, match="which holds other files"):
        check_target(diary, folder=True)


def test_a_folder_replaces_neither_file_nor_link(tmp_path: Path, diary: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine")
    link.symlink_to(diary)
    for target, kind in ((file, "file"), (link, "link")):
        with pytest.raises(SepzooError, match=f"which is a {kind}"):
            write_folder(target)
    assert file.read_text() == "mine"
    assert contents(diary) == {"2026/may.txt": b"dear diary"}


def test_what_fails_leaves_nothing_and_keeps_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_write(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError
    assert contents(tmp_path) == {"file": b"old"}


def test_a_disk_without_room_is_named_with_the_file(tmp_path: Path) -> None:
    """Not with the temporary one, which is gone."""
    target = tmp_path / "file"
    for told in (OSError(errno.ENOSPC, "full"), OSError(errno.ENOSPC, "full", str(tmp_path / ".sepzoo-x" / "file"))):
        with pytest.raises(OSError, match="No space left") as caught, atomic_write(target):
            raise told
        assert caught.value.filename == str(target)
    elsewhere = OSError(errno.ENOSPC, "full", "/nowhere/else")
    with pytest.raises(OSError, match="full") as caught, atomic_write(target):
        raise elsewhere
    assert caught.value is elsewhere


def test_a_pipe_or_device_is_no_file_to_replace(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(SepzooError, match=r"which is a pipe, a socket or a device\. Name another file"):
            check_target(path)


@pytest.mark.parametrize("folder", [False, True])
def test_a_place_that_cannot_be_written_to_is_said_beforehand(tmp_path: Path, folder: bool) -> None:
    (tmp_path / "file").write_text("mine")
    for place in ("file/x.keras", "file/in/x.keras"):
        with pytest.raises(
            SepzooError, match=r"can be written to\. Received: .*/file \(Not a directory\)\. Name another"
        ):
            check_target(tmp_path / place, folder=folder)
    check_target(tmp_path / "new" / "folders" / "x.keras", folder=folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_commands_refuse_a_folder_in_the_place_of_a_file(diary: Path, small_files: Path) -> None:
    target = diary.rename(diary.with_name("pd.keras"))
    network = small_files / "small.keras"
    rewritten = run_command("rewrite", network, "--fold", "--out", target)
    file = diary.with_name("small_float32.tflite")
    file.mkdir()
    (file / "mine").write_text("mine")
    exported = run_command("export", network, "--to", "tflite:float32", "--out", diary.parent)
    served = diary.with_name("small_xla")
    served.mkdir()
    (served / "mine").write_text("mine")
    as_xla = run_command("export", network, "--to", "xla", "--out", diary.parent)
    for done, what in (
        (rewritten, "pd.keras, which is a folder"),
        (exported, "which is a folder"),
        (as_xla, "other files"),
    ):
        assert done.returncode == 2
        assert what in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert contents(target) == {"2026/may.txt": b"dear diary"}
    assert contents(file) == contents(served) == {"mine": b"mine"}
