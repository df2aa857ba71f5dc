"""Operators as records: made, read from files of TensorFlow's converter, written as files of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.benchmark import Operator, OperatorTensor, make_operator, operator_file, read_operators
from sepzoo.inference.tflite_interpreter import open_interpreter
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import quiet

SHAPE = (1, 9, 7, 6)
L = keras.layers
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "conv": (
        lambda: L.Conv2D(8, 3, padding="same", activation="relu"),
        {"kernel_size": 3, "filters": 8, "activation": "relu"},
    ),
    "conv, strides": (lambda: L.Conv2D(4, (3, 5), 2, "same"), {"kernel_size": (3, 5), "filters": 4, "strides": 2}),
    "conv, groups": (lambda: L.Conv2D(4, 3, groups=2, padding="same"), {"kernel_size": 3, "filters": 4, "groups": 2}),
    "depthwise": (
        lambda: L.DepthwiseConv2D(3, padding="same", activation="relu6"),
        {"kernel_size": 3, "activation": "relu6"},
    ),
    "depthwise, multiplier": (
        lambda: L.DepthwiseConv2D(5, 2, depth_multiplier=2),
        {"kernel_size": 5, "strides": 2, "padding": "valid", "depth_multiplier": 2},
    ),
    "max_pool": (lambda: L.MaxPooling2D(2), {"kernel_size": 2, "strides": 2, "padding": "valid"}),
    "average_pool": (lambda: L.AveragePooling2D(3, 2, "same"), {"kernel_size": 3, "strides": 2}),
    "global_average_pool": (L.GlobalAveragePooling2D, {}),
    "sigmoid": (lambda: L.Activation("sigmoid"), {}),
    "softmax": (L.Softmax, {}),
    "relu6": (lambda: L.ReLU(6.0), {}),
}


def converter_of(layer: Any) -> Any:
    """Return TensorFlow's converter of a layer, its weights constants."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(layer, input_signature=[tf.TensorSpec(SHAPE)]).get_concrete_function()
    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(function)])


def converted(layer: Any, dtype: str) -> bytes:
    """Return the file that TensorFlow's converter makes of a layer."""
    import tensorflow as tf

    converter = converter_of(layer)
    if dtype == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        random = np.random.default_rng(0)
        converter.representative_dataset = lambda: ([random.normal(size=SHAPE).astype("float32")] for _ in range(3))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with quiet():
        return converter.convert()


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected")
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("case", CASES)
def test_an_operator_is_the_one_that_the_converter_writes(case: str, dtype: str) -> None:
    make, settings = CASES[case]
    layer = make()
    layer.build(SHAPE) if not layer.built else None
    found = [each for each in read_operators(converted(layer, dtype)) if each.name != "QUANTIZE"]
    made = make_operator(case.partition(",")[0], SHAPE, dtype=dtype, **settings)
    assert [str(each) for each in found] == [str(made)]


@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected")
def test_what_goes_between_types_is_what_the_converter_writes() -> None:
    import tensorflow as tf

    converter = converter_of(L.MaxPooling2D(1))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([np.full(SHAPE, each, "float32")] for each in (-1, 1))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with quiet():
        first, *_pool, last = read_operators(converter.convert())
    assert (first, last) == (make_operator("quantize", SHAPE), make_operator("dequantize", SHAPE))


def test_an_operator_s_file_is_read_as_that_operator_and_runs() -> None:
    operator = make_operator("conv", (2, 9, 7, 6), filters=8, kernel_size=3, strides=2, dtype="int8")
    content = operator_file(operator)
    assert read_operators(content) == (operator,)
    interpreter = open_interpreter(content)
    interpreter.invoke()
    detail = interpreter.get_output_details()[0]
    assert (tuple(detail["shape"]), detail["dtype"]) == ((2, 5, 4, 8), np.int8)


