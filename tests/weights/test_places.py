"""Weight files without names, and of any suffix: found by the places of the layers, read by their content."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.support.errors import SepzooError
from tests.small import SMALL

FAMILIES = ["mobilenet_v1", "mobilenet_v3", "resnet", "cifar_resnet", "vgg", "xception"]


def network(family, **changed):
    name, arguments = SMALL[family]
    return build(name, **{**arguments, **changed})


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_another_number_of_classes(seed, tmp_path, family):
    trained, path = network(family), tmp_path / "trained.weights.h5"
    trained.save_weights(path)
    for changed in ({"classes": 7}, {"include_top": False}):
        model = network(family, **changed)
        report = load_weights(model, path, new_head=True)
        assert len(report.matched) + len(report.kept) == len(model.weights)
        values = {variable.path: np.asarray(variable) for variable in trained.weights}
        for variable in model.weights:
            if variable.path in report.matched:
                np.testing.assert_array_equal(np.asarray(variable), values[variable.path])
    with pytest.raises(SepzooError, match="of another shape"):
        load_weights(network(family, classes=7), path)
    with pytest.raises(SepzooError, match=r"or leave their classifier out: new_head=True\.$"):
        load_weights(network(family, include_top=False), path)


def test_layers_behind_that_are_no_head_are_not_left_out(seed, tmp_path):
    deeper = build("cifar_resnet20", input_shape=(16, 16, 3))
    deeper.save_weights(tmp_path / "deeper.weights.h5")
    trunk = build("cifar_resnet8", input_shape=(16, 16, 3), include_top=False)
    with pytest.raises(SepzooError, match="the weights do not fit"):
        load_weights(trunk, tmp_path / "deeper.weights.h5", new_head=True)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 4])
def test_another_number_of_channels_gives_what_a_mapping_gives(seed, tmp_path, channels):
    trained, path = network("mobilenet_v1"), tmp_path / "trained.weights.h5"
    trained.save_weights(path)
    expected, found = (network("mobilenet_v1", input_shape=(64, 64, channels)) for _ in range(2))
    load_weights(expected, {variable.path: np.asarray(variable) for variable in trained.weights})
    report = load_weights(found, path)
    assert report.adapted == ("stem/kernel",)
    for one, other in zip(expected.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".H5", ".hdf5", ".HDF5", "", ".bin", ".h5"])
def test_weights_of_any_suffix(seed, tmp_path, suffix):
    trained = network("cifar_resnet")
    trained.save_weights(tmp_path / "trained.weights.h5")
    path = shutil.move(tmp_path / "trained.weights.h5", tmp_path / f"trained{suffix}")
    model = network("cifar_resnet")
    assert len(load_weights(model, path).matched) == len(model.weights)
    np.testing.assert_array_equal(model.get_weights()[0], trained.get_weights()[0])


@pytest.mark.parametrize("suffix", [".NPZ", "", ".dat"])
def test_arrays_of_any_suffix(seed, tmp_path, suffix):
    trained, path = network("cifar_resnet"), tmp_path / "trained.npz"
    np.savez(path, **{variable.path: np.asarray(variable) for variable in trained.weights})
    model = network("cifar_resnet")
    load_weights(model, shutil.move(path, tmp_path / f"trained{suffix}"))
    np.testing.assert_array_equal(model.get_weights()[0], trained.get_weights()[0])
