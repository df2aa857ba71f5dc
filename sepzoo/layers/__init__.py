"""Factorized convolutions: the record that describes them, the layers, the words that networks are written in.

The record (`Factorization`, `factorization`, `PRESETS`) needs no Keras; a layer imports it when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.layers.factorization import PRESETS, Factorization, Step, factorization
from sepzoo.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.layers.blocks import Blocks, Conventions
    from sepzoo.layers.bsconv import BSConvS, BSConvS1D, BSConvS2D, BSConvU, BSConvU1D, BSConvU2D
    from sepzoo.layers.drop_path import DropPath
    from sepzoo.layers.drop_path_join import ColumnDraw, DropPathJoin
    from sepzoo.layers.factorized import FactorizedConv, FactorizedConv1D, FactorizedConv2D
    from sepzoo.layers.kinds import conv2d
    from sepzoo.layers.orthonormal import OrthonormalRegularizer
    from sepzoo.layers.padding import EdgePadding
    from sepzoo.layers.sum_terms import SumTerms

__all__ = [
    "PRESETS",
    "BSConvS",
    "BSConvS1D",
    "BSConvS2D",
    "BSConvU",
    "BSConvU1D",
    "BSConvU2D",
    "Blocks",
    "ColumnDraw",
    "Conventions",
    "DropPath",
    "DropPathJoin",
    "EdgePadding",
    "Factorization",
    "FactorizedConv",
    "FactorizedConv1D",
    "FactorizedConv2D",
    "OrthonormalRegularizer",
    "Step",
    "SumTerms",
    "conv2d",
    "factorization",
]


__getattr__ = lazy_names(
    __name__,
    {
        "BSConvS": "bsconv",
        "BSConvS1D": "bsconv",
        "BSConvS2D": "bsconv",
        "BSConvU": "bsconv",
        "BSConvU1D": "bsconv",
        "BSConvU2D": "bsconv",
        "Blocks": "blocks",
        "ColumnDraw": "drop_path_join",
        "Conventions": "blocks",
        "DropPath": "drop_path",
        "DropPathJoin": "drop_path_join",
        "EdgePadding": "padding",
        "FactorizedConv": "factorized",
        "FactorizedConv1D": "factorized",
        "FactorizedConv2D": "factorized",
        "OrthonormalRegularizer": "orthonormal",
        "SumTerms": "sum_terms",
        "conv2d": "kinds",
    },
)
