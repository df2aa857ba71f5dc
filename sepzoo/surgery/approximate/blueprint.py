"""Trained dense filters as blueprints: the start of a BSConv network that need not begin at random."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers.factorization import Factorization, bsconv_s, bsconv_u
from sepzoo.layers.kinds import convolution
from sepzoo.surgery.algebra.expansion import Expansion, Terms, expand
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, dense_convs
from sepzoo.surgery.approximate.separable_layer import arguments_of, separated
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement


def blueprint(
    model: keras.Model,
    *,
    p: float | None = None,
    min_mid_channels: int = 4,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
) -> tuple[keras.Model, SurgeryReport]:
    """Replace each dense convolution by the BSConv layer that is closest to it, to fine-tune from.

    A filter of M x k x k numbers is an M x (k * k) matrix; its best approximation by one k x k blueprint times a vector
    along depth is the first singular pair, the mean left in: BSConv-U (Haase and Amthor, CVPR 2020, arXiv 2003.13549).
    With `p` the vectors of all filters are then brought into the best subspace, with an orthonormal basis as first
    1 x 1 kernel: BSConv-S. Batch normalizations and activations stay where they are. All layers of more than 1 x 1 are
    taken, over images or series.

    The model is only a start: fine-tune it, or at least take `recalibrate_batch_norm` on some samples.

    Args:
        model: functional or Sequential, trained; it is only read.
        p: ratio of mid channels of BSConv-S, 0 … 1; None for BSConv-U.
        min_mid_channels: the least number of mid channels.
        keep: names of layers that stay as they are, with shell wildcards.
        only_if_cheaper: keep a layer whose blueprints would take no fewer multiply-accumulates.

    Raises:
        SepzooError: a model that `rewrite` refuses, a ratio out of range, a name in `keep` that no layer has, or
            weights that are not finite.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> new, report = blueprint(model, p=0.25)
        >>> type(new.layers[0]).__name__, [weight.shape for weight in new.layers[0].get_weights()]
        ('BSConvS2D', [(1, 1, 16, 4), (1, 1, 4, 32), (3, 3, 32, 1), (32,)])
    """
    kind = bsconv_u() if p is None else bsconv_s(p=p, min_mid_channels=min_mid_channels)
    plan = Plan(model)
    for dense in dense_convs(plan, keep):
        reason = dense.no_cheaper_as(kind) if only_if_cheaper else ""
        if reason:
            plan.skip(dense.site, reason)
        else:
            make = _whole if p is None else _subspace
            plan.replace(dense.site, *make(dense, expand(dense.kernel, "pw_dw"), kind))
    return plan.finish()


def _whole(dense: DenseConv, expansion: Expansion, kind: Factorization) -> tuple[Replacement, KernelVerification]:
    action = f"its blueprints, kernel error {expansion.relative_squared_error(1):.4f}"
    return separated(dense, expansion.terms.truncated(1), action, squared_error=expansion.squared_error(1), kind=kind)


def _subspace(dense: DenseConv, expansion: Expansion, kind: Factorization) -> tuple[Replacement, KernelVerification]:
    """Return the BSConv-S layer: as the blueprints have norm 1, the kernel's error is that of the 1 x 1 matrix."""
    layer = dense.site.layer
    mid = kind.steps(dense.channels, layer.filters)[0].outputs
    first = expansion.terms.truncated(1)
    u, s, _vt = np.linalg.svd(first.channel_vectors[:, 0].T, full_matrices=True)
    basis, inside = u[:, :mid], u[:, :mid].T @ first.channel_vectors[:, 0].T
    squared_error = expansion.squared_error(1) + float(np.sum(s[mid:] ** 2))
    kernel = Terms("pw_dw", first.spatial_filters, (basis @ inside).T[:, None]).kernel
    even = Terms("pw_dw", first.spatial_filters, inside.T[:, None]).balanced()
    depthwise, pointwise = even.keras_kernels()
    weights = [basis[None, None], pointwise, depthwise, *([dense.bias] if layer.use_bias else [])]
    new = convolution(dense.rank, kind, layer.filters, layer.kernel_size, **arguments_of(layer))
    share = squared_error / float(np.sum(dense.kernel**2) or 1.0)
    action = f"its blueprints on {mid} of {dense.channels} channels, kernel error {share:.4f}"
    part = Part(new, dense.own(weights))
    return Replacement((part,), action), KernelVerification(dense, kernel, dense.bias, squared_error)
