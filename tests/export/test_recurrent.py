"""Recurrent layers: what is exported, and what is refused before TensorFlow's converter ends the process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import inference, surgery
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite
from sepzoo.export.pipeline import write
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import from_model
from sepzoo.support.errors import SepzooError
from tests.extras import needed_by

L = keras.layers
WINDOWS = np.random.default_rng(0).normal(size=(16, 2, 3)).astype("float32")
SAMPLES = Samples(WINDOWS, None, origin="windows", seed=0)


def model_of(body: Callable[[Any], Any], batch: int | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    x = keras.Input(batch_shape=(batch, 2, 3))
    return keras.Model(x, L.Dense(2, name="dense")(body(x)), name="net")


def within(x: Any) -> Any:
    """Return what a looped layer gives inside of another one."""
    return L.Flatten()(L.TimeDistributed(L.LSTM(2), name="outer")(L.Reshape((2, 1, 3))(x)))


LOOPED = {
    "LSTM": (lambda x: L.LSTM(3, name="loop")(x), "'loop'"),
    "GRU": (lambda x: L.GRU(3, name="loop")(x), "'loop'"),
    "Bidirectional": (lambda x: L.Bidirectional(L.GRU(3), name="both")(x), "'both'"),
    "in another layer": (within, "'outer'"),
}


@pytest.mark.parametrize(("body", "name"), LOOPED.values(), ids=LOOPED.keys())
@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_loops_are_refused_as_integers(body: Any, name: str, quantize: Any, tmp_path: Path) -> None:
    with pytest.raises(SepzooError) as caught:
        tflite(model_of(body), tmp_path / "m.tflite", quantize=quantize, calibration=SAMPLES)
    assert str(caught.value) == (
        f"tflite:{quantize}: expected layers that run without a loop. Received: 'net', whose recurrent layer {name} "
        "TensorFlow's converter can't calibrate. Take tflite:float32, tflite:float16 or tflite:dynamic, or build the "
        "layer with unroll=True."
    )
    assert list(tmp_path.iterdir()) == []


def test_loops_of_functions_are_refused_as_integers(tmp_path: Path) -> None:
    def doubled(x: Any) -> Any:
        return L.Flatten()(L.Lambda(lambda y: keras.ops.map(lambda row: row * 2.0, y), output_shape=(2, 3))(x))

    with pytest.raises(SepzooError, match=r"^expected a network without a loop to calibrate\. Received: 'net'"):
        tflite(model_of(doubled), tmp_path / "m.tflite", quantize="int8", calibration=SAMPLES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("quantize", ["float16", "dynamic"])
def test_loops_are_exported_in_floats(quantize: Any, tmp_path: Path) -> None:
    model = model_of(lambda x: L.LSTM(2)(L.Bidirectional(L.GRU(2, return_sequences=True))(x)))
    report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=SAMPLES)
    found = inference.open(report.path).predict(WINDOWS)
    np.testing.assert_allclose(found, model.predict(WINDOWS, verbose=0), atol=1e-3)


def convolved(x: Any) -> Any:
    return L.BatchNormalization()(L.Conv1D(4, 2)(x))


BEHIND_CONVOLUTIONS = {
    "both ways": lambda x: L.Bidirectional(L.GRU(3))(convolved(x)),
    "reshaped": lambda x: L.LSTM(3)(L.Reshape((2, 2))(convolved(x))),
    "pooled": lambda x: L.Bidirectional(L.LSTM(2, return_sequences=True))(L.MaxPooling1D(1)(L.Dense(4)(x))),
}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["onnx:int8", "openvino:int8"])
@pytest.mark.parametrize("body", BEHIND_CONVOLUTIONS.values(), ids=BEHIND_CONVOLUTIONS.keys())
def test_runtimes_that_calibrate_themselves_take_loops(body: Any, target: str, tmp_path: Path) -> None:
    """ONNX Runtime ended the process at such a file: it carried the rounding of a convolution into a loop."""
    needed_by(target)
    model = model_of(lambda x: L.Flatten()(body(x)))
    report = write(from_model(model), TARGETS[target], tmp_path / f"m{TARGETS[target].suffix}", calibration=SAMPLES)
    found, expected = inference.open(report.path).predict(WINDOWS), model.predict(WINDOWS, verbose=0)
    assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected)
    rounding = {"QuantizeLinear", "FakeQuantize"} & set(report.operators)
    assert len(rounding) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "limit"), [("int8", 0.2), ("int16x8", 0.05)])
def test_written_out_they_are_exported_as_integers(quantize: Any, limit: float, tmp_path: Path) -> None:
    model = model_of(lambda x: L.GRU(2, unroll=True)(L.Bidirectional(L.LSTM(2, unroll=True, return_sequences=True))(x)))
    report = tflite(model, tmp_path / "m.tflite", quantize=quantize, calibration=SAMPLES, tolerance=Tolerance())
    found, expected = inference.open(report.path).predict(WINDOWS), model.predict(WINDOWS, verbose=0)
    assert np.linalg.norm(found - expected) < limit * np.linalg.norm(expected)


def test_state_from_call_to_call_is_copied_by_surgery_and_refused_by_export(tmp_path: Path) -> None:
    model = model_of(lambda x: L.LSTM(3, stateful=True, name="memory")(x), batch=1)
    model.predict(WINDOWS[:3], batch_size=1, verbose=0)
    new, _report = surgery.fold_batch_norm(model)
    first = [each.predict(WINDOWS[3:4], verbose=0) for each in (model, new)]
    second = [each.predict(WINDOWS[3:4], verbose=0) for each in (model, new)]
    np.testing.assert_allclose(first[1], first[0], atol=1e-6)
    np.testing.assert_allclose(second[1], second[0], atol=1e-6)
    assert np.abs(second[0] - first[0]).max() > 1e-4
    with pytest.raises(SepzooError, match=r"'memory' keeps its state from call to call\. Build the network with state"):
        tflite(model, tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []


def test_functions_that_take_functions_go_through_surgery() -> None:
    def doubled(x: Any) -> Any:
        rows = keras.ops.transpose(x, (1, 0, 2))
        return keras.ops.transpose(keras.ops.map(lambda row: row * 2.0, rows), (1, 0, 2))

    model = model_of(lambda x: L.Flatten()(doubled(x)))
    new, report = surgery.fold_batch_norm(model)
    np.testing.assert_allclose(new.predict(WINDOWS, verbose=0), model.predict(WINDOWS, verbose=0), atol=1e-6)
    assert report.macs_after == report.macs_before == 6 * 2
