"""Factorized convolutions: the record that describes them, the layers, the builder that networks are written with.

The record (`Factorization`, `factorization`, `PRESETS`) needs no Keras; a layer imports it when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS, Factorization, Step, factorization
from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.layers.bsconv import BSConvS, BSConvS1D, BSConvS2D, BSConvU, BSConvU1D, BSConvU2D
    from sepzoo.layers.builder import LayerBuilder
    from sepzoo.layers.conventions import Conventions
    from sepzoo.layers.drop_path import DropPath
    from sepzoo.layers.drop_path_join import ColumnDraw, DropPathJoin
    from sepzoo.layers.factorized import FactorizedConv, FactorizedConv1D, FactorizedConv2D
    from sepzoo.layers.kinds import conv1d, conv2d
    from sepzoo.layers.layer_scale import LayerScale
    from sepzoo.layers.orthonormal import OrthonormalRegularizer
    from sepzoo.layers.padding import EdgePadding
    from sepzoo.layers.spectra import MFCC, LogMelSpectrogram
    from sepzoo.layers.sum_terms import SumTerms

__all__ = [
    "MFCC",
    "PRESETS",
    "BSConvS",
    "BSConvS1D",
    "BSConvS2D",
    "BSConvU",
    "BSConvU1D",
    "BSConvU2D",
    "ColumnDraw",
    "Conventions",
    "DropPath",
    "DropPathJoin",
    "EdgePadding",
    "Factorization",
    "FactorizedConv",
    "FactorizedConv1D",
    "FactorizedConv2D",
    "LayerBuilder",
    "LayerScale",
    "LogMelSpectrogram",
    "OrthonormalRegularizer",
    "Step",
    "SumTerms",
    "conv1d",
    "conv2d",
    "factorization",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BSConvS": "sepzoo.layers.bsconv",
        "BSConvS1D": "sepzoo.layers.bsconv",
        "BSConvS2D": "sepzoo.layers.bsconv",
        "BSConvU": "sepzoo.layers.bsconv",
        "BSConvU1D": "sepzoo.layers.bsconv",
        "BSConvU2D": "sepzoo.layers.bsconv",
        "ColumnDraw": "sepzoo.layers.drop_path_join",
        "Conventions": "sepzoo.layers.conventions",
        "DropPath": "sepzoo.layers.drop_path",
        "DropPathJoin": "sepzoo.layers.drop_path_join",
        "LayerScale": "sepzoo.layers.layer_scale",
        "EdgePadding": "sepzoo.layers.padding",
        "FactorizedConv": "sepzoo.layers.factorized",
        "FactorizedConv1D": "sepzoo.layers.factorized",
        "FactorizedConv2D": "sepzoo.layers.factorized",
        "LayerBuilder": "sepzoo.layers.builder",
        "LogMelSpectrogram": "sepzoo.layers.spectra",
        "MFCC": "sepzoo.layers.spectra",
        "OrthonormalRegularizer": "sepzoo.layers.orthonormal",
        "SumTerms": "sepzoo.layers.sum_terms",
        "conv1d": "sepzoo.layers.kinds",
        "conv2d": "sepzoo.layers.kinds",
    },
    renamed={"Blocks": "LayerBuilder"},
)
