from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.data import FolderSource, SkippedImageWarning, open_folder, open_source, split_names
from sepzoo.data.class_folders import folder_splits
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError


def photograph(path: Path, size: tuple[int, int] = (30, 20), value: int = 0) -> None:
    """Write a picture whose colour tells it from others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.linspace(0, 200, size[1], dtype=np.uint8)[:, None, None]
    Image.fromarray(np.broadcast_to(rows + value, (size[1], size[0], 3)).astype(np.uint8)).save(path)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    for label, name in enumerate(("bee", "ant", "cat")):
        for number in range(5):
            photograph(tmp_path / "insects" / name / f"{number}.png", value=10 * label + number)
    return tmp_path / "insects"


@pytest.fixture
def divided(tmp_path: Path) -> Path:
    for split, count in (("train", 4), ("val", 2), ("test", 1)):
        for name in ("ant", "bee"):
            for number in range(count):
                photograph(tmp_path / "set" / split / name / f"{number}.JPG", value=number)
    return tmp_path / "set"


def test_class_folders_become_a_data_set(flat: Path) -> None:
    source = open_source(flat, image_size=(16, 16))
    assert (len(source), source.class_names, source.image_size) == (15, ("ant", "bee", "cat"), (16, 16))
    assert np.bincount(source.labels).tolist() == [5, 5, 5]
    assert source.name == "insects train"
    images = source.images(np.array([0, 14]))
    assert images.shape == (2, 16, 16, 3)
    assert images.dtype == np.uint8


def test_images_are_resized_as_preprocessing_says(flat: Path) -> None:
    preprocessing = Preprocessing(crop_fraction=0.5)
    source = open_folder(flat, image_size=(8, 8), preprocessing=preprocessing)
    expected = preprocessing.resize(Image.open(flat / "ant" / "0.png"), (8, 8))
    np.testing.assert_array_equal(source.images(np.array([0]))[0], expected)


def test_decoding_on_demand_gives_the_same_as_keeping_in_memory(flat: Path) -> None:
    kept = open_folder(flat, image_size=(16, 16))
    streamed = open_folder(flat, image_size=(16, 16), memory_budget=1000)
    assert isinstance(streamed, FolderSource)
    for one, other in zip(kept.shuffled(4, seed=1, epoch=0), streamed.shuffled(4, seed=1, epoch=0), strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_a_slice_holds_out_some_of_every_class(flat: Path) -> None:
    assert split_names(flat) == ("train",)
    held_out = open_folder(flat, split="train[:20%]", image_size=(8, 8))
    kept = open_folder(flat, split="train[20%:]", image_size=(8, 8))
    assert np.bincount(held_out.labels).tolist() == [1, 1, 1]
    assert np.bincount(kept.labels).tolist() == [4, 4, 4]


def test_subfolders_are_splits(divided: Path) -> None:
    assert folder_splits(divided) == ("train", "val", "test")
    sizes = [len(open_folder(divided, split=split, image_size=(8, 8))) for split in ("train", "val", "test")]
    assert sizes == [8, 4, 2]


def test_a_class_may_be_absent_from_validation_but_not_strange(divided: Path) -> None:
    for file in (divided / "val" / "ant").iterdir():
        file.unlink()
    assert open_folder(divided, split="val", image_size=(8, 8)).labels.tolist() == [1, 1]
    photograph(divided / "val" / "wasp" / "0.png")
    with pytest.raises(SepzooError, match=r"expected in .*val the class folders of train. Received: wasp besides"):
        open_folder(divided, split="val", image_size=(8, 8))


def test_unreadable_images_are_named_counted_and_left_out(flat: Path) -> None:
    whole = (flat / "ant" / "1.png").read_bytes()
    (flat / "ant" / "1.png").write_bytes(whole[: len(whole) // 2])
    (flat / "bee" / "0.png").write_text("no picture")
    with pytest.warns(SkippedImageWarning) as caught:
        source = open_folder(flat, image_size=(8, 8))
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 3
    assert "ant/1.png: expected a readable image. Received: damaged (" in texts[0]
    assert "bee/0.png: expected a readable image. Received: no picture. It is left out." in texts[1]
    assert texts[2].endswith("insects: 2 of 15 images cannot be read and were left out.")
    assert np.bincount(source.labels).tolist() == [4, 4, 5]


def test_unreadable_images_are_left_out_on_demand_too(flat: Path) -> None:
    (flat / "bee" / "0.png").write_text("no picture")
    with pytest.warns(SkippedImageWarning):
        source = open_folder(flat, image_size=(8, 8), memory_budget=0)
    assert len(source) == 14
    assert source.images(np.arange(14)).shape == (14, 8, 8, 3)


def test_a_class_of_unreadable_images_is_refused(flat: Path) -> None:
    for file in (flat / "cat").iterdir():
        file.write_bytes(b"")
    with (
        pytest.warns(SkippedImageWarning),
        pytest.raises(SepzooError, match=r"a readable image of every class. Received: class 'cat'"),
    ):
        open_folder(flat, image_size=(8, 8))


def test_photographs_are_turned_upright(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        photograph(tmp_path / name / "0.jpg", size=(40, 20))
    pixels = np.zeros((20, 40, 3), np.uint8)
    pixels[:, :20] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(pixels).save(tmp_path / "ant" / "0.jpg", exif=exif)
    image = open_folder(tmp_path, image_size=(8, 8)).images(np.array([0]))[0]
    assert image[0].mean() > 200
    assert image[-1].mean() < 50


def test_bad_folders_are_refused(tmp_path: Path, flat: Path) -> None:
    with pytest.raises(SepzooError, match=r"missing, which does not exist"):
        open_folder(tmp_path / "missing", image_size=(8, 8))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SepzooError, match=r"at least two class folders. Received: .*empty with none"):
        open_folder(tmp_path / "empty", image_size=(8, 8))
    photograph(tmp_path / "one" / "ant" / "0.png")
    with pytest.raises(SepzooError, match=r"at least two class folders. Received: .*one with only 'ant'"):
        open_folder(tmp_path / "one", image_size=(8, 8))
    (tmp_path / "one" / "bee").mkdir()
    (tmp_path / "one" / "bee" / "notes.txt").write_text("none yet")
    with pytest.raises(SepzooError, match=r"expected pictures .* of every class. Received: .*bee with none"):
        open_folder(tmp_path / "one", image_size=(8, 8))
    with pytest.raises(SepzooError, match=r"unknown split of .*insects 'test'. Known: train"):
        open_folder(flat, split="test", image_size=(8, 8))
    with pytest.raises(SepzooError, match=r"expected an image_size for a folder of photographs"):
        open_source(flat)


def test_pictures_of_any_suffix_and_depth_belong_to_their_class(flat: Path) -> None:
    with (flat / "ant" / "0.png").open("rb") as whole:
        content = whole.read()
    for name in ("ant/more/deep.jfif", "ant/none", "bee/b.PNG", "bee/c.avif"):
        (flat / name).parent.mkdir(exist_ok=True)
        (flat / name).write_bytes(content)
    assert np.bincount(open_folder(flat, image_size=(8, 8)).labels).tolist() == [7, 7, 5]


def test_what_is_left_out_is_counted_and_named_on_one_line(flat: Path) -> None:
    for number in range(7):
        (flat / "ant" / f"{number}.txt").write_text("notes")
    photograph(flat / "stray.png")
    (flat / "LICENSE").write_text("not meant as a picture")
    with pytest.warns(SkippedImageWarning) as caught:
        source = open_folder(flat, image_size=(8, 8))
    [text] = [str(warning.message) for warning in caught]
    assert text.startswith(f"{flat}: 8 files are no pictures of a class and were left out: {flat / 'stray.png'}, ")
    assert text.endswith(f"{flat / 'ant' / '3.txt'} and 3 more.")
    assert len(source) == 15


def test_of_many_damaged_pictures_five_are_named(flat: Path) -> None:
    for file in [*(flat / "ant").iterdir(), *(flat / "bee").iterdir()][:8]:
        file.write_bytes(b"")
    photograph(flat / "ant" / "whole.png")
    with pytest.warns(SkippedImageWarning) as caught:
        open_folder(flat, image_size=(8, 8))
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == 6
    assert texts[0].endswith("Received: an empty file. It is left out.")
    assert texts[5] == f"{flat}: 8 of 16 images cannot be read and were left out."


def test_classes_of_numbers_are_ordered_by_value(tmp_path: Path) -> None:
    for number in range(12):
        photograph(tmp_path / str(number) / "0.png", value=number)
    source = open_folder(tmp_path, image_size=(20, 30))
    assert source.class_names == tuple(map(str, range(12)))
    assert source.images(np.arange(12))[:, 0, 0, 0].tolist() == list(range(12))


@pytest.mark.parametrize("name", [b"caf\xe9", b"two\nlines", b"\x1b[31mred"])
def test_class_names_that_no_file_can_hold_are_refused(flat: Path, name: bytes) -> None:
    photograph(flat / os.fsdecode(name) / "0.png")
    with pytest.raises(
        SepzooError, match=r"expected class names of UTF-8 text on one line. Received: .*Rename it"
    ) as e:
        open_folder(flat, image_size=(8, 8))
    assert str(e.value).isprintable()


def test_a_test_folder_without_classes_is_left_out_with_a_word(divided: Path) -> None:
    for name in ("ant", "bee"):
        shutil.rmtree(divided / "test" / name)
    photograph(divided / "test" / "1.jpg")
    with pytest.warns(SkippedImageWarning, match=r"test: no class folders, so nothing says what its pictures show"):
        assert split_names(divided) == ("train", "val")
    photograph(divided / "test" / "unknown" / "1.jpg")
    with pytest.warns(SkippedImageWarning, match=r"test: no class folders"):
        assert split_names(divided) == ("train", "val")
    assert len(open_folder(divided, split="train", image_size=(8, 8))) == 8
    with pytest.raises(SepzooError, match=r"unknown split of .*'test'.* It has no class folders: sepzoo"):
        open_folder(divided, split="test", image_size=(8, 8))


def test_splits_of_other_names_are_not_taken_for_classes(divided: Path) -> None:
    for name, other in (("train", "Training"), ("val", "Valid"), ("test", "Testing")):
        (divided / name).rename(divided / other)
    with pytest.raises(SepzooError, match=r"Training, Valid, each with the same folders ant, bee\. Name them train, "):
        open_folder(divided, image_size=(8, 8))


def test_a_pipe_is_left_out_and_not_waited_for(flat: Path) -> None:
    os.mkfifo(flat / "ant" / "pipe.png")
    with pytest.warns(SkippedImageWarning, match=r"pipe, socket or device|1 of 16 images"):
        assert len(open_folder(flat, image_size=(8, 8))) == 15


def test_a_class_folder_that_may_not_be_read_is_named(flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    iterdir = Path.iterdir

    def guarded(path: Path) -> object:
        if path.name == "bee":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", guarded)
    with pytest.raises(SepzooError, match=r"a folder that can be read\. Received: .*bee: Permission denied\.$"):
        open_folder(flat, image_size=(8, 8))


def test_class_folders_of_a_mac_are_those_of_other_computers(tmp_path: Path) -> None:
    names = ("Bär", "Löwe")
    for split, form in (("train", "NFD"), ("val", "NFC"), ("test", "NFD")):
        for name in names:
            photograph(tmp_path / split / unicodedata.normalize(form, name) / "0.png")
    assert split_names(tmp_path) == ("train", "val", "test")
    for split in split_names(tmp_path):
        source = open_source(tmp_path, split=split, image_size=(8, 8))
        assert (source.class_names, source.labels.tolist()) == (names, [0, 1])


def test_folders_that_read_the_same_are_refused(flat: Path) -> None:
    for form in ("NFC", "NFD"):
        photograph(flat / unicodedata.normalize(form, "Löwe") / "0.png")
    if len(list(flat.iterdir())) == 5:  # on a Mac they are one
        with pytest.raises(
            SepzooError, match=r"one folder for each class\. Received: 'Lo\\u0308we' and 'L\\xf6we' in "
        ):
            open_source(flat, image_size=(8, 8))


def test_what_systems_leave_in_folders_is_passed_over(flat: Path, recwarn: pytest.WarningsRecorder) -> None:
    expected = open_source(flat, image_size=(8, 8)).class_names
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png", "ant/Thumbs.db", "ant/._0.png", "__MACOSX/._ant"):
        (flat / name).parent.mkdir(exist_ok=True)
        (flat / name).write_bytes(b"system")
    source = open_source(flat, image_size=(8, 8))
    assert (len(source), source.class_names) == (15, expected)
    assert [warning for warning in recwarn if issubclass(warning.category, SkippedImageWarning)] == []
