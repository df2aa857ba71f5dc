"""Several picture files at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from sepzoo.inference import load_images
from sepzoo.support.errors import SepzooError


def test_loads_in_order(tmp_path: Path) -> None:
    for width in (3, 5):
        Image.new("RGB", (width, 2)).save(tmp_path / f"{width}.png")
    assert [image.size for image in load_images([tmp_path / "5.png", tmp_path / "3.png"])] == [(5, 2), (3, 2)]


def test_one_bad_file_is_one_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"none\.png: expected a readable image\. Received: no such file\.$"):
        load_images([tmp_path / "none.png"])


def test_many_bad_files_are_counted_and_five_are_named(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^8 of 8 images cannot be read\. .*4\.png: no such file\. And 3 more\.$"):
        load_images([tmp_path / f"{number}.png" for number in range(8)])


def test_a_truncated_picture_is_damaged(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:900])
    with pytest.raises(SepzooError, match=r"cut\.jpg: expected a readable image\. Received: damaged"):
        load_images([tmp_path / "cut.jpg"])


def test_what_is_no_file_is_counted_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(SepzooError) as error:
        load_images(sorted(tmp_path.iterdir()))
    assert str(error.value) == (
        f"3 of 3 images cannot be read. {tmp_path}/empty.png: an empty file. {tmp_path}/folder.png: a folder. "
        f"{tmp_path}/pipe.png: a pipe, socket or device, no file."
    )
