"""From a path to a classifier, and what is said of a bad path."""

from __future__ import annotations

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


def test_unknown_suffix_offers_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "model.tflit").write_bytes(b"")
    with pytest.raises(SepzooError, match=r"unknown model file suffix '\.tflit'\. Did you mean \.tflite\?"):
        inference.open(tmp_path / "model.tflit")


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"Received: a folder without saved_model\.pb\."):
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
