"""The networks, and all that is done with one: find, build, prepare images, decode predictions.

Finding costs no import of Keras; building does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.building.build import build
    from sepzoo.building.features import features
    from sepzoo.building.images import decode_predictions, preprocess
    from sepzoo.catalog.card import Card, card
    from sepzoo.catalog.registry import list_models
    from sepzoo.weights.loading import LoadReport, load_weights

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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Card": "sepzoo.catalog.card",
        "LoadReport": "sepzoo.weights.loading",
        "build": "sepzoo.building.build",
        "card": "sepzoo.catalog.card",
        "decode_predictions": "sepzoo.building.images",
        "features": "sepzoo.building.features",
        "list_models": "sepzoo.catalog.registry",
        "load_weights": "sepzoo.weights.loading",
        "preprocess": "sepzoo.building.images",
    },
)
