"""A sum of separable terms as a Keras layer in the place of a dense convolution."""

from __future__ import annotations

import numpy as np

from sepzoo.layers.factorization import Factorization
from sepzoo.layers.kinds import convolution
from sepzoo.support.types import Kwargs, Layer
from sepzoo.surgery.algebra.expansion import Terms
from sepzoo.surgery.approximate.dense_convolutions import DenseConv
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.walk.rewriting import Part, Replacement


def arguments_of(layer: Layer) -> Kwargs:
    """Return what a convolution's successor takes over: geometry, activation, bias, penalties, name and precision."""
    return {
        "strides": layer.strides,
        "padding": layer.padding,
        "dilation_rate": layer.dilation_rate,
        "activation": layer.activation,
        "use_bias": layer.use_bias,
        "bias_initializer": layer.bias_initializer,
        "bias_regularizer": layer.bias_regularizer,
        "bias_constraint": layer.bias_constraint,
        "depthwise_regularizer": layer.kernel_regularizer,
        "pointwise_regularizer": layer.kernel_regularizer,
        "activity_regularizer": layer.activity_regularizer,
        "name": layer.name,
        "dtype": layer.dtype_policy,
    }


def separated(
    dense: DenseConv,
    terms: Terms,
    action: str,
    *,
    bias: np.ndarray | None = None,
    squared_error: float | None = None,
    kind: Factorization | None = None,
) -> tuple[Replacement, KernelVerification]:
    """Return the layer that computes a sum of terms in the place of a dense convolution, and its verification.

    "dw_pw" is one separable layer whose depth multiplier is the number of terms; "pw_dw" is one factorized layer,
    which `to_keras` opens into branches. There is one bias: on the pointwise step, or on the first term's depthwise
    one.

    Args:
        dense: what is replaced.
        terms: the sum.
        action: for the report.
        bias: instead of the original's; then there is one in any case.
        squared_error: the squared norm of what the terms leave out of the original kernel, if that is known.
        kind: another record of the same computation, whose layer is wanted.
    """
    layer, terms = dense.site.layer, terms.balanced()
    arguments = {**arguments_of(layer), "use_bias": layer.use_bias or bias is not None}
    bias = dense.bias if bias is None else bias
    depthwise, pointwise = terms.keras_kernels()
    if terms.order == "dw_pw":
        weights = [depthwise, pointwise, bias]
    else:
        silent = np.zeros((terms.count - 1) * layer.filters)
        weights = [pointwise, depthwise, np.concatenate([bias, silent])]
    new = convolution(dense.rank, kind or terms.kind, layer.filters, layer.kernel_size, **arguments)
    part = Part(new, dense.own(weights if arguments["use_bias"] else weights[:2]))
    return Replacement((part,), action), KernelVerification(dense, terms.kernel, bias, squared_error)
