"""Forms that versions of Keras 2 before 2.3, and of TensorFlow 1, gave their files; written here by hand."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.support.errors import SepzooError

TF_1 = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "dtype": "float32", "seed": None}}
KERNEL = np.arange(12, dtype="float32").reshape(3, 4) / 7
BIAS = np.linspace(-1, 1, 4, dtype="float32")
SCALES = np.array([[1, 2, 3, 4], [0, 1, 0, 1], [0.5, 0, 0, 1], [1, 2, 1, 2]], "float32")
X = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]], "float32")


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


def expected() -> np.ndarray:
    """Return relu(normalized(X kernel + bias)), by NumPy."""
    gamma, beta, mean, variance = SCALES
    return np.maximum(gamma * (X @ KERNEL + BIAS - mean) / np.sqrt(variance + 1e-3) + beta, 0)


def layers() -> list[dict[str, Any]]:
    dense = {"name": "dense", "units": 4, "activation": "linear", "kernel_initializer": TF_1, "dtype": "float32"}
    norm = {"name": "bn", "axis": [1], "epsilon": 0.001, "gamma_initializer": {"class_name": "Ones", "config": {}}}
    return [
        {"class_name": "Dense", "config": dense},
        {
            "class_name": "BatchNormalizationV1",
            "config": {**norm, "dtype": {"class_name": "PolicyV1", "config": {"name": "infer"}}},
        },
        {"class_name": "ReLU", "config": {"name": "relu", "max_value": None, "threshold": 0.0, "negative_slope": 0.0}},
    ]


WEIGHTS = {
    "dense": {"dense/kernel:0": KERNEL, "dense/bias:0": BIAS},
    "bn": dict(zip(("bn/gamma:0", "bn/beta:0", "bn/moving_mean:0", "bn/moving_variance:0"), SCALES, strict=True)),
}


def write(path: Path, config: dict[str, Any], weights: dict[str, dict[str, np.ndarray]]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.2.4-tf"
        file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        for number, name in enumerate(weights):  # in parts, as long lists are
            group.attrs[f"layer_names{number}"] = [name.encode()]
            own = group.create_group(name)
            own.attrs["weight_names"] = [weight.encode() for weight in weights[name]]
            for weight, value in weights[name].items():
                own[weight] = value
    return path


def chain(*, model: str = "Model") -> dict[str, Any]:
    """Return a functional configuration of the layers: references have three parts, and no layer arguments."""
    entries, before = (
        [
            {
                "class_name": "InputLayer",
                "config": {"batch_input_shape": [None, 3], "name": "x"},
                "name": "x",
                "inbound_nodes": [],
            }
        ],
        "x",
    )
    for layer in layers():
        name = layer["config"]["name"]
        entries.append({**layer, "name": name, "inbound_nodes": [[[before, 0, 0]]]})
        before = name
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["relu", 0, 0]]}
    return {"class_name": model, "config": {"name": "net", "layers": entries, **ends}}


def bare_list() -> dict[str, Any]:
    entries = layers()
    entries[0]["config"]["batch_input_shape"] = [None, 3]
    return {"class_name": "Sequential", "config": entries}


def nested() -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    """Return a model in a model, called once: its call is number 1."""
    inner = copy.deepcopy(chain())
    inner["config"]["name"] = "inner"
    entries = [
        {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": [None, 3], "name": "image"},
            "name": "image",
            "inbound_nodes": [],
        },
        {**inner, "name": "inner", "inbound_nodes": [[["image", 0, 0, {}]]]},
    ]
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["inner", 1, 0]]}
    flat = {**WEIGHTS["dense"], **WEIGHTS["bn"]}
    return {"class_name": "Model", "config": {"name": "outer", "layers": entries, **ends}}, {"inner": flat}


@pytest.mark.parametrize(
    ("config", "weights"),
    [(chain(), WEIGHTS), (bare_list(), WEIGHTS), nested()],
    ids=["functional", "bare list", "nested"],
)
def test_old_forms_are_read(tmp_path: Path, config: dict[str, Any], weights: dict[str, Any]) -> None:
    model = model_file.load(write(tmp_path / "old.h5", config, weights))
    outputs = model(X)
    assert not isinstance(outputs, list)
    np.testing.assert_allclose(np.asarray(outputs), expected(), atol=1e-5)


def test_weights_in_another_order_are_refused(tmp_path: Path) -> None:
    swapped = {**WEIGHTS, "bn": dict(reversed(WEIGHTS["bn"].items()))}
    with pytest.raises(SepzooError, match=r"expected gamma of shape \(4,\) in layer 'bn'\. Received: moving_variance"):
        model_file.load(write(tmp_path / "old.h5", chain(), swapped))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda config: config["config"]["layers"].pop(2), "Received: 'bn', which it lacks"),
        (lambda config: config["config"].pop("layers"), "expected a model with its layers"),
        (lambda config: config["config"]["layers"][1].update(inbound_nodes=[[["relu", 0, 0]]]), "without circles"),
        (lambda config: config["config"].update(output_layers=[["nobody", 0, 0]]), "'nobody', 0, 0\\], which it lacks"),
        (
            lambda config: config["config"]["layers"][1].update(config=None),
            "expected the settings of each layer|cannot read",
        ),
        (lambda config: config.update(class_name="MyModel"), "is of class MyModel, which Keras 3 lacks"),
        (
            lambda config: config.update(class_name="MyModel", config={}),
            "read this file: the model is of class MyModel, which Keras 3 lacks",
        ),
    ],
)
def test_broken_configurations_end_in_one_line(tmp_path: Path, change: Any, reason: str) -> None:
    config = chain()
    change(config)
    path = write(tmp_path / "old.h5", config, WEIGHTS)
    with pytest.raises(SepzooError, match=reason) as error:
        model_file.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)
