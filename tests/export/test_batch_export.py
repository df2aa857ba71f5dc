"""Several formats of one call, of which some fail."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.data import Samples
from sepzoo.export import TfliteOptions, Tolerance
from sepzoo.export.batch_export import export_all
from sepzoo.export.samples import ExportSamples
from sepzoo.export.target_names import named
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.fake_quantization import QuantizedOutput
from sepzoo.support.errors import SepzooError

NO_FLOAT16 = Tolerance(max_error=1e-5)
"""Weights of half the digits err by more than that, those of float32 by less."""


@pytest.fixture
def both(calibration: Samples, check: Samples) -> ExportSamples:
    return ExportSamples(calibration=calibration, check=check)


@pytest.mark.slow
def test_of_all_a_refused_file_misses_a_gate(
    model: keras.Model, both: ExportSamples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(map(named, ("tflite:float16", "tflite:float32")))
    monkeypatch.setattr("sepzoo.export.target_names.TARGET_NAMES", some)
    given = {"samples": both, "tolerance": NO_FLOAT16}
    found = export_all(from_model(model), ["all"], tmp_path / "m", least_accuracy=0.0, **given)
    assert [(failure.target, failure.refused) for failure in found.failures] == [("tflite:float16", True)]
    assert not found.passed
    assert export_all(from_model(model), ["all"], tmp_path / "m", **given).passed
    assert {path.name for path in tmp_path.iterdir()} == {"m_float32.tflite"}


@pytest.mark.slow
@pytest.mark.parametrize("keep_going", [False, True])
def test_of_named_formats_one_that_fails_is_raised_or_a_row(
    model: keras.Model, both: ExportSamples, tmp_path: Path, keep_going: bool
) -> None:
    def export(*targets: str) -> Any:
        given = {"samples": both, "tolerance": NO_FLOAT16, "keep_going": keep_going}
        return export_all(from_model(model), targets, tmp_path / "m", **given)

    targets = ("tflite:float16", "tflite:float32")
    if keep_going:
        found = export(*targets)
        [failure] = found.failures
        assert (failure.target, failure.refused, failure.named) == ("tflite:float16", True, True)
        assert (found.passed, found.lacking) == (False, ("tflite:float16",))
        assert [row[0] for row in found.rows()] == ["", "Keras", "tflite:float32", "tflite:float16"]
    else:
        with pytest.raises(SepzooError, match=r"^tflite:float16 of separable was refused: probabilities differ"):
            export(*targets)
    assert [path.name for path in tmp_path.iterdir()] == ["m_float32.tflite"] * keep_going


@pytest.mark.parametrize(
    ("second", "given", "said"),
    [
        ("tflite:float16", {"samples": None}, "^float16 rounds, and random pixels cannot show"),
        ("tflite:int8", {"samples": None}, "^tflite:int8 needs images to calibrate on"),
        ("onnx", {}, "^onnx needs tf2onnx"),
        ("tflite:int8", {"keep_float": "stm"}, r"^unknown layer 'stm'\. Did you mean stem"),
        ("tflite:int8", {"keep_float": ["stem", "batch_normalization"]}, "^unknown layer 'batch_normalization'"),
        ("tflite:int8", {"max_drop": 0.1}, "^expected labelled samples to check on, for max_drop"),
        ("xla", {}, "^expected the name of a folder to write"),
    ],
)
def test_what_can_be_seen_is_refused_before_the_first_file(
    model: keras.Model,
    both: ExportSamples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    second: str,
    given: dict[str, Any],
    said: str,
) -> None:
    installed = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *more: None if name == "tf2onnx" else installed(name, *more)
    )
    (tmp_path / "m_xla").write_text("mine")
    chosen = {name: given[name] for name in ("keep_float", "max_drop") if name in given}
    unlabelled = ExportSamples(both.calibration, dataclasses.replace(both.check, labels=None))
    samples = given.get("samples", unlabelled)
    with pytest.raises(SepzooError, match=said):
        export_all(
            from_model(model),
            ["tflite:float32", second],
            tmp_path / "m",
            samples=samples,
            tflite_options=TfliteOptions(**chosen),
            keep_going=True,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["m_xla"]


def test_a_network_trained_with_rounding_keeps_no_layer_float(tmp_path: Path) -> None:
    source = keras.Input((4,))
    trained = keras.Model(source, keras.layers.Dense(2, name="dense")(QuantizedOutput()(source)), name="trained")
    seen = Samples(np.random.default_rng(0).normal(size=(4, 4)).astype("float32"), None, origin="noise", seed=0)
    targets, options = ["tflite:int8", "tflite:int8_float_io"], TfliteOptions(keep_float="dense")
    with pytest.raises(SepzooError, match=r"^expected every layer of 'trained' to be rounded, as it was trained"):
        export_all(
            from_model(trained),
            targets,
            tmp_path / "m",
            samples=ExportSamples(seen, seen),
            tflite_options=options,
            keep_going=True,
        )


def test_a_network_that_no_file_can_hold_is_refused_once(tmp_path: Path) -> None:
    source = keras.Input((4, 3), batch_size=1)
    recurrent = keras.Model(source, keras.layers.LSTM(2, stateful=True, unroll=True)(source), name="keeps")
    with pytest.raises(SepzooError, match=r"^expected layers that answer each sample by itself\. Received: 'keeps'"):
        export_all(from_model(recurrent), ["tflite:float32", "xla"], tmp_path / "m", keep_going=True)
    assert not list(tmp_path.iterdir())
