"""The profile against XLA: its own operators, counted here, and its own cost analysis of each.

The rule. Of the program that XLA gets for a network's inference, `convolution` and `dot` are counted, nothing else:
batch normalization, activations, pooling and sums are other operators. A convolution has output elements x window
positions x input features of a group multiplications, a dot output elements x contracted size. Zeros of the padding are
multiplied like other values. A transposed convolution reaches XLA as a convolution over an input that is spread out
with holes; the holes count nothing, so it has input elements x window positions x output features. By this rule profile
and program are equal. XLA's own cost analysis (`flops`, two a multiplication) goes by the same operators and leaves out
the products with a zero of the padding: equal, too, once these are taken off.

TensorFlow computes a dilated convolution as a dense one on a rearranged image (SpaceToBatchND), which it pads further
where the dilation does not divide the size; it divides the sizes here.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.analysis import profile
from sepzoo.layers import BSConvS, BSConvU, FactorizedConv2D, factorization
from tests.extras import needed

pytestmark = pytest.mark.slow
if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow gives XLA's program", allow_module_level=True)


def by_hand(*stack, shape=(24, 20, 8)):
    return keras.Sequential([keras.Input(shape), *stack])


def application(name, size, **arguments):
    return getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), **arguments)


NETWORKS = {
    "mobilenet": lambda: application("MobileNet", 96, alpha=0.25),
    "mobilenet_v2": lambda: application("MobileNetV2", 64, alpha=0.35),
    "mobilenet_v3_small": lambda: application("MobileNetV3Small", 64),
    "xception": lambda: application("Xception", 71),
    "resnet50": lambda: application("ResNet50", 64),
    "vgg16": lambda: application("VGG16", 32, classes=10),
    "efficientnet_b0": lambda: application("EfficientNetB0", 64),
    "grouped_and_dilated": lambda: by_hand(
        layers.Conv2D(12, 3, groups=4, strides=2, padding="same"),
        layers.Conv2D(6, 3, dilation_rate=2, padding="same"),
        layers.DepthwiseConv2D(5, depth_multiplier=3, padding="same"),
        layers.DepthwiseConv2D(3, dilation_rate=2, padding="same"),
        layers.Conv2D(4, (1, 3), groups=2),
    ),
    "factorized": lambda: by_hand(
        BSConvU(12, 3, strides=2, padding="symmetric", batch_norm=True),
        BSConvS(16, 3, p=0.5, padding="same"),
        FactorizedConv2D(factorization("separable", terms=3, order="pw_dw"), 6, 3),
    ),
    "transposed": lambda: by_hand(
        layers.Conv2DTranspose(6, 3, strides=2, padding="same"),
        layers.Conv2DTranspose(4, 4, strides=3),
        layers.Conv2DTranspose(5, 2, padding="same"),
        layers.Conv2D(3, 3),
    ),
    "separable_and_one_dimension": lambda: by_hand(
        layers.SeparableConv1D(12, 5, depth_multiplier=2, strides=2, padding="same"),
        layers.Conv1D(16, 3, padding="causal"),
        layers.DepthwiseConv1D(3, depth_multiplier=2),
        layers.Dense(7),
        layers.EinsumDense("abc,cde->abde", output_shape=(18, 2, 3)),
        layers.Flatten(),
        layers.Dense(5),
        shape=(40, 8),
    ),
}


@functools.cache
def network(name: str) -> keras.Model:
    return NETWORKS[name]()


@functools.cache
def operators_of(name: str) -> list[tuple[Any, list[Any]]]:
    """Each convolution and dot in XLA's program of a network's inference on one sample, with its operands' shapes."""
    import tensorflow as tf
    from tensorflow.compiler.xla.service import hlo_pb2

    model = network(name)
    for layer in model._flatten_layers():
        if hasattr(layer, "lowering"):  # shifted products, which it takes under XLA, are many operators
            layer.lowering = "native"
    function = tf.function(lambda x: model(x, training=False), jit_compile=True)
    program = function.experimental_get_compiler_ir(tf.zeros((1, *model.input_shape[1:])))(stage="hlo_serialized")
    found = []
    for computation in hlo_pb2.HloModuleProto.FromString(program).computations:
        assert not any(instruction.opcode == "custom-call" for instruction in computation.instructions)
        shapes = {instruction.id: instruction.shape for instruction in computation.instructions}
        found += [
            (instruction, [shapes[operand] for operand in instruction.operand_ids])
            for instruction in computation.instructions
            if instruction.opcode in ("convolution", "dot")
        ]
    return found


def products(instruction: Any, operands: list[Any]) -> tuple[int, int]:
    """All multiplications of an operator, and those whose factors are no zero of the padding."""
    output = math.prod(instruction.shape.dimensions)
    left, right = (list(operand.dimensions) for operand in operands)
    if instruction.opcode == "dot":
        every = output * math.prod(left[axis] for axis in instruction.dot_dimension_numbers.lhs_contracting_dimensions)
        return every, every
    numbers = instruction.convolution_dimension_numbers
    features = output // math.prod(instruction.shape.dimensions[axis] for axis in numbers.output_spatial_dimensions)
    channels = right[numbers.kernel_input_feature_dimension]
    every, live = 1, 1
    for axis, result, window in zip(
        numbers.input_spatial_dimensions,
        numbers.output_spatial_dimensions,
        instruction.window.dimensions,
        strict=True,
    ):
        size, steps = left[axis], instruction.shape.dimensions[result]
        place = (
            np.arange(steps)[:, None] * window.stride
            + np.arange(window.size) * window.window_dilation
            - window.padding_low
        )
        inside = (place >= 0) & (place <= (size - 1) * window.base_dilation) & (place % window.base_dilation == 0)
        live *= int(inside.sum())
        every *= size * window.size if window.base_dilation > 1 else steps * window.size
    return every * features * channels, live * features * channels


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_to_the_operators_of_xlas_program(name):
    counted = sum(products(*operator)[0] for operator in operators_of(name))
    assert profile(network(name)).macs == counted


def flops_by_xla(instruction: Any, operands: list[Any]) -> float:
    """What XLA's cost analysis says of one operator, put into a program of its own."""
    import jax
    from jaxlib import xla_client
    from tensorflow.compiler.xla.service import hlo_pb2

    alone = hlo_pb2.HloModuleProto(name="alone", entry_computation_name="entry", entry_computation_id=1, id=1)
    entry = alone.computations.add(name="entry", id=1, root_id=instruction.id)
    for number, (identity, shape) in enumerate(zip(instruction.operand_ids, operands, strict=True)):
        entry.instructions.add(name=f"p{number}", opcode="parameter", id=identity, parameter_number=number, shape=shape)
        entry.program_shape.parameters.add().CopyFrom(shape)
        entry.program_shape.parameter_names.append(f"p{number}")
    entry.instructions.add().CopyFrom(instruction)
    entry.program_shape.result.CopyFrom(instruction.shape)
    alone.host_program_shape.CopyFrom(entry.program_shape)
    module = xla_client.XlaComputation(alone.SerializeToString()).get_hlo_module()
    return xla_client._xla.hlo_module_cost_analysis(jax.devices("cpu")[0].client, module)["flops"]


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_to_xlas_cost_analysis_without_the_products_with_padding(name):
    needed("jaxlib", "jax")
    for instruction, operands in operators_of(name):
        assert flops_by_xla(instruction, operands) == 2 * products(instruction, operands)[1]
