"""Models of several inputs and outputs, exported: the file's own answers beside those of Keras's `predict`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite, xla
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite import Quantize
from sepzoo.inference.tflite_description import describe
from sepzoo.inference.tflite_metadata_tables import decode
from sepzoo.records.inputs import Features
from sepzoo.support.errors import SepzooError
from tests.several_models import INPUTS, MODELS, data_for, expected, made, said, samples_for

ANY = Tolerance()
layers = keras.layers


def assert_close(found: Any, wanted: Any, limit: float) -> None:
    """See that each output strays on average by less than a share of its own spread."""
    if not isinstance(wanted, dict):
        found, wanted = {"": found}, {"": wanted}
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert values.std() > 0.01
        assert np.abs(found[name] - values).mean() < limit * values.std(), name


def some_nightly(names: Iterable[str], nightly: set[str]) -> list[Any]:
    """Return parameters of which those whose like the others show run at night."""
    return [pytest.param(name, marks=pytest.mark.nightly) if name in nightly else name for name in names]


CASES = [f"{name}, {quantize}" for name in MODELS for quantize in ("float32", "int8")]


@pytest.mark.slow
@pytest.mark.parametrize("case", some_nightly(CASES, {"two inputs, int8", "two outputs, int8"}))
def test_tflite(case: str, tmp_path: Path) -> None:
    name, _, mode = case.partition(", ")
    quantize: Quantize | None = "int8" if mode == "int8" else None
    model, samples = made(name), samples_for(name)
    report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=samples, **said(name))
    opened = inference.open(report.path)
    assert tuple(each.name for each in opened.input_tensors) == INPUTS[name] or len(INPUTS[name]) == 1
    data = data_for(name, seed=1)
    assert_close(opened.predict(data), expected(name, model, data), 0.1 if quantize else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", some_nightly(["float16", "dynamic", "int16x8"], {"float16"}))
def test_tflite_s_other_modes(quantize: Quantize, tmp_path: Path) -> None:
    model, samples = made("nested"), samples_for("nested")
    report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=samples)
    assert_close(inference.open(report.path).predict(samples.images), expected("nested", model, samples.images), 0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", some_nightly(MODELS, {"two inputs", "two outputs", "two and two"}))
def test_xla(name: str, tmp_path: Path) -> None:
    model, samples = made(name), samples_for(name)
    report = xla(model, tmp_path / "m", check=samples, **said(name))
    opened = inference.open(report.path)
    assert_close(opened.predict(samples.images, batch_size=25), expected(name, model, samples.images), 1e-5)
    assert [(each.name, each.kind) for each in opened.outputs] == [(each.name, each.kind) for each in report.outputs]


def test_other_programs_find_the_names_in_the_signature(tmp_path: Path) -> None:
    """LiteRT alone runs the file: names that TensorFlow does not take are written with _ instead."""
    model, data = made("nested"), data_for("nested", 1)
    report = tflite(model, tmp_path / "m.tflite", check=samples_for("nested"))
    runner = Interpreter(model_path=str(report.path)).get_signature_runner()
    found = runner(near=data["near"], rest_0=data["rest/0"], rest_1=data["rest/1"])
    wanted = expected("nested", model, data)
    assert set(found) == {name.replace("/", "_") for name in wanted}
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name.replace("/", "_")], values, atol=1e-5)


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_outputs_that_change_places_are_refused(
    quantize: Quantize | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two outputs of one shape: nothing but their numbers tells them apart."""
    right = tflite_converter._called

    def swapped(ready: keras.Model, *inputs: Any) -> dict[str, Any]:
        found = right(ready, *inputs)
        return {"ant": found["zebra"], "zebra": found["ant"]}

    monkeypatch.setattr(tflite_converter, "_called", swapped)
    with pytest.raises(SepzooError) as caught:
        tflite(made("two and two"), tmp_path / "m.tflite", quantize=quantize, calibration=samples_for("two and two"))
    assert "output 'zebra': outputs have a relative error of" in str(caught.value)
    assert "output 'ant': outputs have a relative error of" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_inputs_that_change_places_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    right = tflite_converter._called
    monkeypatch.setattr(tflite_converter, "_called", lambda ready, first, second: right(ready, second, first))
    with pytest.raises(SepzooError, match="was refused: "):
        tflite(made("two inputs"), tmp_path / "m.tflite", check=samples_for("two inputs"))


