"""Plain pixels into `.tflite` files, by LiteRT alone: they answer as the network does of normalized ones."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import sepzoo
from sepzoo import export, inference
from sepzoo.artifact.browser_page import model_in
from sepzoo.compression import QuantizedModel, quantize_aware
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite
from sepzoo.export.batch_export import export_all
from sepzoo.export.formats.tflite import MODES
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.samples import ExportSamples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.preprocessing import AS_THEY_ARE, MINUS_ONE_TO_ONE, Preprocessing
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import normalized, pixels, separable
from tests.extras import needed

PER_CHANNEL = Preprocessing(mean=(90.0, 120.0, 150.0), std=(30.0, 60.0, 50.0))
BLUE_FIRST = Preprocessing(mean=(90.0, 120.0, 150.0), std=(30.0, 60.0, 50.0), channel_order="bgr")
ONE_MEAN_BLUE_FIRST = Preprocessing(channel_order="bgr")
NO_ZERO = Preprocessing(mean=(-100.0,), std=(100.0,))
MANY = {"per channel": PER_CHANNEL, "blue first": BLUE_FIRST}
UNFIT = {**MANY, "one mean, blue first": ONE_MEAN_BLUE_FIRST, "no pixel is zero": NO_ZERO}
EVERY = [(name, None) for name in MODES] + [
    (name, edges) for name in MODES for edges in ("int8", "float") if MODES[name].edges_vary
]
CALIBRATION = Samples(pixels(60, seed=1), None, origin="coloured quarters", seed=1)
IMAGES = pixels(100, seed=4)
AS_SEEN = {name: (4 / 255, 0.9) for name, mode in MODES.items() if mode.rounds_from is not None}
"""Mean difference of probabilities that is allowed, and the least share of equal answers; what takes pixels wrongly is
off by a fifth and answers half of them otherwise."""


def bare(file: Path | bytes, images: np.ndarray) -> tuple[np.ndarray, str]:
    """Return what LiteRT alone makes of pixels, and the type of the file's input; int8 gets them less 128."""
    interpreter = Interpreter(model_content=file if isinstance(file, bytes) else file.read_bytes())
    interpreter.allocate_tensors()
    [source], [target] = interpreter.get_input_details(), interpreter.get_output_details()
    dtype, rows = np.dtype(source["dtype"]).name, []
    given = (images.astype(int) + (np.iinfo(np.int8).min if dtype == "int8" else 0)).astype(dtype)
    for image in given:
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(target["index"])[0].astype(float))
    scale, zero_point = target["quantization"]
    return (np.stack(rows) - zero_point) * (scale or 1), dtype


def require_alike(found: np.ndarray, model: keras.Model, preprocessing: Preprocessing, mode: str) -> None:
    expected = model.predict(normalized(IMAGES, preprocessing), verbose=0)
    error, agreement = AS_SEEN.get(mode, (1e-3, 1))
    assert np.abs(found - expected).mean() < error * (2 if "int4" in mode else 1)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= agreement


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return separable()


@pytest.mark.slow
@pytest.mark.parametrize("said", MANY)
@pytest.mark.parametrize(("mode", "edges"), EVERY)
def test_on_request_every_mode_and_edge_takes_pixels(
    mode: str, edges: str | None, said: str, network: keras.Model, tmp_path: Path
) -> None:
    if MODES[mode].recipe:
        needed("ai_edge_quantizer", "quant")
    report = tflite(
        network,
        tmp_path / "net.tflite",
        quantize=None if mode == "float32" else mode,
        edges=edges,
        calibration=CALIBRATION,
        tolerance=Tolerance(),
        preprocessing=MANY[said],
        embed_preprocessing=True,
    )
    found, dtype = bare(report.path, IMAGES)
    assert dtype == ("int8" if edges == "int8" else "uint8")
    require_alike(found, network, MANY[said], mode)
    opened = inference.open(report.path)
    assert opened.preprocessing == AS_THEY_ARE
    np.testing.assert_allclose(opened.predict(IMAGES), found, atol=1e-6)
    assert export.verify(report.path).passed


