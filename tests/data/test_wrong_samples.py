"""What is no data where data is asked for is refused in words, by every public function that takes some."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import compression, export, shrinking, surgery
from sepzoo.artifact.model_file import attach
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.shrinking import Budget
from sepzoo.support.errors import SepzooError

PIXELS = np.random.default_rng(0).normal(size=(4, 8, 8, 3)).astype("float32")
HALF = Budget(macs="50%")
OUT = Path("never.tflite")
TAKERS: dict[str, Callable[[keras.Model, Any], object]] = {
    "quantize_aware": compression.quantize_aware,
    "prune": compression.prune,
    "cluster": compression.cluster,
    "calibration": lambda model, data: export.tflite(model, OUT, quantize="int8", calibration=data),
    "check": lambda model, data: export.export(model, "tflite:float32", OUT, check=data),
    "layer_errors": lambda model, data: export.layer_errors(model, OUT, data),
    "evaluate": lambda model, data: from_model(model).evaluate(data),
    "decouple": lambda model, data: surgery.decouple(model, macs=0.5, data=data),
    "prune_channels": lambda model, data: surgery.prune_channels(model, macs=0.5, data=data),
    "recalibrate_batch_norm": surgery.recalibrate_batch_norm,
    "shrink": lambda model, data: shrinking.shrink(model, budget=HALF, samples=data),
    "shrink, compare": lambda model, data: shrinking.shrink(model, budget=HALF, samples=PIXELS, compare=data),
    "shrink, check": lambda model, data: shrinking.shrink(model, budget=HALF, samples=PIXELS, check=data),
    "shrink, lessons": lambda model, data: shrinking.shrink(model, budget=HALF, samples=PIXELS, lessons=data, distil=1),
}
WRONG = {
    "a name": "digits",
    "a number": 5,
    "images and labels": (PIXELS, np.zeros(4, int)),
    "a mapping": {"x": PIXELS},
    "a generator": iter([PIXELS]),
    "nothing in it": [],
    "no sample": Samples(PIXELS[:0], None, origin="here", seed=0),
    "not finite": Samples(
        np.where(np.arange(4)[:, None, None, None] == 2, np.inf, PIXELS), None, origin="here", seed=0
    ),
    "not a number": Samples(np.full_like(PIXELS, np.nan), np.zeros(4, int), origin="here", seed=0),
}


@pytest.fixture(scope="module")
def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.Conv2D(8, 3, name="conv"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(4, activation="softmax", name="dense"),
    ]
    return keras.Sequential([keras.Input((8, 8, 3)), *layers], name="net")


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("taker", TAKERS)
def test_it_is_refused(
    taker: str, wrong: str, network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SepzooError, match=r"(?s)expected .*Received: "):
        TAKERS[taker](network, WRONG[wrong])
    assert list(tmp_path.iterdir()) == []


ONES = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 3)).astype("uint8")
DIVIDED = {
    "an array": ONES,
    "samples": Samples(ONES, np.zeros(4, int), origin="here", seed=0),
    "dark ones": Samples(np.zeros_like(ONES), None, origin="here", seed=0),
}


@pytest.mark.parametrize(
    ("taker", "given"),
    [
        (taker, given)
        for taker in TAKERS
        for given in DIVIDED
        if "shrink, " not in taker and (taker, given) != ("evaluate", "an array")  # which has no labels
    ],
)
def test_pixels_that_were_divided_by_255_are_refused(
    taker: str, given: str, network: keras.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    saying = attach(keras.models.clone_model(network), Metadata("net"))
    highest = 0 if given == "dark ones" else 1
    where = {"an array": "(an array|'net')"}.get(given, "here")
    received = rf"Received: uint8 of 0 … {highest} in all 4 images\. Pass them as they are, not divided by 255: "
    with pytest.raises(SepzooError, match=rf"^{where}: expected pixels of 0 … 255\. {received}"):
        TAKERS[taker](saying, DIVIDED[given])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["compare", "check", "lessons"])
def test_so_are_those_of_any_part_of_shrink(kind: str, network: keras.Model) -> None:
    saying = attach(keras.models.clone_model(network), Metadata("net"))
    pixels = 255 * ONES
    with pytest.raises(SepzooError, match="expected pixels of 0 … 255"):
        shrinking.shrink(saying, budget=HALF, samples=pixels, distil=1, **{kind: ONES})


def test_one_black_image_and_features_of_0_and_1_are_none_of_these(network: keras.Model, tmp_path: Path) -> None:
    saying = attach(keras.models.clone_model(network), Metadata("net"))
    export.export(saying, "tflite:float32", tmp_path / "black.tflite", check=Samples(0 * ONES[:1], None, "here", 0))
    surgery.recalibrate_batch_norm(saying, ONES[:1])
    takes = Features((8, 8, 3), "float32")
    bits = attach(keras.models.clone_model(network), Metadata("net", preprocessing=None, features=takes))
    export.export(bits, "tflite:int8", tmp_path / "bits.tflite", calibration=ONES)
    surgery.recalibrate_batch_norm(bits, ONES)
    assert from_model(bits).evaluate(Samples(ONES, np.zeros(4, int), "here", 0)).count == 4


def test_frames_of_a_dark_room_are_answered(network: keras.Model) -> None:
    saying = from_model(attach(keras.models.clone_model(network), Metadata("net")))
    assert saying.predict(ONES).shape == (4, 4)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (
            (PIXELS.tolist(), None),
            "here: expected images as a NumPy array, (n, ...). Received: list. Pass numpy.asarray",
        ),
        ((PIXELS, [0, 1, 2, 3]), "here: expected labels as a NumPy array, (n, ...). Received: list."),
        ((PIXELS, np.zeros(3, int)), "here: expected arrays of one length. Received: images 4, labels 3."),
        (({"a": PIXELS, "b": PIXELS[:1]}, None), "here: expected arrays of one length. Received: a 4, b 1."),
        ((np.float32(1), None), "here: expected images as a NumPy array, (n, ...). Received: float32."),
    ],
)
def test_samples_are_arrays_of_one_length(arrays: tuple[Any, Any], words: str) -> None:
    with pytest.raises(SepzooError) as caught:
        Samples(*arrays, origin="here", seed=0)
    assert str(caught.value).startswith(words)
