"""One hostile file for each of Keras's CVEs that a file can bring: refused by name in one line, nothing of it run."""

from __future__ import annotations

import base64
import json
import marshal
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

from sepzoo import surgery
from sepzoo.applications import load_weights
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection.files import keras_file, sequential, whole_h5

ROOT = Path(__file__).resolve().parents[2]
WITNESS = "witness"


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


def bytecode(folder: Path) -> str:
    """Return a function as Keras writes it, which would leave a file behind."""
    function = eval(f"lambda x: open({str(folder / WITNESS)!r}, 'w') and x")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def layer(kind: str, module: str = "keras.layers", **settings: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "evil", **settings}, "registered_name": None}


def function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def python(folder: Path) -> dict[str, Any]:
    code = {"class_name": "__lambda__", "config": {"code": bytecode(folder), "defaults": None, "closure": None}}
    return layer("Lambda", function=code)


def archive(build: Callable[[Path], Any]) -> Callable[[Path], Path]:
    return lambda folder: keras_file(folder / "evil.keras", sequential(build(folder)))


def lambda_in_h5(folder: Path) -> Path:
    path = whole_h5(folder / "evil.h5")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        legacy = {"name": "evil", "function": [bytecode(folder), None, None], "function_type": "lambda"}
        config["config"]["layers"].append({"class_name": "Lambda", "config": legacy})
        file.attrs["model_config"] = json.dumps(config)
    return path


def bomb(folder: Path) -> Path:
    path = keras_file(folder / "evil.keras")
    inner = folder / "bomb.h5"
    with h5py.File(inner, "w") as file:
        file.create_dataset("layers/dense/vars/0", (2**20, 2**20), "float32", chunks=(1024, 1024))
    return keras_file(path, None, **{"model.weights.h5": inner.read_bytes()})


def external(folder: Path) -> Path:
    secret = folder / "secret"
    secret.write_bytes(bytes(24))
    path = whole_h5(folder / "evil.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/predictions"]
        del group["predictions/kernel:0"]
        group.create_dataset("predictions/kernel:0", (3, 2), "float32", external=[(str(secret), 0, 24)])
    return path


def tar_traversal(folder: Path) -> Path:
    return keras_file(folder / "evil.keras", None, **{"../witness": b"written outside"})


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "CVE-2024-3660": (archive(python), r"'evil', a Lambda layer, which holds Python code"),
    "CVE-2025-1550": (
        archive(lambda folder: layer("Activation", activation=function("os", "mkdir"))),
        r"Could not locate function 'mkdir'",
    ),
    "CVE-2025-8747": (
        archive(lambda folder: layer("Activation", activation=function("keras.utils", "get_file"))),
        r"keras\.utils\.get_file, which is no part of a model",
    ),
    "CVE-2025-9906": (
        archive(
            lambda folder: layer("Activation", activation=function("keras.config", "enable_unsafe_deserialization"))
        ),
        r"keras\.config\.enable_unsafe_deserialization, which is no part of a model",
    ),
    "CVE-2025-9905": (lambda_in_h5, r"'evil', a Lambda layer, which holds Python code"),
    "CVE-2025-49655": (
        archive(lambda folder: layer("TorchModuleWrapper", module="keras.layers")),
        r"'evil', a TorchModuleWrapper, which holds a pickle",
    ),
    "CVE-2025-12058": (
        archive(lambda folder: layer("StringLookup", vocabulary="/etc/passwd")),
        r"'evil', whose vocabulary is '/etc/passwd'",
    ),
    "CVE-2025-12638": (tar_traversal, r"its member '\.\./witness' leads out of the archive"),
    "CVE-2026-0897": (bomb, r"evil\.keras: .*4,398,046,511,104"),
    "CVE-2026-1669": (external, r"whose bytes are those of another file"),
    "CVE-2026-1462": (
        archive(lambda folder: layer("TFSMLayer", filepath=str(folder))),
        r"'evil', a TFSMLayer, which runs another SavedModel",
    ),
    "CVE-2026-12479": (
        archive(lambda folder: {**layer("Dense", units=2), "config": {"name": "../../evil", "units": 2}}),
        r"layer '\.\./\.\./evil', whose name leads out of the archive",
    ),
    "CVE-2026-12481": (
        archive(lambda folder: layer("TimeDistributed", layer=python(folder))),
        r"'evil', a Lambda layer, which holds Python code",
    ),
}


