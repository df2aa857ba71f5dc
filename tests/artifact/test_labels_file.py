"""Label files of every editor."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sepzoo.artifact.labels_file import read_labels
from sepzoo.support.errors import SepzooError

NAMES = ("tench, Tinca", "Löwe", "茶", "a b")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n \n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("last", [True, False])
def test_lines_whatever_the_editor(encoding: str, end: str, last: bool, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes((end.join(NAMES) + end * last).encode(encoding))
    assert read_labels(tmp_path / "labels.txt") == NAMES


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_of_either_order(order: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeff".join(["", "a\r\nb"]).encode(f"utf-16-{order}"))
    assert read_labels(tmp_path / "labels.txt") == ("a", "b")


def test_only_line_ends_end_a_label(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\u00a0b\nc\td", encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == ("a\u00a0b", "c\td")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"caf\xe9\n", "no UTF-8 text"),
        (b"\xff\xfea", "no UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n", "no UTF-8 text"),
        (b"", "an empty file"),
        (b"\n \r\n", "a file without a name"),
        ("a\nb".encode("utf-16-le"), r"with the name a\x00, which holds control characters. Save it as UTF-8."),
        (b"red\x1b[31m\n", r"with the name red\x1b[31m, which holds control characters"),
    ],
)
def test_what_is_no_label_file_is_refused_in_one_line(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(SepzooError) as error:
        read_labels(tmp_path / "labels.txt")
    assert str(error.value).startswith("expected a text file with one class name a line. Received: ")
    assert text in str(error.value)
    assert str(error.value).isprintable()


def test_what_is_no_file_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder"), (tmp_path / "none", "no such file")):
        with pytest.raises(SepzooError, match=f"which is {reason}"):
            read_labels(path)
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(SepzooError, match="at most 16,777,216 are read"):
        read_labels(tmp_path / "large.txt")


@pytest.mark.parametrize(
    "content", ["\ufeffcat\n\ufeffdog\n", "\u200bcat\ndog\u200b", "cat \u00a0\n\t dog", "cat\n\ufeff\ndog\n\n"]
)
def test_marks_that_nobody_sees_are_no_part_of_a_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text(content, encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == ("cat", "dog")


def test_a_byte_order_mark_alone_is_no_name(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(SepzooError, match=r"labels\.txt, which is a file without a name\.$"):
        read_labels(tmp_path / "labels.txt")
