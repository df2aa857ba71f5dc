"""HDF5 files that would make their reader open other files: refused by every reader, whatever they point at."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from sepzoo.applications import load_weights
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection.hdf5 import check_self_contained
from sepzoo.support.errors import SepzooError


def external(group: h5py.Group, name: str, secret: Path, old: np.ndarray) -> None:
    group.create_dataset(name, old.shape, old.dtype, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def external_link(group: h5py.Group, name: str, secret: Path, old: np.ndarray) -> None:
    other = secret.with_name("other.h5")
    with h5py.File(other, "w") as file:
        file["values"] = old
    group[name] = h5py.ExternalLink(str(other), "/values")


def soft_link(group: h5py.Group, name: str, secret: Path, old: np.ndarray) -> None:
    group[f"{name}_real"] = old
    group[name] = h5py.SoftLink(f"{group.name}/{name}_real")


def virtual(group: h5py.Group, name: str, secret: Path, old: np.ndarray) -> None:
    other = secret.with_name("virtual.h5")
    with h5py.File(other, "w") as file:
        file["values"] = old
    layout = h5py.VirtualLayout(shape=old.shape, dtype=old.dtype)
    layout[...] = h5py.VirtualSource(str(other), "values", shape=old.shape)
    group.create_virtual_dataset(name, layout)


TRICKS = [external, external_link, soft_link, virtual]
Trick = Callable[[h5py.Group, str, Path, np.ndarray], None]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(bytes(range(256)) * 16)
    return path


def model() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="predictions")], name="small")


def play(path: Path, dataset: str, trick: Trick, secret: Path) -> None:
    with h5py.File(path, "r+") as file:
        old = file[dataset][()]
        del file[dataset]
        trick(file[dataset.rpartition("/")[0]], dataset.rpartition("/")[2], secret, old)


def kernel_of(path: Path) -> str:
    found: list[str] = []
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.append(name) if getattr(item, "shape", None) == (4, 3) else None)
    return found[0]


@pytest.mark.parametrize("trick", TRICKS)
def test_weights_of_keras_2(tmp_path: Path, secret: Path, trick: Trick) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["predictions"]
        group = file.create_group("predictions")
        group.attrs["weight_names"] = ["predictions/kernel:0", "predictions/bias:0"]
        group["predictions/kernel:0"], group["predictions/bias:0"] = np.ones((4, 3), "float32"), np.ones(3, "float32")
    play(path, "predictions/predictions/kernel:0", trick, secret)
    network = model()
    before = network.get_weights()
    with pytest.raises(SepzooError, match=r"holds all its values itself. Received: /predictions/predictions/kernel:0"):
        load_weights(network, path)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("trick", TRICKS)
def test_weights_of_keras_3(tmp_path: Path, secret: Path, trick: Trick) -> None:
    path = tmp_path / "small.weights.h5"
    model().save_weights(path)
    play(path, kernel_of(path), trick, secret)
    with pytest.raises(SepzooError, match="holds all its values itself"):
        load_weights(model(), path)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("trick", TRICKS)
def test_a_whole_model_of_keras_2(tmp_path: Path, secret: Path, trick: Trick) -> None:
    path = tmp_path / "whole.h5"
    model().save(path)
    play(path, kernel_of(path), trick, secret)
    with pytest.raises(SepzooError, match="holds all its values itself"):
        model_file.load(path)


@pytest.mark.parametrize("trick", TRICKS)
def test_a_keras_archive(tmp_path: Path, secret: Path, trick: Trick) -> None:
    path, weights, changed = tmp_path / "small.keras", tmp_path / "model.weights.h5", tmp_path / "changed.keras"
    model_file.save(model(), path)
    with zipfile.ZipFile(path) as archive:
        archive.extract("model.weights.h5", tmp_path)
        play(weights, kernel_of(weights), trick, secret)
        with zipfile.ZipFile(changed, "w") as other:
            for name in archive.namelist():
                other.writestr(name, weights.read_bytes() if name == weights.name else archive.read(name))
    with pytest.raises(SepzooError, match=r"changed\.keras"):
        model_file.load(changed)


def test_a_second_name_of_a_group_or_an_array_is_refused(tmp_path: Path) -> None:
    """A circle has no end, and one array under a thousand names is read a thousand times."""
    path = tmp_path / "circle.h5"
    with h5py.File(path, "w") as file:
        file.create_group("a")["again"] = file["/"]
    with pytest.raises(SepzooError, match=r"/a/again, a second name of what the file has already"):
        check_self_contained(path)
    many = tmp_path / "many.h5"
    with h5py.File(many, "w") as file:
        file["first"] = np.zeros(2**20, "float32")
        for number in range(1000):
            file[f"copy{number}"] = file["first"]
    with pytest.raises(SepzooError, match=r"a second name of what the file has already"):
        load_weights(model(), many)


@pytest.mark.parametrize("depth", [1, 5_000])
def test_a_link_is_found_at_any_depth(tmp_path: Path, depth: int) -> None:
    path = tmp_path / "deep.h5"
    with h5py.File(path, "w") as file:
        group = file
        for _level in range(depth):
            group = group.create_group("g")
        group["link"] = h5py.SoftLink("/nowhere")
    with pytest.raises(SepzooError, match="a link by name"):
        check_self_contained(path)
