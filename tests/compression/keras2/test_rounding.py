"""Training with the rounding of tensorflow-model-optimization: as by its own scheme, and of what that refuses."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.artifact import model_file
from sepzoo.compression import quantize_aware
from sepzoo.compression.quantized_model import QuantizedModel
from sepzoo.layers.fake_quantization import QuantizedKernel, QuantizedOutput
from tests.compression.keras2.cases import data, sparse
from tests.compression.keras2.process import run
from tests.compression.test_export import require_steps

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process leaves of training with rounding."""
    place = tmp_path_factory.mktemp("rounding")
    run(place, ["rounding"])
    return place


@pytest.fixture(scope="module")
def start() -> QuantizedModel:
    """Where it began, by Keras 3 alone."""
    model = sparse()
    return quantize_aware(model, data(model), epochs=0)


@pytest.fixture(scope="module")
def trained(folder: Path) -> keras.Model:
    return model_file.load(folder / "hard_rounded.keras")


def test_it_rounds_as_its_own_scheme_does(folder: Path) -> None:
    with np.load(folder / "beside.npz") as found:
        for what in ("before", "step", "after", "ranges", "steps"):
            ours, theirs = found[f"ours_{what}"], found[f"theirs_{what}"]
            assert np.ptp(ours) > 0.1
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=what)
        assert np.abs(found["ours_after"] - found["ours_before"]).max() > 1e-3  # ranges have followed the batch


def test_it_begins_with_the_ranges_of_the_samples_and_learns(folder: Path, start: QuantizedModel) -> None:
    losses = json.loads((folder / "losses.json").read_text())
    assert len(losses) == 4
    assert losses[0] == pytest.approx(start.losses[0], rel=1e-3)
    assert min(losses) < 0.9 * losses[0]


def test_zeros_stay_and_weights_and_ranges_come_back(trained: keras.Model, start: QuantizedModel) -> None:
    kinds = [QuantizedKernel, QuantizedOutput]
    assert {type(layer) for layer in trained.layers} >= set(kinds)
    kernel = np.asarray(trained.get_layer("stem.1").layer.kernel)
    assert (kernel == 0).mean() == 0.5
    for layer in trained.layers:
        if isinstance(layer, QuantizedKernel):
            largest = np.abs(np.asarray(layer.layer.kernel))
            steps = 2.0 ** np.asarray(layer.log_step)
            assert 0.9 < (127 * steps).max() / largest.max() < 1.1  # the largest weight of the last step
    for kind, own in ((QuantizedKernel, "log_step"), (QuantizedOutput, "high")):
        moved = [
            np.abs(np.asarray(getattr(layer, own)) - np.asarray(getattr(start.model.get_layer(layer.name), own))).max()
            for layer in trained.layers
            if isinstance(layer, kind)
        ]
        assert max(moved) > 1e-3


def test_integers_of_the_file_stand_on_its_steps(trained: keras.Model, tmp_path: Path) -> None:
    found = QuantizedModel(trained, data(trained))
    report = found.export_tflite(tmp_path / "m.tflite", check=data(trained), edges="int8")
    assert not {"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"} & set(report.operators)
    require_steps(trained, tmp_path / "m.tflite")
    assert report.comparison.relative_error < 0.05
