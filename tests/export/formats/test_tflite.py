"""Export to TFLite: what the file holds, what it answers, and when there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, tflite
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests.export.networks import LABELS, RESIDUAL_ADDS, samples, separable

ANY = Tolerance()


def details(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    interpreter = Interpreter(str(path))
    return interpreter.get_input_details()[0], interpreter.get_output_details()[0]


def test_float32_file_answers_as_the_model(model: keras.Model, check: Samples, float_file: ExportReport) -> None:
    expected = model.predict((check.images - np.float32(127.5)) / np.float32(127.5), verbose=0)
    answered = inference.open(float_file.path).predict(check.images)
    np.testing.assert_allclose(answered, expected, atol=1e-5)
    assert float_file.comparison.max_error == pytest.approx(np.abs(answered - expected).max(), abs=1e-7)
    assert (float_file.comparison.model_accuracy, float_file.comparison.file_accuracy) == (1.0, 1.0)
    assert (float_file.target, float_file.calibration) == ("tflite:float32", None)


def test_float32_file_takes_one_image_at_a_time(float_file: ExportReport) -> None:
    source, target = details(float_file.path)
    assert source["shape_signature"].tolist() == [1, 16, 16, 3]
    assert target["shape_signature"].tolist() == [1, len(LABELS)]


def test_the_file_knows_its_name_labels_and_preprocessing(float_file: ExportReport) -> None:
    opened = inference.open(float_file.path)
    assert (opened.name, opened.labels, opened.preprocessing) == ("separable", LABELS, Preprocessing())
    assert (float_file.size, float_file.labels) == (float_file.path.stat().st_size, len(LABELS))


@pytest.mark.parametrize("file", ["float_file", "int8_file"])
def test_batch_norm_is_folded_and_only_residual_additions_stay(file: str, request: pytest.FixtureRequest) -> None:
    operators = request.getfixturevalue(file).operators
    assert "MUL" not in operators
    assert operators["ADD"] == RESIDUAL_ADDS
    assert operators["CONV_2D"] == 1 + RESIDUAL_ADDS
    assert operators["DEPTHWISE_CONV_2D"] == RESIDUAL_ADDS


def test_int8_file_takes_and_gives_uint8(int8_file: ExportReport) -> None:
    source, target = details(int8_file.path)
    assert (source["dtype"], target["dtype"]) == (np.uint8, np.uint8)
    assert target["quantization"] == (1 / 256, 0)


def test_int8_input_is_the_pixel_itself(int8_file: ExportReport) -> None:
    """The input's range is that of all pixels, so a normalized pixel is quantized to itself but for half a step."""
    scale, zero_point = details(int8_file.path)[0]["quantization"]
    pixels = np.arange(256)
    integers = (pixels / 127.5 - 1) / scale + zero_point
    assert np.abs(integers - pixels).max() < 0.51
    opened = inference.open(int8_file.path)
    image = np.resize(pixels.astype(np.uint8), (1, 16, 16, 3))
    np.testing.assert_array_equal(opened.prepare(image), image)


@pytest.mark.slow
def test_dark_calibration_images_do_not_narrow_the_input(model: keras.Model, tmp_path: Path) -> None:
    dark = Samples(
        np.full((20, 16, 16, 3), 40, np.uint8)
        + np.arange(3, dtype=np.uint8) * np.arange(20, dtype=np.uint8)[:, None, None, None] % 7,
        None,
        origin="night",
        seed=0,
    )
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=dark, tolerance=ANY)
    assert details(report.path)[0]["quantization"] == (pytest.approx(2 / 255), 127)
    assert dark.images.max() < 60, "the caller's samples were changed"


