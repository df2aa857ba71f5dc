from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from sepzoo.data import open_source, split_names
from sepzoo.support.errors import SepzooError


def test_digits_by_name() -> None:
    source = open_source("digits", split="test", image_size=(16, 16), channels=3)
    assert source.images([0]).shape == (1, 16, 16, 3)
    assert split_names("digits") == ("train", "test")


@pytest.mark.parametrize("path", ["./missing", "/missing/folder", "missing/"])
def test_a_path_that_is_none_is_not_looked_for_elsewhere(path: str) -> None:
    with pytest.raises(SepzooError, match=r"expected a folder of class folders. Received: .*missing"):
        open_source(path, image_size=(8, 8))


def test_digits_and_folders_need_no_tensorflow(tmp_path: Path) -> None:
    program = f"""
import sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = sys.modules["keras"] = None
from pathlib import Path
from PIL import Image
from sepzoo.data import draw_samples, open_source
for name in "ab":
    (Path({str(tmp_path)!r}) / name).mkdir()
    Image.new("RGB", (9, 9)).save(Path({str(tmp_path)!r}) / name / "0.png")
print(len(draw_samples(open_source({str(tmp_path)!r}, image_size=(8, 8)), 5)), len(open_source("digits")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "2 1438\n"


def test_what_exists_or_looks_like_a_path_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ant", "bee"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name / "0.png")
    (tmp_path / "photos.zip").write_bytes(b"PK")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for text in ("~/photos", "photos", "./photos/", str(tmp_path / "photos")):
        assert split_names(text) == ("train",)
        assert len(open_source(text, image_size=(8, 8))) == 2
    (tmp_path / "gone").symlink_to("nowhere")
    for text, reason in (
        ("photos.zip", "is no folder"),
        ("~/nowhere", "does not exist"),
        ("nowhere/", "does not exist"),
        ("./gone", "is a link to a file that does not exist"),
    ):
        with pytest.raises(SepzooError, match=rf"expected a folder of class folders. Received: .*, which {reason}\.$"):
            split_names(text)


def test_a_name_that_nobody_knows_may_have_been_meant_as_a_folder() -> None:
    with pytest.raises(SepzooError, match=r"unknown data set 'cifar_10'.* There is no such folder either\.$"):
        split_names("cifar_10")
    with pytest.raises(
        SepzooError, match=r"Received: nosuchfolder, which is no such folder, and none of the \d+ known"
    ):
        split_names("nosuchfolder")
    with pytest.raises(
        SepzooError, match=r"a folder of class folders. Received: photo/flowers, which does not exist\."
    ):
        split_names("photo/flowers")
