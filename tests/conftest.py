"""What every test may ask for: real data where it is there, a fixed seed always."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def _folder(variable: str, content: str) -> Path:
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_dir():
        pytest.skip(f"{variable} names no folder: {content}")
    return Path(value)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs (`data`), real weights (`weights`) and facts (`reference`)."""
    return _folder("SEPZOO_SHARED", "real photographs, real weights and the papers' counts are read from there")


@pytest.fixture(scope="session")
def tfds_data_dir() -> str:
    """The TFDS folder with the real CIFAR-10 and flowers."""
    return str(_folder("TFDS_DATA_DIR", "the real CIFAR-10 and flowers are read from there"))


@pytest.fixture
def seed() -> int:
    """Seed Keras, NumPy and Python alike."""
    import keras

    keras.utils.set_random_seed(7)
    return 7