def test_an_operator_s_file_computes_what_its_name_says() -> None:
    operator = make_operator("depthwise", (1, 4, 4, 2), kernel_size=3, padding="valid")
    interpreter = open_interpreter(operator_file(operator, seed=3))
    x = np.random.default_rng(1).normal(size=(1, 4, 4, 2)).astype("float32")
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    random = np.random.default_rng(3)
    kernel, bias = (random.standard_normal(shape).astype("float32") for shape in ((1, 3, 3, 2), (2,)))
    expected = [[(x[0, i : i + 3, j : j + 3] * kernel[0]).sum((0, 1)) + bias for j in range(2)] for i in range(2)]
    output = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(output[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("operator", "macs", "size"),
    [
        (make_operator("conv", (1, 8, 8, 3), filters=4, kernel_size=3), 8 * 8 * 4 * 27, 4 * (192 + 108 + 4 + 256)),
        (make_operator("depthwise", (1, 8, 8, 3), kernel_size=3, strides=2, dtype="int8"), 16 * 3 * 9, 192 + 39 + 48),
        (make_operator("dense", (2, 10), filters=5), 100, 4 * (20 + 50 + 5 + 10)),
        (make_operator("add", (1, 8, 8, 3)), 0, 4 * 3 * 192),
    ],
)
def test_multiply_accumulates_and_bytes_are_counted(operator: Operator, macs: int, size: int) -> None:
    assert (operator.macs, operator.bytes) == (macs, size)


def test_four_bits_share_a_byte() -> None:
    assert OperatorTensor((3, 3), "int4", "constant", scales=3).bytes == 5


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("depth_wise", {}, "unknown kind 'depth_wise'. Did you mean depthwise?"),
        ("conv", {}, "expected a number of filters. Received: filters=None."),
        ("conv", {"filters": 4, "dtype": "int16"}, "unknown dtype 'int16'. Did you mean int8?"),
        (
            "conv",
            {"filters": 4, "groups": 4},
            "expected channels and filters that groups divide. Received: 6 channels, filters=4, groups=4.",
        ),
        (
            "depthwise",
            {"kernel_size": 9, "padding": "valid"},
            "expected an input of at least the window's size. Received: input_shape=(1, 9, 7, 6), kernel_size=(9, 9), "
            "dilation_rate=(1, 1).",
        ),
    ],
)
def test_what_can_t_be_made_is_said(kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SepzooError) as error:
        make_operator(kind, SHAPE, **settings)
    assert str(error.value) == message


def test_an_input_without_height_and_width_is_refused() -> None:
    with pytest.raises(SepzooError, match=r"expected an input of batch, height, width and channels\. Received: input_"):
        make_operator("conv", (1, 6), filters=4)


def test_a_computed_shape_becomes_a_constant() -> None:
    """A dense layer after a free batch's flattening takes a shape that three other operators compute."""
    import tensorflow as tf

    def flat(x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, (tf.shape(x)[0], 12))

    function = tf.function(flat, input_signature=[tf.TensorSpec((None, 3, 4))])
    with quiet():
        content = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], flat).convert()
    operators = read_operators(content)
    [reshape] = [each for each in operators if each.name == "RESHAPE"]
    assert [each.values for each in reshape.constants] == [(1, 12)]
    open_interpreter(operator_file(reshape)).invoke()


def test_unpacking_of_constants_is_no_operator() -> None:
    import tensorflow as tf

    layer = keras.layers.Conv2D(8, 3)
    layer.build(SHAPE)
    converter = converter_of(layer)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    with quiet():
        content = converter.convert()
    assert read_operators(content) == (make_operator("conv", SHAPE, filters=8, kernel_size=3, padding="valid"),)


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"the file: expected a TFLite file\. Received: another thing"):
        read_operators(b"PK\x03\x04 no network")
    with pytest.raises(
        SepzooError, match=r"expected a \.tflite file\. Received: .*missing\.tflite, which does not exist\."
    ):
        read_operators(tmp_path / "missing.tflite")
