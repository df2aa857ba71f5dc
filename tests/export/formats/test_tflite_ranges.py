"""Files whose ranges of activations end where rounding errs least, beside files with the extremes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import TARGETS, TfliteOptions, Tolerance
from sepzoo.export.formats import tflite_modes, tflite_ranges
from sepzoo.export.formats.tflite import with_options
from sepzoo.export.formats.tflite_ranges import narrowed, narrowed_where_better
from sepzoo.export.pipeline import write
from sepzoo.inference.keras_model import from_model
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from tests.export.networks import LABELS, pixels

layers = keras.layers
NAMES = ("int8", "int8_float_io", "int8_per_tensor")


def network(kind: str) -> keras.Model:
    """Return a network whose activations have tails, as each comes times its magnitude; it gives values, or scores."""
    keras.utils.set_random_seed(4)
    x = source = keras.Input((16, 16, 3))
    for unit in range(3):
        x = layers.Conv2D(16, 3, padding="same", use_bias=False, name=f"conv{unit}")(x)
        x = layers.LayerNormalization(axis=(1, 2, 3), center=False, scale=False, name=f"even{unit}")(x)
        x = layers.Multiply(name=f"tails{unit}")([x, layers.ReLU(name=f"relu{unit}")(x)])
    if kind == "scores":
        x = layers.Dense(len(LABELS), name="logits")(layers.GlobalAveragePooling2D()(x))
        x = layers.Softmax()(x)
    else:
        x = layers.Conv2D(2, 1, name="last")(x)
    return model_file.attach(keras.Model(source, x, name="tails"), Metadata("tails", preprocessing=Preprocessing()))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, bool], Path]:
    """Mode, and whether ranges are drawn in, whatever that does -> the file of values; of "scores" the int8 one."""
    folder, found = tmp_path_factory.mktemp("ranges"), dict[tuple[str, bool], Path]()
    seen = Samples(pixels(60, seed=1), None, origin="quarters", seed=1)
    for name in (*NAMES, "scores"):
        mode = "int8" if name == "scores" else name
        target = with_options(TARGETS[f"tflite:{mode}"], TfliteOptions(batch_sizes=(1, 4)))
        classifier = from_model(network(name), outputs="softmax" if name == "scores" else "values")
        for narrows in (False, True):
            path = folder / f"{name}{narrows}.tflite"
            one = dataclasses.replace(target, rounding=dataclasses.replace(target.rounding, narrows=narrows))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tflite_modes, "narrowed_where_better", lambda *given, **_more: narrowed(*given))
                write(classifier, one, path, calibration=seen, check=seen, tolerance=Tolerance())
            found[name, narrows] = path
    return found


def scales(path: Path, graph: int = 0) -> dict[str, float]:
    """Return the step of each tensor that is no weight."""
    interpreter = Interpreter(model_path=str(path))
    found = interpreter.get_tensor_details(subgraph_index=graph)
    steps = {each["name"]: each["quantization_parameters"]["scales"] for each in found if len(each["shape"]) > 1}
    return {name: float(each[0]) for name, each in steps.items() if len(each) == 1}


@pytest.mark.parametrize("name", NAMES)
def test_values_are_nearer_to_those_of_the_network_itself(name, files):
    images = pixels(200, seed=2)
    right = network("values").predict(images / np.float32(127.5) - 1, verbose=0)
    errors = [
        np.square(np.asarray(inference.open(files[name, narrows]).predict(images)) - right).sum()
        for narrows in (False, True)
    ]
    assert errors[1] < 0.95 * errors[0]


@pytest.mark.parametrize("name", NAMES)
def test_no_range_grows_and_some_are_drawn_in(name, files):
    before, after = (scales(files[name, narrows]) for narrows in (False, True))
    assert before.keys() == after.keys()
    assert all(after[each] <= before[each] * 1.01 for each in before)
    assert sum(after[each] < 0.9 * before[each] for each in before) > 3


def test_the_logits_of_scores_and_the_edges_keep_their_ranges(files):
    before, after = (Interpreter(model_path=str(files["scores", narrows])) for narrows in (False, True))
    for one, other in zip(
        before.get_input_details() + before.get_output_details(),
        after.get_input_details() + after.get_output_details(),
        strict=True,
    ):
        assert one["quantization"] == other["quantization"]
    logits = [
        {key: step for key, step in scales(files["scores", narrows]).items() if "logits" in key} for narrows in (0, 1)
    ]
    assert logits[0]
    assert logits[0] == pytest.approx(logits[1], rel=0.01)  # not quite alike: corrected biases have moved


def test_graphs_of_several_batch_sizes_have_the_same_ranges(files):
    one, other = (list(scales(files["int8", True], graph).values()) for graph in (0, 1))
    assert len(one) > 5
    np.testing.assert_allclose(one, other, rtol=1e-5)  # extremes that stay are each graph's own


@pytest.mark.parametrize(
    ("before", "after", "better"),
    [
        ([1.0], [0.9], True),
        ([1.0], [0.97], False),  # by less than a tenth of the squared error
        ([1.0], [1.1], False),
        ([0.0], [0.0], False),
        ([1.0, 1.0], [0.5, 1.0], True),
        ([1.0, 1.0], [0.5, 1.01], False),
    ],
)
def test_ranges_are_drawn_in_where_an_output_gains_and_none_loses(monkeypatch, before, after, better):
    found = iter([[0.0] * len(before), before, after])
    monkeypatch.setattr(tflite_ranges, "narrowed", lambda *_given: b"drawn in")
    monkeypatch.setattr(tflite_ranges, "outputs_of", lambda *_given: list(map(np.array, next(found))))
    chosen = narrowed_where_better(b"extremes", {}, exact=b"", rounded=lambda content: content)
    assert chosen == (b"drawn in" if better else b"extremes")


def test_of_real_files_too(tmp_path, monkeypatch):
    """The values with tails are nearer with ranges drawn in; with the whole error in the edges nothing is gained."""
    chosen = []

    def seen(*given, **more):
        chosen.append(narrowed_where_better(*given, **more) != given[0])
        return given[0]

    monkeypatch.setattr(tflite_modes, "narrowed_where_better", seen)
    shown = Samples(pixels(60, seed=1), None, origin="quarters", seed=1)
    path = tmp_path / "chosen.tflite"
    for model in (network("values"), keras.Sequential([keras.Input((16, 16, 3)), layers.ReLU(6.0), layers.Flatten()])):
        model_file.attach(model, Metadata("net", preprocessing=Preprocessing()))
        classifier = from_model(model, outputs="values")
        write(classifier, TARGETS["tflite:int8"], path, calibration=shown, check=shown, tolerance=Tolerance())
    assert chosen == [True, False]
