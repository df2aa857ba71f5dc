"""What the low-rank decompositions share: two dense convolutions over fewer channels in the place of one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from sepzoo.errors import SepzooError
from sepzoo.surgery.rewriting import Part, Replacement


def check_ratio(ratio: float) -> None:
    """Raise where nothing can shrink by such a ratio.

    Raises:
        SepzooError: a ratio that is not above 0.
    """
    if not ratio > 0:
        raise SepzooError(f"expected a ratio above 0, by which weights shrink. Received: ratio={ratio}.")


def two_layers(
    layer: Any,
    first: dict[str, Any],
    second: dict[str, Any],
    *,
    kernels: tuple[np.ndarray, np.ndarray],
    bias: np.ndarray | None,
    names: tuple[str, str],
    action: str,
) -> Replacement:
    """Return two convolutions in a row; the second one ends as the original does.

    Args:
        layer: the original.
        first: kernel size, strides and dilation of the first one.
        second: likewise.
        kernels: of both.
        bias: of the second one, or None for none; the first one has none.
        names: what is appended to the original's name, after an underscore.
        action: for the report.
    """
    config = layer.get_config()
    between = {
        "filters": kernels[0].shape[-1],
        "use_bias": False,
        "activation": None,
        "activity_regularizer": None,
    }
    configs = (
        {**config, **first, **between, "name": f"{layer.name}_{names[0]}"},
        {**config, **second, "use_bias": bias is not None, "name": f"{layer.name}_{names[1]}"},
    )
    weights = ([kernels[0]], [kernels[1], *([] if bias is None else [bias])])
    parts = tuple(
        Part(keras.layers.Conv2D.from_config(config), [weight.astype("float32") for weight in own])
        for config, own in zip(configs, weights, strict=True)
    )
    return Replacement(parts, action)
