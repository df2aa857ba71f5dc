"""`.keras` archives of Keras 2.12 to 2.15, written here by hand; those of `tf_keras` are in tests/parity."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.support.errors import SepzooError

KERNELS = [np.random.default_rng(seed).normal(size=(3, 3)).astype("float32") for seed in (1, 2)]
X = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]], "float32")
LATE = {"layers/dense/vars/0": KERNELS[0], "layers/dense_1/vars/0": KERNELS[1]}
EARLY = {
    "_layer_checkpoint_dependencies/dense/vars/0": KERNELS[0],
    "_layer_checkpoint_dependencies/dense_2/vars/0": KERNELS[1],
}


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


def write(path: Path, weights: dict[str, np.ndarray], *, first: str = "Dense", **more: bytes) -> Path:
    """Write an archive of two layers in a row, which share no name with their groups in the file."""
    dense = {"units": 3, "use_bias": False, "activation": "linear", "dtype": "float32"}
    entries: list[dict[str, Any]] = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_input_shape": [None, 3], "name": "x"}},
        {"module": "keras.layers", "class_name": first, "config": {**dense, "name": "one", "activation": "relu"}},
        {"module": "keras.layers", "class_name": "Dense", "config": {**dense, "name": "two"}},
    ]
    config = {
        "module": "keras.src.engine.sequential",
        "class_name": "Sequential",
        "config": {"name": "sequential", "layers": entries},
    }
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        for name, value in weights.items():
            file[name] = value
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.13.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", data.getvalue())
        for name, content in more.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


@pytest.mark.parametrize("weights", [LATE, EARLY], ids=["2.14", "2.13"])
def test_both_forms_of_weights_are_read(weights: dict[str, np.ndarray], tmp_path: Path) -> None:
    model = model_file.load(write(tmp_path / "old.keras", weights))
    expected = np.maximum(X @ KERNELS[0], 0) @ KERNELS[1]
    np.testing.assert_allclose(np.asarray(model(X)), expected, atol=1e-5)
    again = model_file.load(model_file.save(model, tmp_path / "new.keras"))
    np.testing.assert_allclose(np.asarray(again(X)), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "more", "text"),
    [
        (
            {"layers/dense/vars/0": KERNELS[0]},
            {},
            "expected weights for all layers. Received: none for 'sequential/two/kernel'.",
        ),
        (
            {**LATE, "layers/dense_1/vars/0": KERNELS[1][:2]},
            {},
            "expected kernel of shape (3, 3) in layer 'two'. Received: one of shape (2, 3).",
        ),
        (
            {**LATE, "layers/dense_1/vars/1": KERNELS[1]},
            {},
            "expected 1 weights for layer 'two'. Received: 2.",
        ),
        (LATE, {"assets__words.txt": b"a"}, "expected layers and weights alone. Received: assets/words.txt,"),
        (LATE, {"first": "Strange"}, "Keras cannot read this file: layer 'one' is of class Strange, which Keras 3"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(weights: Any, more: Any, text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "old.keras", weights, **more)
    with pytest.raises(SepzooError) as caught:
        model_file.load(path)
    assert str(caught.value).startswith(f"{path}: {text}")
    assert "\n" not in str(caught.value)


def test_an_hdf5_file_by_the_name_of_an_archive_is_read(tmp_path: Path) -> None:
    from tests.artifact.keras2 import test_old_forms as hdf5

    model = model_file.load(hdf5.write(tmp_path / "old.keras", hdf5.chain(), hdf5.WEIGHTS))
    np.testing.assert_allclose(np.asarray(model(hdf5.X)), hdf5.expected(), atol=1e-5)


@pytest.mark.parametrize("inside", [True, False])
def test_weights_that_begin_where_hdf5_s_library_looks_are_no_second_file(inside: bool, tmp_path: Path) -> None:
    path = write(tmp_path / "old.keras", LATE)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "model.weights.h5" if inside else "other.bin"
    head = zipfile.ZipInfo("padding")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(head, b"0" * (512 - 2 * 30 - len("padding") - len(name)))
        archive.writestr(zipfile.ZipInfo(name), members["model.weights.h5"])
        for each in [each for each in members if each != name]:
            archive.writestr(each, members[each])
    assert path.read_bytes()[512:516] == b"\x89HDF"
    if inside:
        assert model_file.load(path).count_params() == 18
    else:
        with pytest.raises(SepzooError, match="it is HDF5 and zip at once"):
            model_file.load(path)
