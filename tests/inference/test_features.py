"""Features instead of pictures, in arrays and files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepzoo.inference import feature_samples
from sepzoo.inference.features import as_features, load_features
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

SHAPE = (4, 3, 2)
SILENT = Metadata("net", preprocessing=None)
SAID = Metadata("net", preprocessing=None, features=Features(SHAPE))
PICTURES = Metadata("net", preprocessing=Preprocessing())


@pytest.mark.parametrize(
    ("metadata", "data", "shape", "taken"),
    [
        (SAID, np.zeros((2, *SHAPE), np.float32), SHAPE, True),
        (SAID, np.zeros((2, *SHAPE), np.uint8), SHAPE, True),
        (SILENT, np.zeros((2, *SHAPE), np.float32), SHAPE, True),
        (SILENT, np.zeros((2, *SHAPE), np.uint8), SHAPE, False),  # pixels, perhaps: nobody said
        (SILENT, np.zeros((2, 5), np.int32), (5,), True),
        (PICTURES, np.zeros((2, *SHAPE), np.float32), SHAPE, False),
        (SILENT, ["one.png"], SHAPE, False),
    ],
)
def test_what_counts_as_features(metadata: Metadata, data: Any, shape: tuple[int, ...], taken: bool) -> None:
    assert (as_features(data, metadata, shape) is not None) == taken


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "labelled.npz"])
def test_files(name: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(5, *SHAPE)).astype(np.float32)
    np.save(tmp_path / "x.npy", values)
    np.savez(tmp_path / "x.npz", values)
    np.savez(tmp_path / "labelled.npz", windows=values, y=np.arange(5))
    np.testing.assert_array_equal(load_features(tmp_path / name), values)
    samples = feature_samples(tmp_path / name)
    np.testing.assert_array_equal(as_features(tmp_path / name, SAID, SHAPE), samples.images)
    assert (samples.labels is not None) == (name == "labelled.npz")
    assert samples.origin == name


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"a": np.zeros(2), "b": np.zeros(3)}, "expected equally many samples for each input. Received: a: 2, b: 3."),
        ({"a": np.zeros(())}, "expected equally many samples for each input. Received: a: None."),
        ({"labels": np.zeros(2, int)}, "expected one array of features, and labels beside it. Received: none."),
        ({"x": np.zeros((2, 3)), "y": np.zeros(3, int)}, "expected one class number a sample as labels."),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2)}, "expected one class number a sample as labels."),
        (
            {f"{name}_{part}": np.zeros((2, 3)) for part in ("train", "test") for name in "xy"},
            "expected the samples of one part of a data set. Received: x_train, y_train, x_test, y_test. Write",
        ),
        ({"train_images": np.zeros((2, 3)), "val_images": np.zeros((2, 3))}, "expected the samples of one part"),
        (
            {"x": np.array([{}], object)},
            "the file is damaged or another thing than its name says ('x', which is pickled)",
        ),
    ],
)
def test_other_contents_are_refused(arrays: dict[str, np.ndarray], text: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(SepzooError) as caught:
        feature_samples(tmp_path / "x.npz")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_may_call_its_inputs_as_parts_of_data_are_called(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", test_a=np.zeros(2), test_b=np.ones(2))
    assert set(feature_samples(tmp_path / "x.npz", ["test_a", "test_b"]).images) == {"test_a", "test_b"}


def test_several_arrays_are_those_of_several_inputs(tmp_path: Path) -> None:
    arrays = {"a": np.zeros((3, 2)), "y": np.ones((3, 1)), "labels": np.arange(3)}
    np.savez(tmp_path / "x.npz", **arrays)
    samples = feature_samples(tmp_path / "x.npz", ["a", "y"])
    assert list(samples.images) == ["a", "y"]
    assert samples.labels is not None
    assert (samples.labels.tolist(), len(samples)) == ([0, 1, 2], 3)
    np.savez(tmp_path / "two.npz", a=np.zeros((3, 2)), b=np.ones((3, 1)))
    text = r"expected one array of features, and labels beside it\. Received: a, b\."
    with pytest.raises(SepzooError, match=text):
        load_features(tmp_path / "two.npz")
    with pytest.raises(SepzooError, match=rf"^net: {text}"):
        as_features(feature_samples(tmp_path / "two.npz").images, SAID, SHAPE)


@pytest.mark.parametrize("name", ["x.npy", "x.npz"])
@pytest.mark.parametrize("content", [b"", b"text", b"\x93NUMPY\x01\x00", b"PK\x03\x04"])
def test_damaged_files_are_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SepzooError, match=r"expected an \.npy or \.npz file of numbers|the file is damaged"):
        load_features(tmp_path / name)


def test_missing_files_and_other_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"none\.npy: no such file\."):
        load_features(tmp_path / "none.npy")
    with pytest.raises(SepzooError, match=r"^net: expected features of shape \('n', 4, 3, 2\)\. Received: float64 of"):
        as_features(np.zeros((2, 4, 3)), SAID, SHAPE)
    with pytest.raises(SepzooError, match=r"^net: expected an array of features, or .* file\. Received: one\.png\."):
        as_features("one.png", SAID, SHAPE)
