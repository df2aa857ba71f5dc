"""Networks that take truth values beside numbers, and words of one segment: every format, against the model itself."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import TARGETS, export
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from tests.extras import needed_by

pytestmark = pytest.mark.slow

FORMATS = [name for name in TARGETS if not name.startswith("browser")]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    words, segments = keras.Input((6,), dtype="int32", name="words"), keras.Input((6,), dtype="int32", name="segments")
    mask = keras.Input((6,), dtype="bool", name="mask")
    x = keras.layers.Embedding(30, 8)(words) + keras.layers.Embedding(2, 8)(segments)
    x = keras.layers.Conv1D(8, 3, padding="same", activation="relu")(60 * x)
    x = keras.layers.GlobalAveragePooling1D()(x, mask=mask)
    return keras.Model([words, segments, mask], keras.layers.Dense(3, activation="softmax")(x), name="masked")


def texts(count: int, *, seed: int, whole: bool = False) -> Samples:
    random = np.random.default_rng(seed)
    lengths = np.full(count, 6) if whole else random.integers(2, 7, count)
    words = {"words": random.integers(0, 30, (count, 6)), "segments": np.zeros((count, 6), int)}
    return Samples({**words, "mask": np.arange(6) < lengths[:, None]}, None, origin="texts", seed=seed)


@pytest.mark.parametrize("target", FORMATS)
def test_it_answers_like_the_model(model: keras.Model, tmp_path: Path, target: str) -> None:
    needed_by(target)
    path = tmp_path / f"masked{TARGETS[target].extension or ''}"
    calibration, check = texts(60, seed=1), texts(90, seed=2)
    if target == "tflite:int16x8":
        with pytest.raises(SepzooError, match="expected inputs of floating numbers"):
            export(model, target, path, calibration=calibration, check=check)
        return
    export(model, target, path, calibration=calibration, check=check)
    found = inference.open(path).predict(check.images)
    wanted = model.predict([check.images[each.name] for each in model.inputs], verbose=0)
    coarse = 0.1 if "int" in target else 2e-2 if target in ("tflite:float16", "tflite:dynamic") else 1e-5
    np.testing.assert_allclose(found, wanted, atol=coarse)
    assert np.ptp(wanted, axis=0).min() > 2 * coarse  # else one answer for all would do


def test_a_mask_may_be_true_everywhere(model: keras.Model, tmp_path: Path) -> None:
    calibration = texts(60, seed=1, whole=True)
    assert calibration.images["mask"].all()
    report = export(model, "tflite:int8", tmp_path / "m.tflite", calibration=calibration, check=texts(90, seed=2))
    assert report.comparison.agreement > 0.9


def test_complex_numbers_are_refused(model: keras.Model) -> None:
    wrong = texts(4, seed=0)
    wrong.images["mask"] = wrong.images["mask"].astype(complex)
    with pytest.raises(SepzooError, match=r"input 'mask': expected features of shape .*Received: complex128"):
        from_model(model).predict(wrong.images)
