"""The networks, and the way to them: find, build, prepare images, read answers.

Finding costs no import of Keras; building does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.catalog.registry import list_models
from sepzoo.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.catalog.build import build
    from sepzoo.catalog.card import Card, card
    from sepzoo.catalog.images import decode_predictions, preprocess
    from sepzoo.catalog.load import LoadReport, load_weights
    from sepzoo.catalog.taps import features

__all__ = [
    "Card",
    "LoadReport",
    "build",
    "card",
    "decode_predictions",
    "features",
    "list_models",
    "load_weights",
    "preprocess",
]

__getattr__ = lazy_names(
    "sepzoo.catalog",
    {
        "Card": "card",
        "LoadReport": "load",
        "build": "build",
        "card": "card",
        "decode_predictions": "images",
        "features": "taps",
        "load_weights": "load",
        "preprocess": "images",
    },
)
