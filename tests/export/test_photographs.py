"""What int8 costs a real network on real photographs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import TARGETS, ExportReport, Tolerance, tflite
from sepzoo.export.pipeline import write
from sepzoo.export.rounding import EIGHT_BITS
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


def test_all_corrections_are_nearer_than_that_of_the_biases(
    int8: ExportReport, network: keras.Model, drawn: tuple[Samples, Samples], tmp_path: Path
) -> None:
    biases = dataclasses.replace(TARGETS["tflite:int8"], rounding=EIGHT_BITS)
    calibration, check = drawn
    write(from_model(network), biases, tmp_path / "m.tflite", calibration=calibration, check=check)
    right, before, after = (
        np.asarray(each.predict(check.images))
        for each in (from_model(network), *map(inference.open, (tmp_path / "m.tflite", int8.path)))
    )
    parts = [np.clip(each, 1e-7, 1) for each in (right, before, after)]
    closer = (parts[0] * np.log(parts[2] / parts[1])).sum(axis=1)  # a divergence from the network less another
    assert closer.mean() > 2 * closer.std() / np.sqrt(len(closer))
    same = [(each.argmax(axis=1) == right.argmax(axis=1)).mean() for each in (before, after)]
    assert same[1] >= same[0]