def test_each_output_is_compared_by_its_own_measure(tmp_path: Path) -> None:
    model = made("dictionaries")
    data = data_for("dictionaries")
    labels = expected("dictionaries", model, data)["species"].argmax(axis=1)
    check = dataclasses.replace(samples_for("dictionaries"), labels=labels)
    words = {"labels": list("abcd"), "outputs": {"tags": "values"}, "tolerance": ANY, **said("dictionaries")}
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=check, **words)
    found, wanted = inference.open(report.path).predict(data), expected("dictionaries", model, data)
    seen = {each.name: each for each in report.comparison.outputs}
    assert {name: each.scores for name, each in seen.items()} == {"grid": False, "species": True, "tags": False}
    for name, each in seen.items():
        distance = found[name] - wanted[name]
        assert each.max_error == pytest.approx(np.abs(distance).max(), abs=1e-5)
        relative = np.sqrt((distance**2).sum() / (wanted[name] ** 2).sum())
        assert each.relative_error == pytest.approx(relative, rel=1e-3)
    agreement = (found["species"].argmax(axis=1) == labels).mean()
    assert (seen["species"].agreement, seen["species"].file_accuracy) == (agreement, agreement)
    assert (seen["grid"].agreement, seen["tags"].model_accuracy) == (None, None)
    assert report.comparison.agreement == agreement
    text = str(report)
    rows = dict(report.rows())
    assert rows["output grid"] == "map, by its shape, (2, 2, 2)"
    assert rows["output species"] == "softmax, read off the graph"
    assert text.count("relative error") == 3
    fields = json.loads(report.to_json())
    assert [each["name"] for each in fields["comparison"]["outputs"]] == ["grid", "species", "tags"]


def test_logits_get_their_softmax_each_for_itself(tmp_path: Path) -> None:
    model, samples = made("two and two"), samples_for("two and two")
    words = {"outputs": ["zebra=logits"], "labels": list("abc")}
    report = tflite(model, tmp_path / "m.tflite", check=samples, **words)
    opened = inference.open(report.path)
    assert [(each.name, each.kind) for each in opened.outputs] == [("zebra", "softmax"), ("ant", "values")]
    wanted = expected("two and two", model, samples.images)
    exponentials = np.exp(wanted["zebra"])
    wanted = {**wanted, "zebra": exponentials / exponentials.sum(axis=1, keepdims=True)}
    assert_close(opened.run(opened.tensor(samples.images)), wanted, 1e-5)
    assert opened.labels == tuple("abc")


def test_the_standard_metadata_describe_each_input_and_output(tmp_path: Path) -> None:
    words = {"labels": list("abcd"), "outputs": {"tags": "values"}, **said("dictionaries")}
    report = tflite(made("dictionaries"), tmp_path / "m.tflite", check=samples_for("dictionaries"), **words)
    content = report.path.read_bytes()
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(content, 0)
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    [table] = [entry for entry in entries if entry.Name() == b"TFLITE_METADATA"]
    [graph] = decode(model.Buffers(table.Buffer()).DataAsNumpy().tobytes())["subgraph_metadata"]
    interpreter = Interpreter(model_content=content)
    # the converter calls the tensors serving_default_NAME:0, which is a second source for the order
    order = [details["name"].removeprefix("serving_default_")[:-2] for details in interpreter.get_input_details()]
    assert [each["name"] for each in graph["input_tensor_metadata"]] == order
    kinds = {each["name"]: each["content"]["content_properties"][0] for each in graph["input_tensor_metadata"]}
    assert kinds == {"near": "FeatureProperties", "words": "FeatureProperties", "photo": "ImageProperties"}
    shapes = [tuple(details["shape"][1:]) for details in interpreter.get_output_details()]
    assert [
        {"grid": (2, 2, 2), "species": (4,), "tags": (3,)}[each["name"]] for each in graph["output_tensor_metadata"]
    ] == shapes
    files = {each["name"]: each.get("associated_files", []) for each in graph["output_tensor_metadata"]}
    assert [file["name"] for file in files["species"]] == ["labels.txt"]
    assert (files["grid"], files["tags"]) == ([], [])
    assert describe(content).labels == tuple("abcd")


