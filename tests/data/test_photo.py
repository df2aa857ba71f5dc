"""Picture files of every kind, good ones and bad ones."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from sepzoo.data import photo, read_image
from sepzoo.data.photo import is_picture, suffixes
from sepzoo.support.errors import SepzooError

PIXELS = np.random.default_rng(2).integers(0, 256, (6, 5, 3), np.uint8)
EXACT = {"PNG": {}, "BMP": {}, "TIFF": {}, "PPM": {}, "WEBP": {"lossless": True}, "SGI": {}, "PCX": {}, "DIB": {}}


def declared(width: int, height: int) -> bytes:
    """Return a PNG of a few hundred bytes that says it has this size, with pixels of one colour."""
    rows = zlib.compress(bytes(height * (1 + (width + 7) // 8)) if width * height < 2**24 else b"")

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["picture", "picture.JFIF", "picture.txt"])
@pytest.mark.parametrize("form", EXACT)
def test_the_content_says_the_format_not_the_name(form: str, name: str, tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / name, form, **EXACT[form])
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / name)), PIXELS)
    assert is_picture(tmp_path / name)


@pytest.mark.parametrize("form", ["JPEG", "JPEG2000", "GIF", "AVIF", "MPO"])
def test_lossy_formats_are_read_as_pillow_reads_them(form: str, tmp_path: Path) -> None:
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("Pillow was built without AVIF")
    Image.fromarray(PIXELS).save(tmp_path / "picture", form)
    with Image.open(tmp_path / "picture") as theirs:
        np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "picture")), np.asarray(theirs))


def test_suffixes_are_those_of_pictures() -> None:
    assert {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".pgm"} <= suffixes()
    assert not {".eps", ".pdf", ".h5", ".mpg", ".txt", ""} & suffixes()


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name, reason in (
        ("pipe.png", r"a pipe, socket or device, no file"),
        ("folder.png", "a folder"),
        ("empty.png", "an empty file"),
        ("text.png", "no picture"),
        ("loop.png", "a link that leads to itself"),
        ("none.png", "no such file"),
        ("with\0nul.png", "a name with a null character"),
    ):
        with pytest.raises(SepzooError, match=rf"expected a readable image\. Received: {reason}\.$"):
            read_image(tmp_path / name)
        assert not is_picture(tmp_path / name)


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret.png").write_bytes(declared(1, 1))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path / "secret.png"))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(SepzooError, match=r"secret\.png: expected a readable image\. Received: Permission denied\.$"):
        read_image(tmp_path / "secret.png")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_half_a_picture_is_damaged(form: str, tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(tmp_path / "whole", form)
    content = (tmp_path / "whole").read_bytes()
    (tmp_path / "half").write_bytes(content[: len(content) // 2])
    with pytest.raises(
        SepzooError, match=r"half: expected a readable image\. Received: (damaged \(.+\)|no picture)\.$"
    ):
        read_image(tmp_path / "half")


def test_declared_sizes_are_checked_before_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bomb.png").write_bytes(declared(100_000, 100_000))
    assert (tmp_path / "bomb.png").stat().st_size < 200
    with pytest.raises(
        SepzooError, match=r"Received: 100,000 x 100,000 pixels, of which at most 134,217,728 are decod"
    ):
        read_image(tmp_path / "bomb.png")
    monkeypatch.setattr(photo, "MAX_PIXELS", 64)
    (tmp_path / "at.png").write_bytes(declared(64, 1))
    (tmp_path / "over.png").write_bytes(declared(65, 1))
    assert read_image(tmp_path / "at.png").size == (64, 1)
    with pytest.raises(SepzooError, match=r"Received: 65 x 1 pixels, of which at most 64"):
        read_image(tmp_path / "over.png")


def test_a_large_photograph_is_read_without_a_warning(tmp_path: Path) -> None:
    Image.new("1", (9500, 9500)).save(tmp_path / "90MP.png")  # where Pillow begins to warn
    assert read_image(tmp_path / "90MP.png").size == (9500, 9500)


def test_large_files_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(2**30 + 1)  # a hole, which takes no room
    with pytest.raises(SepzooError, match=r"a file of 1,073,741,825 bytes; at most 1,073,741,824 are read"):
        read_image(tmp_path / "large.png")