def test_int8_report_states_calibration_and_both_accuracies(int8_file: ExportReport) -> None:
    seen = int8_file.comparison
    assert int8_file.calibration == "50 images of coloured quarters, seed 1"
    assert seen.origin == "200 images of coloured quarters, seed 2"
    assert seen.model_accuracy == 1.0
    assert seen.file_accuracy == seen.agreement >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("quantize", "kernel", "agreement"),
    [("float16", np.float16, 0.98), ("dynamic", np.int8, 0.95), ("int16x8", np.int8, 0.95)],
)
def test_other_modes(
    quantize: Any, kernel: type, agreement: float, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    wide = separable(size=32)
    report = tflite(
        wide,
        tmp_path / "m.tflite",
        quantize=quantize,
        calibration=samples(wide, 40, seed=5),
        check=samples(wide, 100, seed=6),
    )
    source, target = details(report.path)
    assert (source["dtype"], target["dtype"]) == (np.float32, np.float32)
    assert report.comparison.agreement >= agreement
    if quantize != "dynamic":  # which leaves kernels of less than 1024 elements alone
        kinds = {tensor["dtype"] for tensor in Interpreter(str(report.path)).get_tensor_details()}
        assert kernel in kinds


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "operator"),
    [
        (None, None),
        (keras.layers.PReLU(shared_axes=(1, 2)), "PRELU"),
        (keras.layers.Activation("hard_swish"), "HARD_SWISH"),
    ],
)
def test_what_has_no_16_bits_stays_float(activation: Any, operator: str | None, tmp_path: Path) -> None:
    x = source = keras.Input((16, 16, 3), name="image")
    for width in (8, 12):
        x = keras.layers.Conv2D(width, 3, strides=2, activation=None if activation else "relu", name=f"conv{width}")(x)
        x = activation.from_config({**activation.get_config(), "name": f"act{width}"})(x) if activation else x
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    network = keras.Model(source, keras.layers.Dense(4, activation="softmax", name="fc")(x), name="net")
    said = Preprocessing(mean=(0.0,), std=(255.0,))
    drawn = samples(separable(), 40, seed=5)
    report = tflite(
        network, tmp_path / "m.tflite", quantize="int16x8", calibration=drawn, preprocessing=said, tolerance=ANY
    )
    assert report.comparison.relative_error < 0.02
    interpreter = Interpreter(str(report.path))
    types = {each["index"]: each["dtype"] for each in interpreter.get_tensor_details()}
    kinds = {(each["op_name"], types[each["outputs"][0]]) for each in interpreter._get_ops_details()}
    assert ("CONV_2D", np.int16) in kinds
    floats = {name for name, dtype in kinds if dtype == np.float32} - {"DEQUANTIZE", "DELEGATE"}
    assert floats == ({operator} if operator else set())


@pytest.mark.slow
@pytest.mark.parametrize(("edges", "dtype"), [("float", np.float32), ("int8", np.int8)])
def test_int8_with_other_edges(
    edges: Any,
    dtype: type,
    model: keras.Model,
    calibration: Samples,
    check: Samples,
    int8_file: ExportReport,
    tmp_path: Path,
) -> None:
    report = tflite(model, tmp_path / "m.tflite", quantize="int8", edges=edges, calibration=calibration, check=check)
    source, target = details(report.path)
    assert (source["dtype"], target["dtype"]) == (dtype, dtype)
    ours = inference.open(report.path).predict(check.images).argmax(axis=1)
    theirs = inference.open(int8_file.path).predict(check.images).argmax(axis=1)
    assert np.mean(ours == theirs) >= 0.95


def test_logits_get_their_softmax(tmp_path: Path) -> None:
    model = separable(softmax=False)
    report = tflite(model, tmp_path / "m.tflite")
    assert report.operators["SOFTMAX"] == 1
    opened = inference.open(report.path)
    assert not opened.from_logits
    np.testing.assert_allclose(opened.predict(np.zeros((1, 16, 16, 3), np.uint8)).sum(), 1, atol=1e-5)


def test_without_samples_float32_is_compared_on_random_pixels(model: keras.Model, tmp_path: Path) -> None:
    report = tflite(model, tmp_path / "m.tflite")
    assert report.comparison.origin == "16 images of random pixels, seed 0"
    assert report.comparison.file_accuracy is None


@pytest.mark.slow
def test_a_nested_model_is_inlined_and_folded(tmp_path: Path) -> None:
    source = keras.Input((16, 16, 3))
    outputs = keras.layers.Dense(2, activation="softmax")(separable(softmax=False)(source))
    outer = model_file.attach(keras.Model(source, outputs, name="outer"), Metadata("outer"))
    report = tflite(outer, tmp_path / "m.tflite")
    assert report.operators["ADD"] == RESIDUAL_ADDS
    assert "MUL" not in report.operators
    assert report.labels == 0


