"""What the low-rank decompositions share: which layers are taken, fitted to what, and the two that they become."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.approximate.dense import DenseConv, dense_convs
from sepzoo.surgery.approximate.sampling import Fitted, Patches, fit_through
from sepzoo.surgery.exact.folding import fold_batch_norm
from sepzoo.surgery.walk.model_inputs import model_inputs
from sepzoo.surgery.walk.promise import Promise, check_all
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip, rewrite

F = TypeVar("F", bound=Fitted)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decomposition(Generic[F]):
    """A way of writing a dense convolution as two over fewer channels.

    Attributes:
        rank: how many channels there are between the two, from the convolution and the ratio.
        macs: multiply-accumulates of the two, from the convolution and the rank.
        data_free: the two factors, from the convolution and the rank.
        fitted: likewise, fitted to batches of patches and right answers, and no worse on them.
        promise: the layers that compute the factors, and what they promise.
        obstacle: why a convolution can't be written so, or an empty text.
    """

    rank: Callable[[DenseConv, float], int]
    macs: Callable[[DenseConv, int], int]
    data_free: Callable[[DenseConv, int], F]
    fitted: Callable[[DenseConv, int, Iterator[Patches]], F]
    promise: Callable[[DenseConv, F], Promise]
    obstacle: Callable[[DenseConv], str] = lambda _dense: ""


def decompose(
    model: keras.Model,
    way: Decomposition[F],
    *,
    ratio: float,
    keep: str | Sequence[str],
    only_if_cheaper: bool,
    data: Samples | np.ndarray | None,
) -> tuple[keras.Model, SurgeryReport]:
    """Write each dense k x k convolution of a model in one way, batch normalizations folded first.

    The arguments are those of `decompose_spatially` and `decompose_channels`, and so are the errors.
    """
    if not ratio > 0:
        raise SepzooError(f"expected a ratio above 0, by which weights shrink. Received: ratio={ratio}.")
    inputs = None if data is None else model_inputs(model, data)
    model, folding = fold_batch_norm(model)
    plan: dict[int, Any] = dict(dense_convs(model, keep))
    ranks: dict[DenseConv, int] = {}
    for key, entry in plan.items():
        if isinstance(entry, Skip):
            continue
        rank = way.rank(entry, ratio)
        reason = way.obstacle(entry)
        if not reason and only_if_cheaper and way.macs(entry, rank) >= entry.macs:
            reason = f"its two factors would take no fewer than its {entry.macs:,} MACs"
        if reason:
            plan[key] = Skip(reason)
        else:
            ranks[entry] = rank
    if inputs is None:
        fits = [way.data_free(dense, rank) for dense, rank in ranks.items()]
    else:
        fits = fit_through(model, list(ranks), inputs, lambda dense, batches: way.fitted(dense, ranks[dense], batches))
    promises = [way.promise(dense, found) for dense, found in zip(ranks, fits, strict=True)]
    plan |= {id(promise.dense.site.layer): promise.replacement for promise in promises}
    new, report = rewrite(model, lambda site: plan.get(id(site.layer)))
    check_all(promises)
    return new, folding.followed_by(report)


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