def test_integers_have_the_range_of_each_input(tmp_path: Path) -> None:
    report = tflite(made("two inputs"), tmp_path / "m.tflite", quantize="int8", calibration=samples_for("two inputs"))
    scales = {
        details["name"].removeprefix("serving_default_")[:-2]: details["quantization"][0]
        for details in Interpreter(model_path=str(report.path)).get_input_details()
    }
    data = data_for("two inputs")
    for name, values in data.items():
        spread = max(values.max(), 0) - min(values.min(), 0)
        assert scales[name] == pytest.approx(spread / 255, rel=0.02)


def test_without_samples_numbers_of_words_are_drawn_in_their_range(tmp_path: Path) -> None:
    words = keras.Input((5,), dtype="int32", name="words")
    inner = keras.Sequential([keras.Input((5,), dtype="int32"), layers.Embedding(7, 4), layers.Flatten()])
    near = keras.Input((3,), name="near")
    output = layers.Dense(2, name="output")(layers.Concatenate()([inner(words), near]))
    report = tflite(keras.Model([words, near], output), tmp_path / "m.tflite")
    opened = inference.open(report.path)
    known = {each.name: each.takes for each in opened.metadata.several}
    assert known == {"words": Features((5,), "int32", low=0, high=6), "near": Features((3,), "float32")}
    assert report.comparison.origin == "16 samples of random numbers, seed 0"
    assert report.comparison.relative_error < 1e-5


@pytest.mark.parametrize("several", [False, True])
def test_numbers_of_words_stay_whole_in_files_of_integers(several: bool, tmp_path: Path) -> None:
    """A float32 input of five thousand words: rounded to 256 steps, each would be another word."""
    keras.utils.set_random_seed(2)
    words, near = keras.Input((12,), name="words"), keras.Input((3,), name="near")
    mean = layers.GlobalAveragePooling1D()(layers.Embedding(5000, 8, embeddings_initializer="normal")(words))
    joint = layers.Concatenate()([mean, near]) if several else mean
    model = keras.Model([words, near] if several else words, layers.Dense(3, name="head")(joint))
    random = np.random.default_rng(0)
    numbers, others = random.integers(0, 5000, (80, 12)).astype(np.float32), random.normal(size=(80, 3)) * 0.01
    data = {"words": numbers, "near": others.astype(np.float32)} if several else numbers
    samples = Samples(data, None, origin="words", seed=0)
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=samples, tolerance=ANY)
    wanted = model.predict(data, verbose=0)
    assert_close(inference.open(report.path).predict(data), wanted, 0.05)


def test_an_output_that_is_given_twice(tmp_path: Path) -> None:
    source = keras.Input((4,), name="source")
    hidden = layers.Dense(3, name="hidden")(source)
    model = keras.Model(source, {"first": hidden, "second": hidden, "third": layers.ReLU()(hidden)})
    samples = Samples(np.random.default_rng(0).normal(size=(30, 4)).astype("float32"), None, origin="random", seed=0)
    for quantize in (None, "int8"):
        report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=samples)
        found = inference.open(report.path).predict(samples.images)
        wanted = model.predict(samples.images, verbose=0)
        assert_close(found, wanted, 0.05)


def constant(value: float) -> Samples:
    data = data_for("two inputs")
    return Samples({**data, "far": np.full_like(data["far"], value)}, None, origin="one number", seed=0)


def test_what_cannot_be_done_is_one_line_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    with pytest.raises(SepzooError, match=r"all of one number for input 'far'\. Pass samples of the training data"):
        tflite(made("two inputs"), path, quantize="int8", calibration=constant(3.0), check=samples_for("two inputs"))
    with pytest.raises(
        SepzooError, match=r"how pixels become its input\. Received: \"functional.*, input 'photo'\" without"
    ):
        tflite(made("dictionaries"), path, check=samples_for("dictionaries"))
    source = keras.Input((4,), name="source")
    with pytest.raises(SepzooError, match=r"outputs that the model computes\. .* gives its input 'source' back"):
        tflite(keras.Model(source, [layers.Dense(2)(source), source]), path)
    with pytest.raises(
        SepzooError, match=r"int16x8: expected inputs of floating numbers\. Received: .* 'words' takes whole"
    ):
        tflite(
            made("dictionaries"),
            path,
            quantize="int16x8",
            calibration=samples_for("dictionaries"),
            **said("dictionaries"),
        )
    assert list(tmp_path.iterdir()) == []
