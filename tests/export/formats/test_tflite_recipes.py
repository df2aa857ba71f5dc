"""Kernels of more than 32 MiB, which ai-edge-quantizer alone can't take apart."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.export import tflite
from sepzoo.inference import open as open_file

CHANNELS = 2_900
"""Whose square are 32.1 MiB of float32."""


@pytest.mark.slow
@pytest.mark.parametrize(("quantize", "bits"), [("weights_int8", 8), ("weights_int4_int8", 4)])
def test_a_large_kernel_is_rounded_as_smaller_ones_are(quantize: str, bits: int, tmp_path: Path) -> None:
    """Of normally distributed weights, each row by its largest; what the file answers tells which scale each had."""
    keras.utils.set_random_seed(0)
    image = keras.Input((1, 1, CHANNELS))
    large = keras.layers.Conv2D(CHANNELS, 1, kernel_initializer="random_normal", name="large")(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(large), name="net")
    sizes = np.exp(np.random.default_rng(1).normal(size=CHANNELS)).astype("float32")  # so that no scale fits all rows
    model.get_layer("large").set_weights([model.get_layer("large").kernel.numpy() * sizes, np.zeros(CHANNELS)])
    pictures = np.random.default_rng(0).normal(size=(4, 1, 1, CHANNELS)).astype("float32")
    path = tmp_path / "m.tflite"
    tflite(model, path, quantize=quantize, check=pictures)  # type: ignore[arg-type]  # any text; it refuses others
    assert path.stat().st_size < 1.05 * CHANNELS**2 * bits / 8
    expected = pictures[:, 0, 0] @ model.get_layer("large").kernel.numpy()[0, 0]
    found = open_file(path).predict(pictures)
    step = 3.5 / (2 ** (bits - 1) - 1)  # of the largest of 2,900 values, in their deviations; an error is .29 of a step
    assert abs(found - expected).mean() < 0.4 * step * sizes.mean() * 0.05 * CHANNELS**0.5
    assert (abs(found - expected).mean(axis=0) / sizes).max() < 2 * step * 0.05 * CHANNELS**0.5
