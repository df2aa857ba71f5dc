"""Networks and their files, made once."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from sepzoo.data import Samples
from sepzoo.export import ExportReport, tflite
from tests.export.networks import samples, separable


@pytest.fixture(scope="session")
def model() -> keras.Model:
    return separable()


@pytest.fixture(scope="session")
def calibration(model: keras.Model) -> Samples:
    return samples(model, 50, seed=1)


@pytest.fixture(scope="session")
def check(model: keras.Model) -> Samples:
    return samples(model, 200, seed=2)


@pytest.fixture(scope="session")
def float_file(model: keras.Model, check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    return tflite(model, tmp_path_factory.mktemp("float32") / "model.tflite", check=check)


@pytest.fixture(scope="session")
def int8_file(
    model: keras.Model, calibration: Samples, check: Samples, tmp_path_factory: pytest.TempPathFactory
) -> ExportReport:
    path = tmp_path_factory.mktemp("int8") / "model.tflite"
    return tflite(model, path, quantize="int8", calibration=calibration, check=check)


@pytest.fixture(scope="session")
def photographs(shared: Path) -> list[Path]:
    """500 real photographs, whose names begin with the class."""
    return sorted((shared / "data" / "imagenet_sample" / "images").iterdir())
