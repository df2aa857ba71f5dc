"""The profile of a model: hand counts, every kind of graph, other sizes, refusals."""

from __future__ import annotations

import dataclasses
import json
import time

import keras
import pytest
from keras import layers

from sepzoo.analysis import LayerProfile, profile
from sepzoo.layers import BSConvS, BSConvU, FactorizedConv2D, factorization
from sepzoo.support.errors import SepzooError
from sepzoo.support.recursion import deep_recursion
from tests.models import Program


def small(shape=(32, 32, 3)):
    stack = [
        layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="conv"),
        layers.BatchNormalization(name="bn"),
        layers.SeparableConv2D(16, 3, name="sep"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(10, name="fc"),
    ]
    return keras.Sequential([keras.Input(shape, name="image"), *stack], name="small")


def test_by_hand():
    counted = profile(small())
    assert counted.layers == (
        LayerProfile("conv", "Conv2D", (16, 16, 8), 216, 256 * 216, 256 * 8 * 4),
        LayerProfile("bn", "BatchNormalization", (16, 16, 8), 32, 0, 256 * 8 * 4),
        LayerProfile("sep", "SeparableConv2D", (14, 14, 16), 72 + 128 + 16, 196 * (72 + 128), 196 * 16 * 4),
        LayerProfile("pool", "GlobalAveragePooling2D", (16,), 0, 0, 64),
        LayerProfile("fc", "Dense", (10,), 170, 160, 40),
    )
    assert counted.name == "small"
    assert counted.input_shapes == ((32, 32, 3),)
    assert counted.params == 216 + 32 + 216 + 170
    assert counted.trainable_params == counted.params - 16
    assert counted.macs == 55296 + 39200 + 160
    assert counted.bytes == 8192 + 8192 + 12544 + 64 + 40
    assert counted.uncounted == ()


TABLE = """\
layer  kind                    output        params    MACs   bytes
conv   Conv2D                  (16, 16, 8)      216  55,296   8,192
bn     BatchNormalization      (16, 16, 8)       32       -   8,192
sep    SeparableConv2D         (14, 14, 16)     216  39,200  12,544
pool   GlobalAveragePooling2D  (16)               -       -      64
fc     Dense                   (10)             170     160      40
small                                           634  94,656  29,032
trainable parameters: 618"""


def test_printed_as_a_table():
    assert str(profile(small())) == TABLE


def test_as_plain_data():
    read = json.loads(json.dumps(profile(small()).to_dict()))
    assert (read["params"], read["macs"], read["bytes"]) == (634, 94656, 29032)
    assert read["layers"][0]["output_shape"] == [16, 16, 8]


def test_trainable_follows_the_flags():
    model = small()
    model.get_layer("conv").trainable = False
    assert profile(model).trainable_params == 618 - 216


def test_another_size_is_what_a_model_of_that_size_has():
    assert profile(small(), input_shape=(48, 20, 3)).layers == profile(small((48, 20, 3))).layers
    assert profile(small((None, None, 3)), input_shape=(48, 20, 3)).layers == profile(small((48, 20, 3))).layers


def test_nested_models_are_named_by_path():
    x = keras.Input((16, 16, 3), name="x")
    model = keras.Model(x, layers.ReLU(name="last")(small((16, 16, 3))(x)), name="outer")
    counted = profile(model)
    assert [layer.name for layer in counted.layers] == [f"small/{n}" for n in ("conv", "bn", "sep", "pool", "fc")] + [
        "last"
    ]
    assert counted.macs == profile(small((16, 16, 3))).macs
    assert counted.params == 634


def test_a_shared_layer_has_its_parameters_once_and_its_macs_each_time():
    x = keras.Input((8, 8, 4), name="x")
    conv = layers.Conv2D(4, 3, padding="same", name="conv")
    inner_input = keras.Input((8, 8, 4), name="inner")
    inner = keras.Model(inner_input, conv(inner_input), name="net")
    counted = profile(keras.Model(x, conv(inner(inner(x)))))
    assert [(layer.name, layer.params, layer.macs) for layer in counted.layers] == [
        ("net/conv", 148, 64 * 144),
        ("net/conv", 0, 64 * 144),
        ("conv", 0, 64 * 144),
    ]
    assert counted.params == 148


def two_inputs():
    image, extra = keras.Input((8, 8, 3), name="image"), keras.Input((5,), name="extra")
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3)(image))
    return keras.Model({"image": image, "extra": extra}, {"a": x, "b": layers.Dense(2)(extra)}, name="two")


def test_several_inputs_and_outputs():
    assert profile(two_inputs()).macs == 36 * 108 + 10
    assert profile(two_inputs(), input_shape={"image": (5, 5, 3)}).macs == 9 * 108 + 10


def test_a_nested_model_with_named_inputs():
    image, extra = keras.Input((8, 8, 3), name="i"), keras.Input((5,), name="e")
    outputs = two_inputs()({"image": image, "extra": extra})
    assert profile(keras.Model([image, extra], outputs)).macs == 36 * 108 + 10


def test_functions_of_keras_ops_are_records_too():
    x = keras.Input((4, 4, 2), name="x")
    y = keras.ops.reshape(layers.ReLU(name="act")(x), (-1, 8))
    counted = profile(keras.Model(x, layers.Dense(3, name="fc")(y)))
    assert [layer.kind for layer in counted.layers] == ["ReLU", "Reshape", "Dense"]
    assert counted.macs == 4 * 8 * 3  # four rows of eight


def test_several_outputs_of_one_layer():
    x = keras.Input((6, 4), name="x")
    outputs = keras.ops.split(x, 2, axis=1)
    assert profile(keras.Model(x, outputs)).layers[0].output_shape == ((3, 4), (3, 4))


