"""Keras finds our layers in a file, whichever of the two packages is imported first, and whatever else before."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import sepzoo
from sepzoo.artifact import model_file
from sepzoo.layers.hard_sigmoid import hard_sigmoid_keras2
from sepzoo.layers.registration import MODULES
from sepzoo.support.import_hook import around_import, then

LOAD = "model = keras.saving.load_model(sys.argv[1]); print(*sorted({type(layer).__name__ for layer in model.layers}))"
ORDERS = [
    "import sepzoo, keras",
    "import keras, sepzoo",
    "from sepzoo.layers import BSConvU; import keras",
    "import sepzoo.layers.padding, keras",
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inputs = keras.Input((8, 8, 3))
    x = sepzoo.layers.BSConvU(4, 3, padding="same")(inputs)
    x = sepzoo.layers.conv2d("hybrid", 4, 3, padding="same")(x)
    x = sepzoo.layers.DropPath(0.1)(x)
    x = keras.layers.Activation(hard_sigmoid_keras2)(x)
    return model_file.save(keras.Model(inputs, x), tmp_path_factory.mktemp("ours") / "ours.keras")


def run(code: str, *arguments: str) -> str:
    script = f"import sys\n{code}"
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS)
def test_a_network_of_ours_opens_in_keras(path: Path, order: str) -> None:
    assert run(f"{order}\n{LOAD}", str(path)).split() == [
        "Activation",
        "BSConvU2D",
        "DropPath",
        "FactorizedConv2D",
        "InputLayer",
    ]


@pytest.mark.slow
def test_the_table_names_every_registered_class() -> None:
    code = """
import importlib, json, pkgutil, keras, sepzoo.layers
for module in pkgutil.iter_modules(sepzoo.layers.__path__, "sepzoo.layers."):
    importlib.import_module(module.name)
found = keras.saving.get_custom_objects()
print(json.dumps({name: value.__module__ for name, value in found.items() if name.startswith("sepzoo>")}))
"""
    found = json.loads(run(code))
    expected = {f"sepzoo>{name}": module for name, module in MODULES.items()}
    assert found == {**expected, "sepzoo>hard_sigmoid_keras2": "sepzoo.layers.hard_sigmoid"}


@pytest.mark.slow
def test_keras_is_as_ever_after_it_was_watched() -> None:
    code = """
import sepzoo
before = any(type(finder).__name__ == "_Watch" for finder in sys.meta_path)
import keras
after = any(type(finder).__name__ == "_Watch" for finder in sys.meta_path)
print(before, after, type(keras.__loader__).__name__, keras.__spec__.loader is keras.__loader__)
"""
    assert run(code).split() == ["True", "False", "SourceFileLoader", "True"]


def test_what_is_loaded_is_acted_on_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sepzoo.support.table", raising=False)
    around_import("sys", functools.partial(then, "sepzoo.support.table"))
    assert "sepzoo.support.table" in sys.modules