@pytest.mark.slow
def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = separable()
    finally:
        keras.config.set_dtype_policy(before)
    report = tflite(model, tmp_path / "m.tflite", tolerance=Tolerance(max_error=0.05))
    assert {"CAST", "DEQUANTIZE"}.isdisjoint(report.operators)
    assert inference.open(report.path).predict(np.zeros((1, 16, 16, 3), np.uint8)).dtype == np.float32


def test_the_same_model_gives_the_same_bytes(
    model: keras.Model, check: Samples, float_file: ExportReport, tmp_path: Path
) -> None:
    again = tflite(model, tmp_path / "m.tflite", check=check)
    assert again.path.read_bytes() == float_file.path.read_bytes()


def test_nothing_is_printed_and_nothing_else_is_left(
    model: keras.Model, calibration: Samples, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=calibration)
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


def test_the_log_is_written_where_it_is_asked_for(model: keras.Model, calibration: Samples, tmp_path: Path) -> None:
    tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=calibration, log=tmp_path / "words.txt")
    assert "fully_quantize" in (tmp_path / "words.txt").read_text()


def test_beyond_the_tolerance_nothing_is_written_and_nothing_is_lost(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "m.tflite"
    path.write_text("an older file")
    with pytest.raises(SepzooError) as caught:
        tflite(model, path, quantize="int8", calibration=calibration, check=check, tolerance=Tolerance(max_error=1e-6))
    assert str(caught.value).startswith("tflite:int8 of separable was refused: probabilities differ by up to 0.")
    assert "checked on 200 images of coloured quarters, seed 2. No file was written." in str(caught.value)
    assert path.read_text() == "an older file"
    assert [left.name for left in tmp_path.iterdir()] == ["m.tflite"]


def test_what_the_converter_cannot_do_is_one_line_and_a_log(tmp_path: Path) -> None:
    source = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.erfinv(source))
    model = model_file.attach(keras.Model(source, keras.layers.Softmax()(x), name="odd"), Metadata("odd"))
    with pytest.raises(
        SepzooError, match=r"^tflite:float32 has no operators for .* odd: .*Erfinv.*words are in .*m\.tflite\.log\.$"
    ) as caught:
        tflite(model, tmp_path / "m.tflite")
    assert "\n" not in str(caught.value)
    assert "Erfinv" in (tmp_path / "m.tflite.log").read_text()
    assert [left.name for left in tmp_path.iterdir()] == ["m.tflite.log"]


def test_unknown_mode_offers_the_nearest(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"unknown quantization 'int9'\. Did you mean int8"):
        tflite(model, tmp_path / "m.tflite", quantize="int9")  # type: ignore[arg-type]


def test_other_suffix_is_refused(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"ends in \.tflite\. Received: .*m\.lite\."):
        tflite(model, tmp_path / "m.lite")


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_integers_need_calibration(quantize: Any, model: keras.Model, check: Samples, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=rf"^{quantize} needs calibration\. .*draw_samples\(source, count=200\)"):
        tflite(model, tmp_path / "m.tflite", quantize=quantize, check=check)


def test_rounding_needs_real_images(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"^float16 rounds, and random pixels cannot show what that does\."):
        tflite(model, tmp_path / "m.tflite", quantize="float16")


def test_a_model_must_say_how_pixels_become_its_input(tmp_path: Path) -> None:
    bare = keras.models.clone_model(separable())
    with pytest.raises(SepzooError, match=r"Received: 'separable' without\. Pass preprocessing="):
        tflite(bare, tmp_path / "m.tflite")
    said = Preprocessing(mean=(0.0,), std=(255.0,))
    report = tflite(bare, tmp_path / "m.tflite", preprocessing=said, labels=list("wxyz"))
    opened = inference.open(report.path)
    assert (opened.preprocessing, opened.labels) == (said, ("w", "x", "y", "z"))


def test_labels_must_fit(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"Received: 2 labels for 4 outputs\."):
        tflite(model, tmp_path / "m.tflite", labels=["a", "b"])


def test_the_model_itself_stays_as_it_was(check: Samples, calibration: Samples, tmp_path: Path) -> None:
    model = separable()
    before = [weight.copy() for weight in model.get_weights()]
    tflite(model, tmp_path / "m.tflite", quantize="int8", calibration=calibration, check=check)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
