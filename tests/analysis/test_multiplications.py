"""Multiplications of one call, against a count of every single one."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.analysis.multiplications import multiplications


def counted(size, kernel, stride, dilation, padding):
    """Products of one kernel slice along one axis, zeros of the padding among the factors."""
    reach = dilation * (kernel - 1) + 1
    if padding in ("same", "causal"):
        needed = (-(-size // stride) - 1) * stride + reach
        size = max(size, needed)
    starts = range(0, size - reach + 1, stride)
    return sum(1 for _ in itertools.product(starts, range(kernel)))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2)])
@pytest.mark.parametrize("groups", [1, 2])
def test_convolutions_in_one_two_and_three_dimensions(padding, stride, dilation, groups):
    sizes, kernels = (9, 8, 7), (3, 2, 1)
    for rank, cls in enumerate([layers.Conv1D, layers.Conv2D, layers.Conv3D], start=1):
        layer = cls(
            6, kernels[:rank], strides=stride, dilation_rate=dilation, padding=padding, groups=groups, name="conv"
        )
        shape = (1, *sizes[:rank], 4)
        expected = np.prod(
            [counted(s, k, stride, dilation, padding) for s, k in zip(sizes[:rank], kernels, strict=False)]
        )
        assert multiplications(layer, shape, layer.compute_output_shape(shape)) == expected * 6 * (4 // groups)


def test_causal():
    layer = layers.Conv1D(5, 3, padding="causal", dilation_rate=2)
    assert multiplications(layer, (1, 9, 4), (1, 9, 5)) == counted(9, 3, 1, 2, "causal") * 4 * 5


def test_channels_first():
    layer = layers.Conv2D(5, 3, data_format="channels_first")
    assert multiplications(layer, (1, 4, 8, 9), (1, 5, 6, 7)) == 6 * 7 * 5 * 9 * 4
    layer = layers.SeparableConv2D(5, 3, data_format="channels_first", depth_multiplier=2)
    assert multiplications(layer, (1, 4, 8, 9), (1, 5, 6, 7)) == 6 * 7 * (8 * 9 + 8 * 5)


def test_depthwise_and_separable():
    assert multiplications(layers.DepthwiseConv2D(3, depth_multiplier=2), (1, 8, 8, 4), (1, 6, 6, 8)) == 36 * 8 * 9
    assert multiplications(layers.DepthwiseConv1D(5), (1, 8, 4), (1, 4, 4)) == 4 * 4 * 5
    separable = layers.SeparableConv2D(10, 3, depth_multiplier=3, strides=2, padding="same")
    assert multiplications(separable, (1, 8, 8, 4), (1, 4, 4, 10)) == 16 * (12 * 9 + 12 * 10)
    assert multiplications(layers.SeparableConv1D(10, 5), (1, 8, 4), (1, 4, 10)) == 4 * (4 * 5 + 4 * 10)


def test_transposed_convolutions_multiply_each_input_value_by_the_whole_window():
    for cls, size in [
        (layers.Conv1DTranspose, (5,)),
        (layers.Conv2DTranspose, (5, 4)),
        (layers.Conv3DTranspose, (5, 4, 3)),
    ]:
        layer = cls(6, 3, strides=2, padding="same")
        shape = (1, *size, 2)
        assert (
            multiplications(layer, shape, layer.compute_output_shape(shape)) == np.prod(size) * 2 * 3 ** len(size) * 6
        )


def test_dense_everywhere():
    assert multiplications(layers.Dense(7), (1, 5), (1, 7)) == 35
    assert multiplications(layers.Dense(7), (1, 4, 3, 5), (1, 4, 3, 7)) == 12 * 35


@pytest.mark.parametrize(
    ("equation", "output", "shape", "result", "expected"),
    [
        ("ab,bc->ac", 7, (1, 5), (1, 7), 35),
        ("...x,xy->...y", 7, (1, 4, 3, 5), (1, 4, 3, 7), 12 * 35),
        ("abc,cde->abde", (None, 2, 7), (1, 4, 5), (1, 4, 2, 7), 4 * 5 * 14),
        ("abcd,cde->abe", (None, 7), (1, 4, 2, 5), (1, 4, 7), 4 * 10 * 7),
    ],
)
def test_einsum_dense(equation, output, shape, result, expected):
    assert multiplications(layers.EinsumDense(equation, output_shape=output), shape, result) == expected


def test_what_has_no_products_of_ours():
    for layer in (layers.ReLU(), layers.BatchNormalization(), layers.ZeroPadding2D(), layers.AveragePooling2D(2)):
        assert multiplications(layer, (1, 8, 8, 4), (1, 8, 8, 4)) == 0
    embedding = layers.Embedding(10, 4)
    embedding.build()
    assert multiplications(embedding, (1, 6), (1, 6, 4)) == 0


def test_matrices_by_an_unknown_rule_are_not_counted_as_zero():
    layer = layers.GRU(3)
    layer.build((None, 5, 4))
    assert multiplications(layer, (1, 5, 4), (1, 3)) is None


def test_an_own_layer_without_matrices_counts_zero():
    class Scale(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=input_shape[-1:])

    layer = Scale()
    layer.build((None, 4))
    assert multiplications(layer, (1, 4), (1, 4)) == 0
