"""The errors of a file's layers, held against the network's own layers in NumPy."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo.data import Samples
from sepzoo.export import (
    ExportReport,
    LayerErrors,
    Tolerance,
    export,
    layer_errors,
    layer_errors_to_csv,
    layer_errors_to_node_data,
    plot_layer_errors,
    prepared,
    tflite,
)
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@pytest.fixture(scope="module")
def found(model: keras.Model, int8_file: ExportReport, check: Samples) -> LayerErrors:
    return layer_errors(model, int8_file.path, check)


def by_layer(errors: LayerErrors) -> dict[str, float]:
    return {each.layer: np.inf if each.snr is None else each.snr for each in errors.layers}


def altered(model: keras.Model, layer: str, change: np.ndarray | float, place: int) -> keras.Model:
    """Return a copy in which one of a layer's weights is larger."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    weights = copy.get_layer(layer).get_weights()
    weights[place] = weights[place] + change
    copy.get_layer(layer).set_weights(weights)
    return copy


def tensor_in(path: Path, part: str, images: np.ndarray) -> np.ndarray:
    """Return the real values of the file's tensor that a layer and its ReLU6 gave their names, but for its bias."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    named = [each for each in interpreter.get_tensor_details() if "Relu6" in each["name"] and part in each["name"]]
    details = [each for each in named if len(each["shape"]) == 4]
    assert len(details) == 1
    scale, zero = details[0]["quantization"]
    rows = []
    for image in images:
        interpreter.set_tensor(source, image[None])
        interpreter.invoke()
        rows.append((interpreter.get_tensor(details[0]["index"]).astype(float) - zero) * scale)
    return np.concatenate(rows)


def test_a_layers_ratio_is_that_of_the_model_as_given_and_the_files_own_tensor(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "equalize_where_better", lambda *_args, **_kwargs: False)  # see test_equalized_files
    path = tflite(model, tmp_path / "model.tflite", quantize="int8", calibration=calibration, check=check).path
    images, found = check.images[:64], layer_errors(model, path, check)
    depthwise = model.get_layer("unit1_depthwise")
    behind = next(layer for layer in model.layers[model.layers.index(depthwise) :] if type(layer).__name__ == "ReLU")
    right = keras.Model(model.input, behind.output).predict(images / np.float32(127.5) - 1, verbose=0)
    difference = tensor_in(path, "unit1_depthwise", images) - right
    [seen] = [each for each in found.layers if each.layer == "unit1_depthwise"]
    assert seen.snr == pytest.approx(10 * np.log10(np.sum(right**2) / np.sum(difference**2)), abs=1e-3)
    shift = np.square(difference.mean(axis=(0, 1, 2))).sum() / np.square(difference).mean(axis=(0, 1, 2)).sum()
    assert seen.mean_share == pytest.approx(shift, abs=1e-6)
    assert seen.operator == "DEPTHWISE_CONV_2D"


def test_all_layers_are_there_the_worst_first(found: LayerErrors) -> None:
    ratios = list(by_layer(found).values())
    assert ratios == sorted(ratios)
    assert all(0 < ratio < 70 for ratio in ratios)
    weighted = {"stem", "logits", *(f"unit{unit}_{kind}" for unit in range(2) for kind in ("depthwise", "pointwise"))}
    assert weighted <= by_layer(found).keys()
    assert len(found.layers) == len({each.tensor for each in found.layers})
    assert found.layers[0].layer in str(found).splitlines()[1]


def test_a_float_file_errs_nowhere(model: keras.Model, float_file: ExportReport, check: Samples) -> None:
    ratios = by_layer(layer_errors(model, float_file.path, check))
    assert len(ratios) > 5
    assert min(ratios.values()) > 90


def test_the_layer_that_differs_is_seen_and_those_before_it_are_not(
    model: keras.Model, int8_file: ExportReport, check: Samples, found: LayerErrors, preprocessing: object
) -> None:
    other = altered(model, "unit1_pointwise", 0.5, 0)
    ratios, before = by_layer(layer_errors(other, int8_file.path, check, preprocessing=preprocessing)), by_layer(found)
    for name in ("stem", "unit0_depthwise", "unit0_pointwise", "unit1_depthwise"):
        assert ratios[name] == pytest.approx(before[name], abs=1e-3)
    assert ratios["unit1_pointwise"] < before["unit1_pointwise"] - 10


def test_a_moved_bias_is_a_shift_of_means(
    model: keras.Model, int8_file: ExportReport, check: Samples, preprocessing: object
) -> None:
    moved = layer_errors(altered(model, "logits", 5.0, 1), int8_file.path, check, preprocessing=preprocessing)
    [seen] = [each for each in moved.layers if each.layer == "logits"]
    assert seen.mean_share > 0.95


@pytest.fixture
def preprocessing(model: keras.Model) -> object:
    from sepzoo.inference.keras_model import from_model

    return from_model(model).metadata.preprocessing


def test_files_say_the_same(found: LayerErrors, int8_file: ExportReport, tmp_path: Path, drawn: list[Figure]) -> None:
    with layer_errors_to_csv(found, tmp_path / "layers.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["layer"], float(row["snr"])) for row in rows] == [(each.layer, each.snr) for each in found.layers]
    data = json.loads(layer_errors_to_node_data(found, tmp_path / "layers.json").read_text())
    tensors = {each["name"] for each in Interpreter(str(int8_file.path)).get_tensor_details()}
    assert data["results"].keys() <= tensors
    assert [value["value"] for value in data["results"].values()] == [round(each.snr or 0, 2) for each in found.layers]
    assert [stop["stop"] for stop in data["gradient"]] == [0, 1]
    assert plot_layer_errors(found, tmp_path / "layers.png").stat().st_size > 1000
    [axes] = drawn[0].axes
    in_order = sorted(found.layers, key=lambda each: each.place)
    assert [bar.get_width() for bar in axes.patches] == [each.snr for each in in_order]
    assert [label.get_text() for label in axes.get_yticklabels()] == [each.layer for each in in_order]
    assert in_order[0].layer == "stem"


def test_several_inputs_and_batch_sizes(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    left, right = keras.Input((4,), name="left"), keras.Input((3,), name="right")
    hidden = keras.layers.Concatenate(name="both")(
        [keras.layers.Dense(5, name="wide")(left), keras.layers.Dense(2, name="narrow")(right)]
    )
    outputs = {name: keras.layers.Dense(2, name=name)(hidden) for name in ("first", "second")}
    model = keras.Model({"left": left, "right": right}, outputs)
    generator = np.random.default_rng(0)
    arrays = {name: generator.normal(size=(40, size)).astype("float32") for name, size in (("left", 4), ("right", 3))}
    samples = Samples(arrays, None, origin="numbers", seed=0)
    settings = {"calibration": samples, "tolerance": Tolerance(), "batch_sizes": [4], "layer_report": True}
    report = tflite(model, tmp_path / "net.tflite", quantize="int8", **settings)
    assert report.layers is not None
    ratios = by_layer(report.layers)
    assert {"wide", "narrow"} <= ratios.keys()
    assert all(20 < ratio < 80 for ratio in ratios.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.tflite",
        *(f"net.tflite.layers.{ending}" for ending in ("csv", "json", "png")),
    ]
    assert "worst layers" in str(report)
    assert json.loads(report.to_json())["layers"]["layers"][0]["snr"] == report.layers.layers[0].snr


def test_a_file_of_another_network_is_refused(int8_file: ExportReport, check: Samples, preprocessing: object) -> None:
    source = keras.Input((16, 16, 3))
    other = keras.Model(source, keras.layers.Dense(4, name="another")(keras.layers.Flatten(name="flat")(source)))
    with pytest.raises(
        SepzooError, match=r"expected a file that was exported from .* Received: one in which none"
    ) as e:
        layer_errors(other, int8_file.path, check, preprocessing=preprocessing, outputs="values")
    assert "\n" not in str(e.value)
    with pytest.raises(SepzooError, match=r"expected at least one sample to run the layers on"):
        layer_errors(other, int8_file.path, check.taken(slice(0)), preprocessing=preprocessing)


def test_of_a_separable_convolution_the_whole_is_compared(tmp_path: Path) -> None:
    """Its depthwise step gives as many numbers, which are others."""
    keras.utils.set_random_seed(0)
    layers = [
        keras.layers.SeparableConv2D(3, 3, padding="same", activation="relu", name="one"),
        keras.layers.SeparableConv2D(3, 3, padding="same", name="two"),
        keras.layers.DepthwiseConv2D(3, padding="same", activation="relu", name="three"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers, keras.layers.Flatten(), keras.layers.Dense(2)])
    data = Samples(np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32"), None, origin="noise", seed=0)
    report = export(model, "tflite:float32", tmp_path / "net.tflite", check=data, outputs="values")
    found = layer_errors(model, report.path, data, outputs="values").layers
    assert {each.layer: each.operator for each in found if each.layer in ("one", "two", "three")} == {
        "one": "CONV_2D",
        "two": "CONV_2D",
        "three": "DEPTHWISE_CONV_2D",
    }
    assert all(each.snr is None or each.snr > 100 for each in found)
