"""Layers whose arrays are smaller than inputs by outputs pass; those that ask for more than is stored do not."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest

from sepzoo.artifact.inspection import check
from sepzoo.layers import PRESETS, FactorizedConv1D, FactorizedConv2D, conv2d, factorization
from sepzoo.support.types import Kwargs
from tests.artifact.inspection import files
from tests.artifact.inspection.refusal import refused

WIDTH = 64
"""Of inputs and outputs alike, so that a low rank has no array of as many weights as their product."""


@keras.saving.register_keras_serializable("tests")
class LowRankDense(keras.layers.Layer):
    """A layer of somebody else, whose `units` are no axis of an array."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2), name="kernel")

    def call(self, inputs):
        return keras.ops.tile(inputs @ self.kernel, (1, self.units // 2))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("kind", [*PRESETS, "bsconv_s_of_any_layer", "low_rank", "somebody"])
def test_layers_of_low_rank_pass(tmp_path: Path, kind: str, suffix: str) -> None:
    layer = {
        "bsconv_s_of_any_layer": lambda: FactorizedConv2D(factorization("bsconv_s", p=0.1), WIDTH, 1),
        "low_rank": lambda: FactorizedConv1D(factorization("bsconv_s", p=0.0, min_mid_channels=1), WIDTH, 1),
        "somebody": lambda: LowRankDense(10 * WIDTH),
    }.get(kind, lambda: conv2d(kind, WIDTH, 1))()
    shape = {"low_rank": (4, WIDTH), "somebody": (WIDTH,)}.get(kind, (4, 4, WIDTH))
    path = tmp_path / f"net{suffix}"
    keras.Sequential([keras.Input(shape), layer]).save(path)
    check(path)


@pytest.mark.parametrize(
    ("kind", "settings", "weights"),
    [
        ("BSConvU2D", {}, "4,000"),
        ("BSConvS2D", {"p": 0.5, "min_mid_channels": 4}, "500,000"),
        ("BSConvS1D", {"p": 0.0, "min_mid_channels": 2000}, "1,000,000"),
        ("FactorizedConv2D", {"factorization": factorization("separable").to_config()}, "4,000"),
    ],
)
def test_factorized_layers_larger_than_what_is_stored(tmp_path: Path, kind: str, settings: Kwargs, weights: str):
    wide = {
        "module": "sepzoo.layers",
        "class_name": kind,
        "registered_name": f"sepzoo>{kind}",
        "config": {"name": "wide", "filters": 4, **settings},
        "build_config": {"input_shape": [None, 4, 4, 1000]},
    }
    path = files.keras_file(tmp_path / "odd.keras", files.sequential(files.DENSE, wide))
    refused(path, f"'wide' has at least {weights} weights, and no array of it is that large")
