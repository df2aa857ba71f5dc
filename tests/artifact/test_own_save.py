"""Keras's own `model.save` keeps what sepzoo knows of a network; where it cannot, one line says what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact.model_file import attach, metadata_of
from sepzoo.layers import BSConvS
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError

LABELS = ("cat", "dog")


@pytest.fixture
def network() -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(BSConvS(4, 3, padding="same")(image))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    return attach(model, Metadata("pets", labels=LABELS, preprocessing=ZERO_TO_ONE))


def test_labels_and_preprocessing_stay(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "own.keras")
    opened = inference.open(tmp_path / "own.keras")
    assert (opened.name, opened.labels, opened.preprocessing) == ("pets", LABELS, ZERO_TO_ONE)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), "uint8")
    np.testing.assert_allclose(opened.predict(pixels), network.predict(pixels / 255.0, verbose=0), rtol=1e-5)


def test_what_keras_loads_and_saves_again_says_what_to_give(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "own.keras")
    again = keras.saving.load_model(tmp_path / "own.keras")
    assert metadata_of(again) is None
    again.save(tmp_path / "again.keras")
    opened = inference.open(tmp_path / "again.keras")
    with pytest.raises(SepzooError, match=r"expected a file with labels\. .*--labels\)\.$"):
        opened.require_labels()
    message = r"how pixels become its input\. .*--preprocessing; as_they_are, where it normalizes them itself\)\.$"
    with pytest.raises(SepzooError, match=message):
        opened.require_preprocessing()
    told = inference.open(tmp_path / "again.keras", labels=LABELS, preprocessing=ZERO_TO_ONE)
    assert (told.labels, told.preprocessing) == (LABELS, ZERO_TO_ONE)


@pytest.mark.slow
def test_a_file_with_layers_of_ours_needs_sepzoo(network: keras.Model, tmp_path: Path) -> None:
    network.save(tmp_path / "own.keras")
    load = "import sys, keras; keras.saving.load_model(sys.argv[1])"
    codes = [
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "own.keras")], capture_output=True, check=False)
        for code in (load, f"import sepzoo; {load}")
    ]
    assert [done.returncode for done in codes] == [1, 0]
    assert b"Could not locate class" in codes[0].stderr
