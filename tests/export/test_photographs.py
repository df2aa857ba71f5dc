"""What int8 costs a real network on real photographs."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, tflite
from sepzoo.inference.keras_model import from_model
from sepzoo.records.metadata import Metadata

pytestmark = pytest.mark.slow

CALIBRATION = 100


@pytest.fixture(scope="module")
def network(shared: Path) -> keras.Model:
    """The official MobileNetV1 of width 0.25."""
    model = keras.applications.MobileNet(alpha=0.25, weights=None)
    model.load_weights(shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5")
    return model_file.attach(model, Metadata("mobilenet_v1"))


@pytest.fixture(scope="module")
def drawn(network: keras.Model, photographs: list[Path]) -> tuple[Samples, Samples]:
    """100 photographs to calibrate on, 400 others to check on."""
    order = np.random.default_rng(0).permutation(len(photographs))
    images = from_model(network).pixels([photographs[index] for index in order])
    labels = np.array([int(photographs[index].name[:4]) for index in order])
    parts = slice(0, CALIBRATION), slice(CALIBRATION, None)
    calibration, check = (Samples(images[part], labels[part], origin="ImageNet photographs", seed=0) for part in parts)
    return calibration, check


@pytest.fixture(scope="module")
def int8(
    network: keras.Model, drawn: tuple[Samples, Samples], tmp_path_factory: pytest.TempPathFactory
) -> ExportReport:
    path = tmp_path_factory.mktemp("int8") / "model.tflite"
    return tflite(network, path, quantize="int8", calibration=drawn[0], check=drawn[1])


def test_int8_keeps_the_accuracy(int8: ExportReport) -> None:
    seen = int8.comparison
    assert seen.model_accuracy == pytest.approx(0.57, abs=0.01)
    assert seen.file_accuracy is not None
    assert seen.file_accuracy >= seen.model_accuracy - 0.015
    assert seen.agreement >= 0.9
    assert int8.size < 650_000


def test_the_corrected_biases_are_what_keeps_it(
    int8: ExportReport, network: keras.Model, drawn: tuple[Samples, Samples], tmp_path: Path
) -> None:
    plain = tflite(
        network,
        tmp_path / "m.tflite",
        quantize="int8",
        calibration=drawn[0],
        check=drawn[1],
        tolerance=Tolerance(),
        correct_bias=False,
    )
    assert plain.comparison.agreement < 0.82
    assert plain.comparison.mean_error > 1.8 * int8.comparison.mean_error
    assert plain.operators == int8.operators
