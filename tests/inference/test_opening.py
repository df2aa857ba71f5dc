"""From a path to a classifier, and what is said of a bad path."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sepzoo import inference
from sepzoo.support.errors import SepzooError


@pytest.mark.parametrize("name", ["none.keras", "none.tflite", "none.xyz"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(SepzooError, match=rf"{name}: no such file\.$"):
        inference.open(tmp_path / name)


@pytest.mark.parametrize(("content", "what"), [(b"", "an empty file. "), (b"GIF89a", "a file of another kind. ")])
@pytest.mark.parametrize("name", ["model.tflit", "model", "model.onn"])
def test_what_is_no_model_is_named(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SepzooError) as caught:
        inference.open(tmp_path / name)
    known = (
        "a model file (.keras, .h5, .tflite, .onnx, .xml, .html) or the folder of one (SavedModel, OpenVINO, StableHLO)"
    )
    assert str(caught.value).startswith(f"{tmp_path / name}: expected {known}. Received: {what}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX's")
@pytest.mark.parametrize("name", ["pipe", "pipe.png", "pipe.tflite", "pipe.h5"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SepzooError, match=r"Received: a pipe or a device\.$"):
        inference.open(tmp_path / name)


def test_a_saved_model_whose_path_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    (folder / "saved_model.pb").write_bytes(b"")
    with pytest.raises(SepzooError, match=r"at a path of UTF-8 text, .*caf\\udce9\. Rename the folder\.$"):
        inference.open(folder)


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"Received: a folder without a model\."):
        inference.open(tmp_path)


def test_an_empty_saved_model(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(SepzooError, match=r": expected a SavedModel\. Received: a damaged one \("):
        inference.open(tmp_path)


@pytest.mark.parametrize("suffix", inference.suffixes())
@pytest.mark.parametrize("content", [b"", b"TFL3", b"PK\x03\x04 nothing", b"\x1c\x00\x00\x00TFL3" + bytes(200)])
def test_nonsense_is_one_line(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(SepzooError) as caught:
        inference.open(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_threads_are_checked(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"")
    with pytest.raises(SepzooError, match=r"expected at least one thread\. Received: threads=0\."):
        inference.open(tmp_path / "model.tflite", threads=0)


def test_import_is_light() -> None:
    code = "import sys, sepzoo.inference; print({'keras', 'tensorflow', 'ai_edge_litert'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
