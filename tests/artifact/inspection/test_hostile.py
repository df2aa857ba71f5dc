"""Hostile files, one of each kind: refused in one line that names the file, by the check and by what loads."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact.inspection import check, checking, inspect, one_child, unchecked
from sepzoo.artifact.inspection.configuration import search
from sepzoo.support.checked_files import is_known, mark_known
from tests.artifact.inspection import files
from tests.artifact.inspection.refusal import refused
from tests.small import SMALL


def layer(kind: str, module: str = "keras.layers", **settings: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "odd", **settings}, "registered_name": None}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (layer("Lambda", function="x"), "'odd', a Lambda layer, which holds Python code"),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {"value": "x"}}), "Python code"),
        (layer("TorchModuleWrapper", module_="x"), "a TorchModuleWrapper, which holds a pickle"),
        (layer("TFSMLayer", filepath="other_model"), "a TFSMLayer, which runs another SavedModel"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "'odd', whose vocabulary is '/etc/passwd'"),
        (layer("IntegerLookup", vocabulary="http://host/"), "'odd', whose vocabulary is 'http://host/'"),
        (
            layer("Dense", activation={"module": "keras.utils", "class_name": "function", "config": "get_file"}),
            r"keras\.utils\.get_file, which is no part of a model",
        ),
        (
            layer("enable_unsafe_deserialization", module="keras.config"),
            r"keras\.config\.enable_unsafe_deserialization, which is no part of a model",
        ),
        (layer("load_model", module="keras.src.saving.saving_api"), r"keras\.src\.saving\.saving_api\.load_model"),
        (layer("eval", module="builtins"), r"'odd', which is builtins\.eval"),
        (layer("Dense") | {"config": {"name": "../../x", "units": 2, "dtype": "float32"}}, "leads out of the archive"),
        ([[[[layer("Lambda")]]]], "a Lambda layer"),
    ],
)
def test_configurations(tmp_path: Path, config: Any, reason: str) -> None:
    path = files.keras_file(tmp_path / "odd.keras", files.sequential(files.DENSE, config))
    refused(path, reason)
    found = inspect(path)
    assert found.runs_code or found.reads_files
    whole = files.whole_h5(tmp_path / "odd.h5")
    with h5py.File(whole, "r+") as file:
        file.attrs["model_config"] = json.dumps(files.sequential(config))
    refused(whole, reason)


def test_what_keras_writes_of_every_layer_is_no_finding() -> None:
    import keras

    for name, cls in vars(keras.layers).items():
        if isinstance(cls, type) and issubclass(cls, keras.layers.Layer):
            entry = {"module": "keras.layers", "class_name": name, "config": {"name": "a"}, "registered_name": None}
            unsafe = name in ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
            assert bool(search(entry).runs_code) == unsafe


def test_classes_of_others_are_named_and_left_to_keras(tmp_path: Path) -> None:
    own = layer("Mine", module="my.layers") | {"registered_name": "my>Mine"}
    path = files.keras_file(tmp_path / "own.keras", files.sequential(own))
    check(path)
    assert inspect(path).custom == ("my>Mine",)


def put(**fields: Any) -> Callable[[zipfile.ZipInfo], None]:
    """Return what sets fields of an entry."""

    def change(entry: zipfile.ZipInfo) -> None:
        for name, value in fields.items():
            setattr(entry, name, value)

    return change


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put(filename="../evil"), "'../evil' leads out of the archive"),
        (put(filename="/etc/evil"), "'/etc/evil' leads out"),
        (put(filename="C:\\evil"), "leads out"),
        (put(filename="config.json"), "two members of the name 'config.json'"),
        (put(external_attr=0o120777 << 16), "'extra' is a link"),
        (put(flag_bits=1), "'extra' is encrypted"),
        (put(compress_type=99), "is packed by method 99; 0 and 8 are read"),
        (put(file_size=2**40, compress_size=2**40), "unpacks to 1,099,511,6"),
        (put(file_size=77), "has two sizes"),
    ],
)
def test_archives(tmp_path: Path, change: Any, reason: str) -> None:
    source = files.keras_file(tmp_path / "odd.keras")
    directory_only = any(word in reason for word in ("encrypted", "packed", "unpacks", "two sizes"))
    with zipfile.ZipFile(source, "a") as archive:
        entry = zipfile.ZipInfo("extra")
        if not directory_only:
            change(entry)
        archive.writestr(entry, b"x")
        if directory_only:
            change(archive.infolist()[-1])
    refused(source, reason)


def test_a_bomb_of_zeros(tmp_path: Path) -> None:
    path = files.keras_file(tmp_path / "bomb.keras")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("assets/zeros", "w") as member:
        for _ in range(150):
            member.write(bytes(2**20))
    refused(path, r"it unpacks to 157,\d+,\d+ bytes, of which at most 8\d,\d+,\d+ are allowed")


@pytest.mark.parametrize("cut", [0.3, 0.9, 0.999])
@pytest.mark.parametrize("write", [files.keras_file, files.whole_h5, files.npz, files.safetensors])
def test_files_cut_short(tmp_path: Path, write: Any, cut: float) -> None:
    suffix = {files.keras_file: ".keras", files.whole_h5: ".h5", files.npz: ".npz"}.get(write, ".safetensors")
    path = write(tmp_path / f"cut{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    if suffix == ".h5" or (suffix == ".safetensors" and cut > 0.5):
        refused(path, "damaged")
    else:  # without its directory or header it is none of them, and its reader says so
        assert inspect(path).format == "unknown"


def test_suffixes_in_capitals_are_suffixes(tmp_path: Path) -> None:
    path = files.npz(tmp_path / "small.npz")
    path.rename(tmp_path / "small.SAFETENSORS")
    refused(tmp_path / "small.SAFETENSORS", r"expected a \.SAFETENSORS file, as its name says\. Received: \.npz\.")


def test_a_file_that_changes_while_it_is_checked_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = files.npz(tmp_path / "small.npz")
    asked = checking._asked

    def and_change(*arguments: Any, **more: Any) -> Any:
        found = asked(*arguments, **more)
        path.write_bytes(path.read_bytes() + b"more")
        return found

    monkeypatch.setattr(checking, "_asked", and_change)
    check(path)
    assert not is_known(path)


def test_a_file_of_another_kind_than_its_name(tmp_path: Path) -> None:
    path = files.npz(tmp_path / "small.npz")
    path.rename(tmp_path / "small.h5")
    refused(tmp_path / "small.h5", r"expected a \.h5 file, as its name says\. Received: \.npz\.")


def test_text_in_a_safetensors_header(tmp_path: Path) -> None:
    text = b"{" + b'"a":[' * 30_000
    (tmp_path / "odd.safetensors").write_bytes(len(text).to_bytes(8, "little") + text)
    refused(tmp_path / "odd.safetensors", "its header is no JSON")


def test_damaged_values_behind_a_sound_structure(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(4096)
    path = files.h5(tmp_path / "odd.h5", lambda file: file.create_dataset("a", data=values, compression="gzip"))
    content = bytearray(path.read_bytes())
    place = content.find(zlib.compress(values.tobytes())[:2], 2000)
    content[place + 50 : place + 90] = bytes(40)
    path.write_bytes(content)
    refused(path, "damaged")


def test_a_reader_that_crashes_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_CHILD", checking.contextvars.ContextVar("other", default=None))
    good, bad = files.npz(tmp_path / "good.npz"), files.npz(tmp_path / "bad.npz")
    with one_child():
        child = checking._CHILD.get()
        assert child is not None
        child.close()
        check(good)
        monkeypatch.setattr(checking.Child, "ask", crash)
        refused(bad, r"whose checking process crashed \(signal 11\)\. It was not loaded; ask where it comes from\.$")


def crash(*arguments: object, **more: object) -> None:
    from sepzoo.support.child import ChildError

    raise ChildError("crashed (signal 11)")


def test_what_is_known_is_not_checked_again_until_it_changes(tmp_path: Path) -> None:
    path = files.npz(tmp_path / "small.npz")
    mark_known(path)
    path.write_bytes(path.read_bytes()[:-30] + bytes(30))
    assert not is_known(path)
    mark_known(path)
    check(path)
    path.touch()
    assert not is_known(path)


def test_trust(tmp_path: Path) -> None:
    paths = [files.keras_file(tmp_path / f"{name}.keras", files.sequential(layer("Lambda"))) for name in "abc"]
    refused(paths[0], "a Lambda layer")
    check(paths[0], trust=True)
    with unchecked():
        check(paths[1])
    refused(paths[2], "a Lambda layer")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"config": {"units": 10**9}}, "'predictions' has units=1,000,000,000, and no array of it is that long"),
        ({"build_config": {"input_shape": [None, 10**9]}}, "takes 1,000,000,000 values at once"),
        ({"build_config": {"input_shape": [None, 10**6]}}, "has at least 2,000,000 weights, and no array of it is"),
    ],
)
def test_layers_larger_than_what_is_stored(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    dense = json.loads(json.dumps(files.DENSE))
    for section, fields in change.items():
        dense[section] |= fields
    refused(files.keras_file(tmp_path / "odd.keras", files.sequential(dense)), reason)


@pytest.mark.slow
@pytest.mark.parametrize("family", SMALL)
def test_networks_of_every_family_pass(tmp_path: Path, family: str) -> None:
    name, arguments = SMALL[family]
    network = sepzoo.applications.build(name, **arguments)
    network.save(tmp_path / "network.keras")
    check(tmp_path / "network.keras")
    found = inspect(tmp_path / "network.keras")
    numbers = sum(int(np.prod(weight.shape)) for weight in network.weights if weight.dtype == "float32")
    assert sum(array.bytes for array in found.arrays if array.dtype == "float32") == 4 * numbers
