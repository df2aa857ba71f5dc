from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sepzoo.data import open_features
from sepzoo.data.opening import has_pictures
from sepzoo.data.tfds_features import read_tfds_features
from sepzoo.support.errors import SepzooError
from tests.feature_sets import CLASSES, read_set, write_all, write_set

pytestmark = pytest.mark.slow  # importing TensorFlow takes most of it


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tfds")
    write_all(folder)
    return folder


@pytest.mark.parametrize("name", ["windows", "tfds:windows", "windows:1.0.0"])
@pytest.mark.parametrize("split", ["test", "train[10%:60%]"])
def test_a_tensor_and_its_labels_come_in_the_order_of_the_set(sets: Path, name: str, split: str) -> None:
    samples = open_features(name, split=split, data_dir=str(sets))
    wanted = read_set(sets, "windows", split)
    assert len(wanted) == 30
    np.testing.assert_array_equal(samples.images, np.stack([each["motion"] for each in wanted]))
    assert samples.labels is not None
    assert samples.labels.tolist() == [each["label"] for each in wanted]
    assert (samples.class_names, samples.origin) == (CLASSES, f"windows {split}")


def test_some_are_drawn_by_the_seed(sets: Path) -> None:
    whole = open_features("windows", split="train", data_dir=str(sets))
    drawn, again, other = (
        open_features("windows", split="train", count=20, seed=seed, data_dir=str(sets)) for seed in (3, 3, 4)
    )
    order = np.random.default_rng(3).permutation(60)[:20]
    np.testing.assert_array_equal(drawn.images, whole.images[order])
    assert drawn.labels is not None
    assert whole.labels is not None
    np.testing.assert_array_equal(drawn.labels, whole.labels[order])
    np.testing.assert_array_equal(drawn.images, again.images)
    assert (drawn.images != other.images).any()
    assert drawn.seed == 3


@pytest.mark.parametrize(
    ("name", "inputs", "wanted"),
    [
        ("table", (), lambda example: example["age"]),  # what the set itself calls its input
        ("table", ("dense_input",), lambda example: example["age"]),
        ("table", ("body/left",), lambda example: example["body"]["left"]),
        ("table", ("body/steps",), lambda example: example["body"]["steps"]),
        ("sounds", ("x",), lambda example: example["audio"]),
        ("photos", ("place",), lambda example: example["place"]),
        ("photos", ("x",), lambda example: example["place"]),
    ],
)
def test_the_feature_of_one_input(sets: Path, name: str, inputs: tuple[str, ...], wanted) -> None:  # type: ignore[no-untyped-def]
    samples = open_features(name, split="test", inputs=inputs, data_dir=str(sets))
    np.testing.assert_array_equal(samples.images, [wanted(example) for example in read_set(sets, name, "test")])
    assert samples.class_names == CLASSES


def test_features_of_several_inputs_come_by_their_names(sets: Path) -> None:
    samples = open_features("table", split="test", inputs=("body/left", "kind", "age"), data_dir=str(sets))
    examples = read_set(sets, "table", "test")
    assert isinstance(samples.images, dict)
    assert list(samples.images) == ["body/left", "kind", "age"]
    np.testing.assert_array_equal(samples.images["body/left"], [each["body"]["left"] for each in examples])
    np.testing.assert_array_equal(samples.images["kind"], [each["kind"] for each in examples])
    np.testing.assert_array_equal(samples.images["age"], [each["age"] for each in examples])
    assert samples.labels is not None
    assert samples.labels.tolist() == [each["label"] for each in examples]
    photos = open_features("photos", split="test", inputs=("image", "place"), data_dir=str(sets))
    assert photos.images["image"].shape == (30, 8, 8, 3)
    assert photos.images["image"].dtype == np.uint8


def test_a_class_that_is_an_input_is_not_the_label(sets: Path) -> None:
    samples = open_features("table", split="test", inputs=("label", "age"), data_dir=str(sets))
    assert samples.labels is None
    assert samples.class_names is None


def test_which_sets_hold_pictures(sets: Path) -> None:
    found = {name: has_pictures(name, data_dir=str(sets)) for name in ("windows", "photos", "digits", ".")}
    assert found == {"windows": False, "photos": True, "digits": None, ".": None}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("uneven", {}, "uneven: expected samples of one shape. Received: audio of shape (16,) and (17,). Cut or pad"),
        (
            "table",
            {"inputs": ("a", "age")},
            "table: expected a feature of numbers for each input, a, age. Received: age, ",
        ),
        (
            "windows",
            {"split": "val"},
            "expected a split of windows: train (60), test (30), or a slice of one. Received: s",
        ),
        ("windows", {"split": None}, "expected a split of windows: train, test. Received: split=None."),
        ("windows", {"memory_budget": 99}, "windows: expected arrays of 0 GiB at most. Received: more in test. Take a"),
    ],
)
def test_what_cannot_be_read_is_one_line(sets: Path, name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SepzooError) as caught:
        read_tfds_features(name, **{"split": "test", "data_dir": str(sets), **arguments})  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_several_features_and_no_hint_which(tmp_path: Path) -> None:
    import tensorflow_datasets as tfds

    f = tfds.features
    features = {
        "a": f.Scalar(np.float32),
        "b": f.Scalar(np.float32),
        "words": f.Sequence(f.Text()),
        "ragged": f.Sequence(f.Sequence(f.Scalar(np.int32))),
    }
    write_set(
        tmp_path,
        "pairs",
        features,
        lambda random, number, split: {"a": 1.0, "b": 2.0, "words": ["x"], "ragged": [[1], [2, 3]]},
        sizes={"train": 4},
    )
    with pytest.raises(SepzooError, match=r"or one called 'x' as the input is. Received: a, b, ragged, words. Else"):
        open_features("pairs", split="train", inputs=("x",), data_dir=str(tmp_path))
    with pytest.raises(SepzooError, match=r"expected samples of one shape. Received: ragged of shape \(2, 'any'\)"):
        open_features("pairs", split="train", inputs=("ragged",), data_dir=str(tmp_path))
    assert open_features("pairs", split="train", inputs=("b",), data_dir=str(tmp_path)).images.tolist() == [2.0] * 4


@pytest.mark.parametrize("name", ["digits", "."])
def test_pictures_are_refused(name: str) -> None:
    with pytest.raises(SepzooError, match=r"expected a TFDS set of arrays. Received: .*, of pictures, which"):
        open_features(name, split="train")
