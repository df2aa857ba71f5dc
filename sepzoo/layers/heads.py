"""Classifiers: from the last feature map to class scores."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

from sepzoo.support.types import Activation, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

LAYERS = ("hidden", "hidden_bn", "hidden_norm", "hidden1", "hidden2", "logits", "predictions")
"""Names of a head's layers that have weights."""


class HasDropout(Protocol):
    """Arguments of a family that ends in `pooled_head`."""

    @property
    def dropout(self) -> float:
        """Dropout rate in front of the classifier."""


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A layer between the pooling and the classifier."""

    channels: int
    activation: str
    use_bias: bool = True


def pooled_head(net: LayerBuilder, x: Tensor, arguments: HasDropout, *, classes: int, activation: Activation) -> Tensor:
    """Return the class scores: global average pooling, dropout, one dense layer."""
    return dense_head(net, x, classes=classes, activation=activation, dropout=arguments.dropout)


def dense_head(
    net: LayerBuilder,
    x: Tensor,
    hidden: Hidden | None = None,
    *,
    classes: int,
    activation: Activation,
    dropout: float = 0.0,
) -> Tensor:
    """Return the class scores: global average pooling, a hidden layer if there is one, dropout, one dense layer."""
    x = net.global_average_pool(x)
    if hidden is not None:
        x = net.dense(x, hidden.channels, use_bias=hidden.use_bias, name="hidden")
        x = net.activation(x, hidden.activation, name="hidden")
    return net.classifier(net.dropout(x, dropout), classes, activation=activation)


def conv_head(
    net: LayerBuilder,
    x: Tensor,
    hidden: Hidden | None = None,
    *,
    classes: int,
    activation: Activation,
    dropout: float = 0.0,
) -> Tensor:
    """Return the same by 1 x 1 convolutions, as Keras's MobileNetV1 and V3 have it."""
    x = net.global_average_pool(x, keepdims=True)
    if hidden is not None:
        x = net.conv(x, hidden.channels, 1, use_bias=hidden.use_bias, name="hidden")
        x = net.activation(x, hidden.activation, name="hidden")
    x = net.conv(net.dropout(x, dropout), classes, 1, use_bias=True, name="logits")
    return net.scores(net.reshape(x, (classes,), name="flatten"), activation=activation)
