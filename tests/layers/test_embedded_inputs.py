"""Numbers that an embedding has no row for: one line before any work, wherever samples come in."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.data import Samples
from sepzoo.export.targets import export
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.embedded_inputs import only_looked_up, require_rows, rows_looked_up
from sepzoo.shrinking import Budget, shrink
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.model_inputs import model_inputs

pytestmark = pytest.mark.slow

ROWS = 20


@pytest.fixture(scope="module")
def model() -> keras.Model:
    words, age = keras.Input((6,), name="words"), keras.Input((2,), name="age")
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(ROWS, 4)(words))
    x = keras.layers.Dense(2, activation="softmax")(keras.layers.Concatenate()([x, age]))
    return keras.Model([words, age], x, name="reader")


def numbers(highest: int, lowest: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    words = random.integers(0, ROWS, (24, 6)).astype("float32")
    words[3, 2], words[5, 1] = highest, lowest
    return {"words": words, "age": 99 * random.normal(size=(24, 2)).astype("float32")}


def samples(highest: int, lowest: int = 0) -> Samples:
    return Samples(numbers(highest, lowest), None, origin="texts", seed=0)


@pytest.mark.parametrize(("highest", "lowest", "received"), [(20, 0, "0 to 20"), (19, -1, "-1 to 19")])
@pytest.mark.parametrize(
    "use",
    [
        lambda model, given, path: from_model(model).predict(given.images),
        lambda model, given, path: model_inputs(model, given),
        lambda model, given, path: model_inputs(model, given.images),
        lambda model, given, path: shrink(model, budget=Budget(macs="50%"), samples=given),
        lambda model, given, path: export(model, "tflite:int8", path / "m.tflite", calibration=given),
        lambda model, given, path: export(model, "tflite:float32", path / "m.tflite", check=given),
    ],
    ids=["predict", "samples", "arrays", "shrink", "calibrate", "check"],
)
def test_a_number_without_a_row(model, use, highest, lowest, received, tmp_path):
    with pytest.raises(SepzooError) as caught:
        use(model, samples(highest, lowest), tmp_path)
    assert str(caught.value) == (
        "expected numbers from 0 to 19 for input 'words' of 'reader', whose embedding has 20 rows. Received: "
        f"{received}. Give the samples the numbers that the model was trained with."
    )
    assert not list(tmp_path.iterdir())


def test_numbers_of_all_rows_pass(model):
    given = samples(ROWS - 1)
    require_rows(model, list(given.images.values()))
    assert from_model(model).predict(given.images).shape == (24, 2)
    assert len(model_inputs(model, given)) == len(given)


def test_of_nested_models_and_several_embeddings_the_fewest_rows_count(model):
    words, age = keras.Input((6,)), keras.Input((2,))
    longer = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(words))
    outer = keras.Model([words, age], [model([words, age]), longer])
    assert [rows_looked_up(outer, each) for each in outer.inputs] == [9, None]
    assert [only_looked_up(outer, each) for each in outer.inputs] == [True, False]