@pytest.mark.slow
@pytest.mark.parametrize("said", UNFIT)
@pytest.mark.parametrize("target", ["tflite:int8", "tflite:int8_per_tensor", "browser:int8"])
def test_uint8_edges_take_pixels_unasked(target: str, said: str, network: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / f"net{export.TARGETS[target].suffix}"
    given = {"calibration": CALIBRATION, "preprocessing": UNFIT[said], "tolerance": Tolerance()}
    report = export.export(network, target, path, **given)
    found, dtype = bare(model_in(path.read_bytes()) if target.startswith("browser") else path, IMAGES)
    assert dtype == "uint8"
    require_alike(found, network, UNFIT[said], "int8")
    opened = inference.open(path)
    assert opened.preprocessing == AS_THEY_ARE
    np.testing.assert_allclose(opened.predict(IMAGES), found, atol=1e-6)
    assert set(report.operators).isdisjoint({"CAST", "DEQUANTIZE", "GATHER"})  # integers throughout


@pytest.mark.slow
def test_numbers_that_integers_can_be_cost_no_operator(network: keras.Model, tmp_path: Path) -> None:
    report = tflite(
        network, tmp_path / "net.tflite", quantize="int8", calibration=CALIBRATION, preprocessing=MINUS_ONE_TO_ONE
    )
    found, dtype = bare(report.path, IMAGES)
    assert (dtype, report.operators["CONV_2D"]) == ("uint8", 3)
    require_alike(found, network, MINUS_ONE_TO_ONE, "int8")
    assert inference.open(report.path).preprocessing == MINUS_ONE_TO_ONE


@pytest.mark.slow
def test_a_call_for_several_formats_leaves_none_out(network: keras.Model, tmp_path: Path) -> None:
    names = [f"tflite:{name}" for name in ("float32", "int8", "int8_float_io", "int8_per_tensor", "int16x8")]
    found = export_all(
        from_model(network, preprocessing=BLUE_FIRST),
        names,
        tmp_path / "net",
        samples=ExportSamples(CALIBRATION, CALIBRATION),
        tflite_options=TfliteOptions(edges="int8"),
        tolerance=Tolerance(),
        embed_preprocessing=True,
    )
    types = []
    for report in found.reports:
        rows, dtype = bare(report.path, IMAGES)
        require_alike(rows, network, BLUE_FIRST, report.target.partition(":")[2])
        types.append(dtype)
    assert types == ["uint8", "int8", "uint8", "int8", "uint8"]


@pytest.fixture(scope="module")
def trained(network: keras.Model) -> QuantizedModel:
    return quantize_aware(network, CALIBRATION, epochs=0, preprocessing=BLUE_FIRST)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edges", "asked", "calibrated"),
    [("uint8", False, True), ("uint8", True, False), ("int8", True, False), ("float", True, True)],
)
def test_a_network_trained_with_rounding_takes_pixels_too(
    edges: str, asked: bool, calibrated: bool, trained: QuantizedModel, tmp_path: Path
) -> None:
    report = trained.export_tflite(
        tmp_path / "net.tflite",
        edges=edges,
        check=CALIBRATION,
        embed_preprocessing=asked,
        **({} if calibrated else {"calibration": None}),
    )
    found, dtype = bare(report.path, IMAGES)
    assert dtype == ("int8" if edges == "int8" else "uint8")
    require_alike(found, trained.model, BLUE_FIRST, "int8")
    assert report.operators["CONV_2D"] == 4
    assert set(report.operators).isdisjoint({"FAKE_QUANT", "MUL", "GATHER"})


@pytest.mark.slow
def test_of_several_inputs_only_pictures_are_changed(tmp_path: Path) -> None:
    network = several_models.made("dictionaries")
    said = {"photo": several_models.PIXELS}
    given = {name: several_models.arrays(200)[name] for name in ("near", "photo", "words")}
    report = tflite(
        network,
        tmp_path / "net.tflite",
        quantize="int8",
        calibration=given,
        preprocessing=said,
        tolerance=Tolerance(),
    )
    opened = inference.open(report.path)
    assert opened.said_of("photo").preprocessing == AS_THEY_ARE
    scales = dict(
        zip([each.name for each in opened.sources], [each.quantization for each in opened.sources], strict=True)
    )
    assert (scales["photo"].scale, scales["photo"].zero_point) == (1.0, 0)
    assert scales["near"].scale < 0.1
    expected = network.predict({**given, "photo": normalized(given["photo"], several_models.PIXELS)}, verbose=0)
    found = opened.predict(given)
    for name, rows in expected.items():
        np.testing.assert_allclose(found[name], rows, atol=0.1 * np.ptp(rows), err_msg=name)


@pytest.mark.slow
def test_choices_reach_layers_behind_the_pixels(network: keras.Model, tmp_path: Path) -> None:
    report = tflite(
        network,
        tmp_path / "net.tflite",
        quantize="int8",
        calibration=CALIBRATION,
        preprocessing=PER_CHANNEL,
        keep_float="stem",
        batch_sizes=[4],
        layer_report=True,
    )
    assert report.float_layers == ("stem",)
    assert report.batch_sizes == (1, 4)
    found, _ = bare(report.path, IMAGES)
    require_alike(found, network, PER_CHANNEL, "int8")
    errors = {each.layer: each.snr for each in report.layers.layers}
    assert set(errors) >= {"stem", "unit0_depthwise", "unit1_pointwise", "logits"}
    assert min(errors.values()) > 15
    assert errors["stem"] > 35  # the pixels' own rounding alone


def test_features_have_no_pixels_to_take(tmp_path: Path) -> None:
    source = keras.Input((4,))
    network = keras.Model(source, keras.layers.Dense(2)(source), name="plain")
    rows = Samples(np.random.default_rng(0).normal(size=(20, 4)).astype("float32"), None, origin="normal", seed=0)
    with pytest.raises(SepzooError, match=r"^expected a model that takes pixels or .* Leave embed_preprocessing out"):
        tflite(network, tmp_path / "net.tflite", quantize="int8", calibration=rows, embed_preprocessing=True)
    assert not list(tmp_path.iterdir())
    assert sepzoo.export.tflite(network, tmp_path / "net.tflite", quantize="int8", calibration=rows).path.exists()
