"""Layers that are each as small as allowed, and multiply up when Keras builds or runs them."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child, unchecked
from sepzoo.layers.weight_limit import limited_weights
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection import files

LONGEST = 1000


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


def layer(kind: str, **settings: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": settings, "registered_name": None}


def file(folder: Path, shape: list[int | None], *layers: dict[str, Any]) -> Path:
    """Write a `.keras` file whose one array is LONGEST by LONGEST."""
    inputs = copy.deepcopy(files.INPUT)
    inputs["config"]["batch_shape"] = shape
    config = files.sequential(*layers)
    config["config"]["layers"][0] = inputs
    del config["build_config"]
    with h5py.File(folder / "own.h5", "w") as weights:
        weights["layers/dense/vars/0"] = np.zeros((LONGEST, LONGEST), "float32")
    return files.keras_file(folder / "odd.keras", config, **{"model.weights.h5": (folder / "own.h5").read_bytes()})


DENSE = layer("Dense", units=LONGEST)
UPSAMPLING = layer("UpSampling2D", size=[16, 16])
PADDING = layer("ZeroPadding2D", padding=[[10**6, 10**6], [10**6, 10**6]])


@pytest.mark.parametrize(
    ("shape", "layers", "reason"),
    [
        ([None, 4096, 4096, 3], [layer("Flatten"), DENSE], "layers that ask for 201,326,592,000, or more"),
        ([None, 8, 8, 3], [*[UPSAMPLING] * 3, layer("Flatten"), DENSE], "expected weights of at most"),
        ([None, 10**4], [layer("Embedding", input_dim=LONGEST, output_dim=2 * LONGEST), layer("Flatten"), DENSE],
            "layers that ask for 80,008,000,000, or more"),
        ([None, 32, 32, 8], [layer("Conv2D", filters=LONGEST, kernel_size=[10**4, 10**4], padding="same")],
            "expected weights of at most"),
        ([None, 8], [layer("EinsumDense", equation="ab,bcd->acd", output_shape=[10**5, 10**5])], "weights of at most"),
        ([None, 8192, 8192, 4], [layer("PReLU")], "layers that ask for 1,073,741,824, or more"),
        ([None, 8, 8, 3], [UPSAMPLING] * 4, r"with \(32768, 32768, 3\), 12,884,901,888 bytes"),
        ([None, 8, 8, 3], [PADDING], "would fill the memory"),
        ([None, LONGEST], [layer("RepeatVector", n=10**9)], r"with \(1000000000, 1000\)"),
        ([None, 10], [layer("CategoryEncoding", num_tokens=10**12)], "would fill the memory"),
        ([2**20, 5, 3], [layer("LSTM", units=LONGEST, stateful=True)], "may keep 8,388,608,000 bytes"),
    ],
)  # fmt: skip
def test_refused_before_it_is_allocated(
    tmp_path: Path, shape: list[int | None], layers: list[dict[str, Any]], reason: str
) -> None:
    path = file(tmp_path, shape, *layers)
    with pytest.raises(SepzooError, match=reason) as error:
        model_file.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_thousand_layers(tmp_path: Path) -> None:
    path = file(tmp_path, [None, LONGEST], *[DENSE] * 200)
    with pytest.raises(SepzooError, match=r"expected weights of at most 4\d\d,\d+,\d+ bytes"):
        model_file.load(path)


def test_whoever_trusts_a_file_has_no_limits(tmp_path: Path) -> None:
    inputs = keras.Input((4, 4, 3))
    path = tmp_path / "large.keras"
    keras.Model(inputs, keras.layers.UpSampling2D(4096)(inputs)).save(path)
    with pytest.raises(SepzooError, match="if the file is yours, trust it"):
        model_file.load(path)
    assert model_file.load(path, trust=True).output_shape == (None, 16384, 16384, 3)
    assert sepzoo.inference.open(path, outputs="map", trust=True).output_shape == (16384, 16384, 3)
    with unchecked():
        assert model_file.load(path).output_shape == (None, 16384, 16384, 3)


def test_a_network_of_arguments_has_a_limit_too() -> None:
    with pytest.raises(SepzooError, match=r"expected weights of at most 4,294,967,296 bytes\. Received: layers"):
        sepzoo.applications.build("mobilenet_v1", alpha=0.5, input_shape=(32, 32, 3), classes=10_000_000)


def test_the_limit_is_of_the_block_and_of_its_thread() -> None:
    constructor = keras.Variable.__init__
    built: list[int] = []

    def elsewhere() -> None:
        dense = keras.layers.Dense(100)
        dense.build((None, 100))
        built.append(dense.count_params())

    with limited_weights(1000):
        keras.layers.Dense(10).build((None, 10))
        with limited_weights(10**6):
            elsewhere()
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        with pytest.raises(SepzooError, match="expected weights of at most 1,000 bytes"):
            elsewhere()
    elsewhere()
    assert built == [10_100] * 3
    assert keras.Variable.__init__ is constructor
