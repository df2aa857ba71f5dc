"""Files of several inputs and outputs, in every format, against Keras's own `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import export, inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.inference.tflite_description import describe
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError
from tests.several_models import INPUTS, MODELS, PIXELS, data_for, expected, made, said


def assert_equal(found: Any, wanted: Any, atol: float) -> None:
    """Compare outputs by name; those of one output are arrays."""
    if not isinstance(wanted, dict):
        found, wanted = {"": found}, {"": wanted}
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert values.std() > 0.01
        np.testing.assert_allclose(found[name], values, atol=atol, err_msg=name)


def served(path: Path, model: keras.Model) -> Path:
    """Write a SavedModel with TensorFlow alone, as another program would, of one sample at a time."""
    import tensorflow as tf

    names = [f"in_{tensor.name}" for tensor in model.inputs]
    specs = [
        tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=name)
        for name, tensor in zip(names, model.inputs, strict=True)
    ]

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        @tf.function(input_signature=specs)
        def serve(self, *given: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = keras.tree.flatten(self.model(keras.tree.pack_sequence_as(self.model.input, list(given))))
            return {f"out_{20 - place}": output for place, output in enumerate(outputs)}

    module = Module()
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_keras_files(name: str, suffix: str, tmp_path: Path) -> None:
    model, data = made(name), data_for(name)
    path = tmp_path / f"model{suffix}"
    if suffix == ".keras":
        model.save(path)
    else:
        keras.saving.save_model(model, path)
    opened = inference.open(path, **said(name))
    assert tuple(each.name for each in opened.input_tensors) == INPUTS[name]
    wanted = expected(name, model, data)
    assert_equal(opened.predict(data), wanted, atol=1e-5)
    assert_equal(opened.predict(data, batch_size=7), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["two inputs", "two and two", "dictionaries"])
def test_saved_models_of_others(name: str, tmp_path: Path) -> None:
    model, data = made(name), data_for(name)
    pixels = {"preprocessing": {"in_photo": PIXELS}} if name == "dictionaries" else {}
    opened = inference.open(served(tmp_path / "served", model), **pixels)
    found = opened.predict({f"in_{key}": values for key, values in data.items()}, batch_size=25)
    wanted = expected(name, model, data)
    if isinstance(wanted, dict):
        order = sorted(wanted) if name == "dictionaries" else list(wanted)
        wanted = {f"out_{20 - place}": wanted[key] for place, key in enumerate(order)}
    assert_equal(found, wanted, atol=1e-5)
    if name == "dictionaries":
        assert [each.kind for each in opened.outputs] == ["multilabel", "softmax", "map"]  # out_18 … out_20


def test_tflite_files_of_others_have_names_too(tmp_path: Path) -> None:
    import tensorflow as tf

    model, data = made("two and two"), data_for("two and two")
    model.export(tmp_path / "served", format="tf_saved_model", verbose=False)
    (tmp_path / "model.tflite").write_bytes(
        tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "served")).convert()
    )
    wanted = expected("two and two", model, data)
    wanted = {"output_0": wanted["zebra"], "output_1": wanted["ant"]}
    for path in (tmp_path / "model.tflite", tmp_path / "served"):
        assert_equal(inference.open(path).predict(data, batch_size=25), wanted, atol=1e-5)


def test_what_is_said_travels_in_a_keras_file(tmp_path: Path) -> None:
    model = made("dictionaries")
    told = from_model(
        model,
        labels=list("abcd"),
        preprocessing={"photo": PIXELS},
        features={"words": Features((5,), "int32", low=0, high=49)},
        outputs={"tags": "values"},
    )
    opened = inference.open(model_file.save(model_file.attach(model, told.metadata), tmp_path / "net.keras"))
    assert opened.metadata == told.metadata
    assert {each.name: each.kind for each in opened.outputs} == {"grid": "map", "species": "softmax", "tags": "values"}
    assert (opened.output.name, opened.classes, opened.labels) == ("species", 4, tuple("abcd"))
    again = inference.open(tmp_path / "net.keras", outputs=["species=values"])
    assert {each.name: each.kind for each in again.outputs} == {"grid": "map", "species": "values", "tags": "values"}
    assert Metadata.from_json(told.metadata.to_json()) == told.metadata


def test_an_npz_file_is_read_by_the_names_of_the_inputs(tmp_path: Path) -> None:
    model, data = made("nested"), data_for("nested")
    np.savez(tmp_path / "data.npz", **dict(reversed(data.items())))
    assert_equal(from_model(model).predict(tmp_path / "data.npz"), expected("nested", model, data), atol=1e-5)


def test_pictures_of_any_size_and_features_together() -> None:
    model, data = made("dictionaries"), data_for("dictionaries", 3)
    large = [np.kron(photo, np.ones((3, 3, 1), np.uint8)) for photo in data["photo"]]
    whole = {"photo": PIXELS.__class__(mean=PIXELS.mean, std=PIXELS.std, crop_fraction=1.0, interpolation="nearest")}
    found = from_model(model, preprocessing=whole).predict({**data, "photo": large})
    assert_equal(found, expected("dictionaries", model, data), atol=1e-5)


def test_one_preprocessing_holds_for_all_pictures_whose_input_is_not_named() -> None:
    model, data = made("dictionaries"), data_for("dictionaries")
    assert_equal(
        from_model(model, preprocessing=PIXELS).predict(data), expected("dictionaries", model, data), atol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda data: data["near"], "net: expected an array for each of its inputs, near, far. Received: one array of"),
        (lambda data: {"near": data["near"]}, "each of its inputs, near, far. Received: near. Pass a dictionary"),
        (lambda data: {**data, "more": 1}, "Received: near, far, more."),
        (
            lambda data: {**data, "far": data["far"][:5]},
            "equally many samples for each input. Received: near: 60, far: 5.",
        ),
        (lambda data: {**data, "far": data["far"][:, :2]}, "net, input 'far': expected features of shape ('n', 6)."),
        (lambda data: ["one.png"], "Received: list."),
    ],
)
def test_other_data_is_one_line(change: Any, text: str) -> None:
    model = made("two inputs")
    model.name = "net"
    with pytest.raises(SepzooError) as caught:
        from_model(model).predict(change(data_for("two inputs")))
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            {"outputs": "softmax"},
            "net: expected the kinds of its outputs, zebra, ant, each by its name and once, such as",
        ),
        ({"outputs": ["cat=softmax"]}, "Received: cat=softmax."),
        ({"outputs": ["ant=softmax", "ant=values"]}, "Received: ant=softmax, ant=values."),
        ({"outputs": {"ant": "sigmoid"}}, "net, output 'ant': expected one probability as sigmoid."),
        ({"labels": ["a", "b"]}, "expected as many labels as outputs. Received: 2 labels for 3, 3 outputs."),
        (
            {"features": Features((6,))},
            "what its inputs take by their names, near, far. Received: features without a name.",
        ),
        ({"features": {"nea": Features((6,))}}, "by their names, near, far. Received: nea."),
        ({"features": {"near": Features((7,))}}, "net, input 'near': expected features of shape (6,). Received: (7,)."),
    ],
)
def test_what_does_not_fit_is_one_line(words: dict[str, Any], text: str) -> None:
    model = made("two and two")
    model.name = "net"
    with pytest.raises(SepzooError) as caught:
        from_model(model, **words)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_are_classified_by_the_one_output_of_class_scores() -> None:
    model, data = made("two and two"), data_for("two and two")
    zebra = expected("two and two", model, data)["zebra"]
    answers = zebra.argmax(axis=1)
    assert len(set(answers.tolist())) > 1
    opened = from_model(model, outputs={"zebra": "logits"}, labels=list("abc"))
    exact = Samples(data, answers, origin="arrays", seed=0)
    assert opened.evaluate(exact).top1 == 1.0
    assert opened.evaluate(Samples(data, (answers + 1) % 3, origin="arrays", seed=0)).top1 == 0.0
    probabilities = np.exp(zebra) / np.exp(zebra).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(opened.predict(data)["zebra"], probabilities, atol=1e-5)
    np.testing.assert_allclose(opened.scores(data), probabilities, atol=1e-5)
    assert [row[0].index for row in opened.top(opened.predict(data), 1)] == answers.tolist()


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        (
            None,
            "expected one output of class scores. Received: zebra=values, ant=values. Say which it is: outputs= (on",
        ),
        (
            {"zebra": "logits", "ant": "logits"},
            "Say that others are values: outputs= (on the command line: --output-kind ant",
        ),
    ],
)
def test_no_class_scores_or_several_are_one_line(outputs: Any, text: str) -> None:
    opened = from_model(made("two and two"), outputs=outputs)
    data = data_for("two and two")
    for ask in (
        lambda: opened.evaluate(Samples(data, np.zeros(60, int), origin="arrays", seed=0)),
        lambda: opened.output,
    ):
        with pytest.raises(SepzooError) as caught:
            ask()
        assert text in str(caught.value)


def test_linear_outputs_are_logits_only_where_it_is_clear_which() -> None:
    model = made("two and two")
    assert [each.kind for each in from_model(model, labels=list("abc")).outputs] == ["logits", "values"]
    source = keras.Input((4,))
    twins = keras.Model(source, [keras.layers.Dense(3, name=name)(source) for name in ("first", "second")])
    outputs = from_model(twins, labels=list("abc")).outputs
    assert [each.kind for each in outputs] == ["values", "values"]
    assert outputs[0].reason.startswith("another output has as many numbers as there are labels")


def test_pictures_alone_are_not_enough_for_several_inputs() -> None:
    opened = from_model(made("dictionaries"), preprocessing=PIXELS)
    text = r"expected a model of one input\. Received: one of 3, near, photo, words\. Give it an \.npz file"
    for ask in (opened.require_preprocessing, lambda: opened.pixels(np.zeros((1, 8, 8, 3), np.uint8))):
        with pytest.raises(SepzooError, match=text):
            ask()


@pytest.mark.parametrize("kinds", [("softmax", "tanh"), ("tanh", "softmax")])
def test_labels_in_another_program_s_metadata_are_those_of_the_output_they_stand_at(
    kinds: tuple[str, str], tmp_path: Path
) -> None:
    source = keras.Input((6,), name="x")
    heads = [
        keras.layers.Dense(3 + place, activation=kind, name=f"head{place}")(source) for place, kind in enumerate(kinds)
    ]
    model = keras.Model(source, heads, name="net")
    names = ("a", "b", "c", "d")[: 3 + kinds.index("softmax")]
    model_file.attach(model, Metadata("net", labels=names, preprocessing=None))
    export.tflite(model, tmp_path / "net.tflite")
    other = tmp_path / "other.tflite"  # without the record that says it all
    other.write_bytes((tmp_path / "net.tflite").read_bytes().replace(b"sepzoo.json", b"others.json"))
    opened = inference.open(other)
    assert describe(other.read_bytes()).labels == opened.labels == names
    rows = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    wanted = np.asarray(model(rows)[kinds.index("softmax")])
    top = opened.top(opened.predict(rows), 1)
    assert [guesses[0].label for guesses in top] == [names[place] for place in wanted.argmax(1)]