def test_bytes_follow_the_dtype():
    def bytes_of(dtype):
        stack = [keras.Input((8, 8, 3), dtype=dtype), layers.ReLU(dtype=dtype)]
        return profile(keras.Sequential(stack)).bytes

    assert [bytes_of(d) for d in ("float32", "float16", "bfloat16", "float64")] == [768, 384, 384, 1536]


def test_a_fixed_batch_counts_whole():
    stack = [keras.Input(batch_shape=(4, 8, 8, 3)), layers.Conv2D(2, 3)]
    assert profile(keras.Sequential(stack)).macs == 4 * 36 * 54


def test_what_has_no_count_is_named():
    counted = profile(keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, name="lstm"), layers.Dense(2)], name="r"))
    assert counted.uncounted == ("lstm (LSTM)",)
    assert str(counted).endswith("no count of MACs for: lstm (LSTM)")
    assert counted.macs == 6


@pytest.mark.parametrize(
    ("layer", "names", "macs"),
    [
        (
            lambda: BSConvU(8, 3, padding="same", strides=2, name="c"),
            ["c_pointwise", "c_depthwise"],
            256 * 32 + 64 * 72,
        ),
        (
            lambda: BSConvS(8, 3, padding="symmetric", strides=2, p=0.5, batch_norm=True, min_mid_channels=1, name="c"),
            ["c_pointwise_1", "c_pointwise_1_bn", "c_pointwise_2", "c_pointwise_2_bn", "c_pad", "c_depthwise"],
            256 * (8 + 16) + 64 * 72,
        ),
        (
            lambda: FactorizedConv2D(
                factorization("separable", terms=2, order="pw_dw"), 8, 3, padding="same", name="c"
            ),
            ["c_pointwise", "c_depthwise", "c_sum"],
            256 * (4 * 16 + 16 * 9),
        ),
    ],
)
def test_factorized_layers_count_as_their_factors(layer, names, macs):
    counted = profile(keras.Sequential([keras.Input((16, 16, 4)), layer()]))
    assert [record.name for record in counted.layers] == names
    assert counted.macs == macs


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile(small()).layers[0].macs = 1


def flat():
    stack = [keras.Input((8, 8, 3), name="x"), layers.Flatten(name="flat"), layers.Dense(2, name="fc")]
    return keras.Sequential(stack, name="flat")


def pooled():
    stack = [keras.Input((8, 8, 3), name="x"), layers.Conv2D(4, 5, name="conv"), layers.MaxPooling2D(name="pool")]
    return keras.Sequential(stack, name="pooled")


def fixed():
    stack = [keras.Input((8, 8, 3), name="x"), layers.Reshape((64, 3), name="reshape")]
    return keras.Sequential(stack, name="fixed")


@pytest.mark.parametrize(
    ("make", "shape", "text"),
    [
        (lambda: "mobilenet", None, "expected a Keras model. Received: str. Build one, or load it from its file."),
        (
            lambda: Program("p"),
            None,
            "expected a functional or Sequential model. Received: 'p', a subclassed model",
        ),
        (
            lambda: keras.Sequential([layers.Dense(2)], name="s"),
            None,
            "expected a model that is built. Received: 's' (Sequential), which has no weights yet.",
        ),
        (
            lambda: small((None, None, 3)),
            None,
            "expected an input of known size. Received: 'small' with input (None, None, 3). "
            "Pass input_shape, for example input_shape=(224, 224, 3).",
        ),
        (
            small,
            (32, 32),
            "expected an input_shape of 3 positive numbers, as (32, 32, 3), without the batch. Received: "
            "input_shape=(32, 32).",
        ),
        (small, (32, 0, 3), "expected an input_shape of 3 positive numbers"),
        (
            small,
            (32, 32, 1),
            "layer 'conv' has weights for 3 values on axis -1 of its input. Received: 1, from an input of shape "
            "(32, 32, 1). Pass the shape that it was built for.",
        ),
        (flat, (10, 8, 3), "layer 'fc' has weights for 192 values on axis -1 of its input. Received: 240"),
        (pooled, (4, 4, 3), "layer 'conv' "),
        (fixed, (9, 8, 3), "layer 'reshape' can't take an input of shape (9, 8, 3): "),
        (
            two_inputs,
            (8, 8, 3),
            "expected a shape for each of 2 inputs. Received: input_shape=(8, 8, 3). "
            "Pass a mapping from 'extra', 'image'.",
        ),
        (two_inputs, {"imag": (8, 8, 3)}, "unknown input 'imag'. Did you mean image?"),
    ],
)
def test_what_can_not_be_counted_is_said(make, shape, text):
    with pytest.raises(SepzooError) as error:
        profile(make(), input_shape=shape)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_nested_program_is_named():
    x = keras.Input((4,), name="x")
    with pytest.raises(SepzooError, match="Received: 'inner', a subclassed model"):
        profile(keras.Model(x, Program("inner")(x)))


@pytest.mark.slow
def test_thousands_of_layers_are_profiled_in_seconds():
    x = keras.Input((8, 8, 4), name="x")
    y = x
    for unit in range(600):
        z = layers.Conv2D(4, 3, padding="same", name=f"unit{unit}_c")(y)
        z = layers.ReLU(name=f"unit{unit}_act")(layers.BatchNormalization(name=f"unit{unit}_bn")(z))
        y = layers.Add(name=f"unit{unit}_add")([z, y])
    with deep_recursion():
        model = keras.Model(x, y)
    start = time.perf_counter()
    counted = profile(model, input_shape=(16, 16, 4))
    assert time.perf_counter() - start < 10  # 0.3 s on an idle core
    assert (len(counted.layers), counted.macs) == (2400, 600 * 256 * 144)
