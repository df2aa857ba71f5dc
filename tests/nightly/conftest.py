from __future__ import annotations

import gc
from collections.abc import Iterator

import keras
import pytest


@pytest.fixture
def memory() -> Iterator[None]:
    """Give back what a network took."""
    yield
    keras.backend.clear_session()
    gc.collect()
