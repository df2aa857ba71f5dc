"""Which files of a folder are pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from sepzoo.data import find_images


def picture(path: Path, form: str = "PNG") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (3, 2)).save(path, form)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    for name in ("a.JPG", "b.jfif", "c", "d.2024", "deep/er/e.webp", "f.png/g.tif"):
        picture(tmp_path / "mixed" / name)
    (tmp_path / "mixed" / "broken.avif").write_bytes(b"")
    for name in ("notes.txt", "deep/README", "photo.HEIC"):
        (tmp_path / "mixed" / name).write_text("no picture")
    for name in (".hidden.png", ".cache/x.png"):
        picture(tmp_path / "mixed" / name)
    os.mkfifo(tmp_path / "mixed" / "pipe")
    return tmp_path / "mixed"


def names(folder: Path, paths: tuple[Path, ...]) -> list[str]:
    return [str(path.relative_to(folder)) for path in paths]


def test_pictures_are_told_by_suffix_or_content_at_any_depth(mixed: Path) -> None:
    images = find_images(mixed)
    expected = ["a.JPG", "b.jfif", "broken.avif", "c", "d.2024", "deep/er/e.webp", "f.png/g.tif"]
    assert names(mixed, images.found) == expected
    assert names(mixed, images.left_out) == ["deep/README", "notes.txt", "photo.HEIC", "pipe"]


def test_links_are_followed_once(mixed: Path, tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "far.png")
    (mixed / "link").symlink_to(tmp_path / "elsewhere")
    (mixed / "deep" / "round").symlink_to(mixed)
    found = names(mixed, find_images(mixed).found)
    assert "link/far.png" in found
    assert len(found) == 8


def test_a_folder_that_cannot_be_read_is_left_out(mixed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def guarded(path: str) -> object:
        if os.fspath(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert "deep" in names(mixed, find_images(mixed).left_out)


def test_names_that_are_no_text_are_found(mixed: Path) -> None:
    picture(mixed / os.fsdecode(b"caf\xe9.png"))
    assert os.fsdecode(b"caf\xe9.png") in names(mixed, find_images(mixed).found)
