"""Names of activations, as arguments take them."""

from __future__ import annotations

from typing import Literal

ActivationName = Literal[
    "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "swish", "hard_silu", "hard_swish",
    "mish", "tanh", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "sigmoid", "hard_sigmoid", "log_sigmoid",
    "sparse_sigmoid", "softplus", "sparse_plus", "squareplus", "softsign", "softmax", "log_softmax", "exponential",
    "linear",
]  # fmt: skip
"""Keras's, "leaky_relu" with Darknet's slope of 0.1, "prelu" with a trained slope for each channel."""
