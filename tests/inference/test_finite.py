"""An answer that is no number is refused, of whatever file it comes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo import inference
from sepzoo.artifact.model_file import attach, save
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("suffix", [".keras", ".tflite"])
def test_weights_that_are_no_numbers(tmp_path: Path, suffix: str, value: float) -> None:
    start = keras.Input((8, 8, 3))
    end = keras.layers.Dense(2, activation=None)(keras.layers.GlobalAveragePooling2D()(start))
    model = attach(keras.Model(start, end, name="odd"), Metadata("odd", labels=("no", "yes")))
    path = tmp_path / f"odd{suffix}"
    if suffix == ".tflite":
        sepzoo.export.tflite(model, path)
        whole = np.frombuffer(path.read_bytes(), "u1").copy()
        kernel = np.ascontiguousarray(model.layers[-1].kernel.numpy().T).tobytes()
        place = bytes(whole).find(kernel)
        assert place > 0
        whole[place : place + 4] = np.frombuffer(np.float32(value).tobytes(), "u1")
        path.write_bytes(bytes(whole))
    else:
        model.set_weights([np.full((3, 2), value, "float32"), np.zeros(2, "float32")])
        save(model, path)
    with pytest.raises(SepzooError, match=r"^odd: expected finite outputs\. Received: nan or infinity\."):
        inference.open(path).predict(np.full((1, 8, 8, 3), 200, "uint8"))