@pytest.mark.parametrize("cve", HOSTILE)
def test_a_hostile_file_is_refused_by_name(tmp_path: Path, cve: str) -> None:
    write, reason = HOSTILE[cve]
    path = write(tmp_path)
    with pytest.raises(SepzooError, match=reason) as error:
        model_file.load(path)
    assert "\n" not in str(error.value)
    assert str(error.value).startswith(f"{path}: ")
    assert not (tmp_path / WITNESS).exists()
    assert not (tmp_path.parent / WITNESS).exists()


@pytest.mark.parametrize("cve", [cve for cve in HOSTILE if cve not in ("CVE-2025-12638", "CVE-2026-0897")])
def test_keras_and_the_reader_of_keras_2_refuse_it_too(tmp_path: Path, cve: str) -> None:
    """Whoever trusts a file is spared the check before; no code runs all the same."""
    path = HOSTILE[cve][0](tmp_path)
    with pytest.raises(SepzooError) as error:
        model_file.load(path, trust=True)
    assert "\n" not in str(error.value)
    assert not (tmp_path / WITNESS).exists()


def test_a_weight_file_that_declares_terabytes_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="predictions")])
    with pytest.raises(SepzooError, match=r"4,398,046,511,104"):
        load_weights(model, bomb(tmp_path))


def test_cloning_runs_no_code_of_a_configuration(tmp_path: Path) -> None:
    """CVE-2026-12481: `clone_model` and `from_config` outside of a safe mode; ours go through `from_config`."""
    inputs = keras.Input((2, 3))
    outputs = keras.layers.TimeDistributed(keras.layers.Lambda(lambda x: x * 2))(inputs)
    with pytest.raises(SepzooError, match=r"can't be copied, since from_config\(get_config\(\)\) fails") as error:
        surgery.rewrite(keras.Model(inputs, outputs), lambda site: None)
    assert "\n" not in str(error.value)


def test_nothing_here_unpacks_a_download() -> None:
    """CVE-2025-12638 is `keras.utils.get_file(extract=True)`."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "sepzoo").rglob("*.py")]
    assert len(texts) > 100
    assert not any(word in text for text in texts for word in ("extract=True", "untar=", "extractall(", "tarfile"))


@pytest.mark.parametrize("change", ["encrypted", "compression", "truncated", "deep", "encoding", "member"])
def test_damaged_archives_end_in_one_line(tmp_path: Path, change: str) -> None:
    path = keras_file(tmp_path / "damaged.keras")
    content = bytearray(path.read_bytes())
    if change in ("encrypted", "compression"):
        for signature, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            for found in re.finditer(re.escape(signature), bytes(content)):
                content[found.start() + place + 2 * (change == "compression")] = 1 if change == "encrypted" else 14
        path.write_bytes(content)
    elif change == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        text = {"deep": b'{"config":' * 100_000, "encoding": b'{"class_name": "\xff"}', "member": None}[change]
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text or "{}")
            if text:
                archive.writestr("model.weights.h5", b"")
    for trust in (False, True):
        with pytest.raises(SepzooError) as error:
            model_file.load(path, trust=trust)
        assert "\n" not in str(error.value)
        assert str(error.value).startswith(f"{path}: ")


def test_weights_of_another_shape_are_not_read_into_memory(tmp_path: Path) -> None:
    path = whole_h5(tmp_path / "shape.h5")
    with h5py.File(path, "r+") as file:
        group = file["model_weights/predictions"]
        del group["predictions/kernel:0"]
        group["predictions/kernel:0"] = np.zeros((4, 2), "float32")
    with pytest.raises(
        SepzooError, match=r"expected kernel of shape \(3, 2\) in layer 'predictions'\. Received: kernel of"
    ):
        model_file.load(path)
