"""What only several layers of Keras 2 together show, second settings of some, and what sepzoo does not read."""

from __future__ import annotations

from typing import Any

from tests.parity.keras2_cases import MAP, SEQ, Case, Module, call, layer
from tests.parity.keras2_tables import TABLES, UNSAVED

MIXED = 2e-2
"""Tolerance of half precision: the two versions round at other places."""


def gru(k: Module, x: Any) -> Any:
    return k.layers.GRU(4, recurrent_activation="hard_sigmoid", return_sequences=True, dropout=0.2)(x)


def encoder_decoder(k: Module, x: Any, y: Any) -> Any:
    _, h, c = k.layers.LSTM(4, return_state=True)(x)
    return k.layers.LSTM(4, return_sequences=True)(y, initial_state=[h, c])


def shared(k: Module, x: Any, y: Any) -> Any:
    dense = k.layers.Dense(3, activation="tanh", name="shared")
    return [dense(x), dense(y), k.layers.Add()([dense(x), dense(y)])]


def inner(k: Module, name: str, frozen: bool = False, shape: tuple[int, ...] = MAP) -> Any:
    x = k.Input(shape)
    y = k.layers.Conv2D(4, 3, padding="same", name="conv")(x)
    y = k.layers.BatchNormalization(name="bn")(y)
    y = k.layers.Add()([x, k.layers.SeparableConv2D(4, 3, padding="same")(y)])
    model = k.Model(x, y, name=name)
    if frozen:
        model.trainable = False
    return model


def nested_twice(k: Module, x: Any) -> Any:
    model = inner(k, "block")
    return k.layers.GlobalAveragePooling2D()(model(model(x)))


def partly_frozen(k: Module, x: Any) -> Any:
    model = inner(k, "base")
    model.get_layer("bn").trainable = False
    return k.layers.Dense(3)(k.layers.Flatten()(model(x, training=False)))


def deep_nest(k: Module, x: Any) -> Any:
    middle = k.Sequential([k.Input(MAP), inner(k, "innermost", frozen=True), k.layers.ReLU()], name="middle")
    return k.Sequential([middle, k.layers.Flatten(), k.layers.Dense(2)], name="outer")(x)


def teachable(k: Module) -> Any:
    base = k.Sequential([inner(k, "mobilenet", frozen=True), k.layers.GlobalAveragePooling2D()], name="base")
    head = k.Sequential(
        [
            k.layers.Dense(5, activation="relu", input_shape=(4,)),
            k.layers.Dense(2, use_bias=False, activation="softmax"),
        ]
    )
    return k.Sequential([base, head])


def several(k: Module) -> Any:
    a, b = k.Input((4,), name="a"), k.Input((3,), name="b")
    part = k.Model({"p": a, "q": b}, {"sum": k.layers.Dense(2)(k.layers.Concatenate()([a, b])), "same": a}, name="part")
    x, y = k.Input((4,), name="x"), k.Input((3,), name="y")
    found = part({"p": x, "q": y})
    return k.Model({"x": x, "y": y}, {"first": k.layers.Dense(2)(found["sum"]), "second": [found["same"], y]})


def operations(k: Module, x: Any) -> Any:
    y = 2.0 - (x / 127.5 - 1.0) * 3.0
    y = k.activations.relu(y, max_value=4.0) + x[:, :1, ::-1, ...]
    return y[..., 0]


def half(k: Module, x: Any, name: str) -> Any:
    policy = k.mixed_precision.Policy(name)
    y = k.layers.Conv2D(4, 3, dtype=policy)(x)
    y = k.layers.BatchNormalization(dtype=policy)(y)
    return k.layers.Activation("linear", dtype="float32")(k.layers.ReLU(dtype=policy)(y))


def masked(k: Module, x: Any) -> Any:
    y = k.layers.Embedding(6, 4, mask_zero=True)(x)
    y = k.layers.Bidirectional(k.layers.GRU(3, return_sequences=True))(y)
    return k.layers.GlobalAveragePooling1D()(y)


def slashes(k: Module) -> Any:
    return k.Sequential([k.Input((4,)), k.layers.Dense(3, name="head/dense"), k.layers.Dense(2, name="head_dense")])


def near_names(k: Module, x: Any) -> Any:
    """Names that are one without their slashes: of layers, of an operation and of models."""
    y = k.layers.Dense(3, name="a/b")(x)
    y = k.layers.Dense(3, name="a.b", activation="relu")(k.layers.Dense(3, name="a.b_1")(y))
    parts = [k.Sequential([k.Input((3,)), k.layers.Dense(3, name="a/b")], name=name) for name in ("p/q", "p.q")]
    return k.layers.Add(name="sum/of")([parts[0](y), parts[1](y) * 2.0])


def activation_layers(k: Module, x: Any) -> Any:
    y = k.layers.Conv2D(4, 3, activation=k.layers.LeakyReLU(), padding="same")(x)
    y = k.layers.BatchNormalization()(y)
    y = k.layers.Conv2D(4, 3, activation=k.layers.LeakyReLU(0.1))(y)
    y = k.layers.DepthwiseConv2D(3, activation=k.layers.ReLU(max_value=1.5, negative_slope=0.2))(y)
    y = k.layers.SimpleRNN(4, activation=k.layers.ELU(0.3))(k.layers.Reshape((-1, 4))(y))
    y = k.layers.Activation(k.layers.ThresholdedReLU(0.1))(y)
    return k.layers.Dense(5, activation=k.layers.Softmax())(y)


def sounds(k: Module, x: Any) -> Any:
    """A small network after YAMNet's plan, in a model of its own as in files that add to it."""
    patches = k.Input((96, 64), name="patches")
    norm = {"center": True, "scale": False, "epsilon": 1e-4}
    y = k.layers.Reshape((96, 64, 1))(patches)
    y = k.layers.Conv2D(4, 3, 2, "same", use_bias=False, name="layer1/conv")(y)
    y = k.layers.ReLU(name="layer1/relu")(k.layers.BatchNormalization(name="layer1/conv/bn", **norm)(y))
    for number, (filters, stride) in enumerate([(6, 1), (8, 2), (8, 2)], 2):
        name = f"layer{number}"
        y = k.layers.DepthwiseConv2D(3, stride, "same", use_bias=False, name=f"{name}/depthwise_conv")(y)
        y = k.layers.BatchNormalization(name=f"{name}/depthwise_conv/bn", **norm)(y)
        y = k.layers.ReLU(name=f"{name}/depthwise_conv/relu")(y)
        y = k.layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}/pointwise_conv")(y)
        y = k.layers.BatchNormalization(name=f"{name}/pointwise_conv/bn", **norm)(y)
        y = k.layers.ReLU(name=f"{name}/pointwise_conv/relu")(y)
    y = k.layers.Dense(521, activation="sigmoid")(k.layers.GlobalAveragePooling2D()(y))
    return k.Model(patches, y, name="yamnet_frames")(x)


def activations(k: Module, x: Any) -> Any:
    names = ("elu", "exponential", "gelu", "hard_sigmoid", "linear", "mish", "relu", "selu", "sigmoid", "softmax")
    more = ("softplus", "softsign", "swish", "tanh", "leaky_relu", "relu6")
    known = [name for name in names + more if hasattr(k.activations, name)]
    assert len(known) >= 14
    return [k.layers.Activation(name)(x) for name in known]


GRAPHS: dict[str, Case] = {
    "gru": call(gru, SEQ),
    "encoder_decoder": call(encoder_decoder, SEQ, (6, 3)),
    "shared": call(shared, (4,), (4,)),
    "nested_twice": call(nested_twice, MAP),
    "partly_frozen": call(partly_frozen, MAP),
    "deep_nest": call(deep_nest, MAP),
    "teachable": Case(teachable, (MAP,)),
    "slashes": Case(slashes, ((4,),)),
    "several": Case(several, ((4,), (3,))),
    "operations": call(operations, (6, 5, 4)),
    "mixed_float16": call(lambda k, x: half(k, x, "mixed_float16"), MAP, tolerance=MIXED),
    "mixed_bfloat16": call(lambda k, x: half(k, x, "mixed_bfloat16"), MAP, tolerance=8 * MIXED),
    "masked": call(masked, (5,), integers=6),
    "activations": call(activations, SEQ),
    "bidirectional_state": call(lambda k, x: k.layers.Bidirectional(k.layers.LSTM(3, return_state=True))(x), SEQ),
    "thresholded_relu": layer(lambda k: k.ThresholdedReLU(0.4), SEQ),
    "random_height": layer(lambda k: k.RandomHeight(0.3), MAP),
    "time_distributed_model": call(
        lambda k, x: k.layers.TimeDistributed(inner(k, "frame", shape=(6, 7, 4)))(x), (2, 6, 7, 4)
    ),
    "causal_attention": call(lambda k, x: k.layers.Attention()([x, x], use_causal_mask=True), SEQ),
    "attention_mask": call(lambda k, x: k.layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True), SEQ),
    "virtual_batch": layer(lambda k: k.BatchNormalization(virtual_batch_size=2, scale=False), MAP),
    "normalization_given": layer(
        lambda k: k.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 3, 4], invert=True), MAP
    ),
    "resize_nearest": layer(lambda k: k.Resizing(5, 13, "nearest"), MAP),
    "resize_area": layer(lambda k: k.Resizing(4, 3, "area"), MAP),
    "resize_lanczos": layer(lambda k: k.Resizing(5, 13, "lanczos3"), MAP),
    "crop_larger": layer(lambda k: k.CenterCrop(12, 12), MAP),
    "crop_random_larger": layer(lambda k: k.RandomCrop(12, 11), MAP),
    "upsample_lanczos": layer(lambda k: k.UpSampling2D(2, interpolation="lanczos5"), MAP),
    "upsample_bicubic": layer(lambda k: k.UpSampling2D(2, interpolation="bicubic"), MAP),
    "near_names": call(near_names, (4,)),
    "activation_layers": call(activation_layers, MAP),
    "sounds": call(sounds, (96, 64)),
    **TABLES,
}

NO_ARCHIVE = ("operations",)
"""What Keras 2 can't write as `.keras`: an ellipsis among the arguments of a call."""

REFUSED: dict[str, Case] = {
    "Lambda": layer(lambda k: k.Lambda(lambda x: x * 2), SEQ),
    "LocallyConnected1D": layer(lambda k: k.LocallyConnected1D(3, 2), SEQ),
    "LocallyConnected2D": layer(lambda k: k.LocallyConnected2D(3, 2), MAP),
    "time_major": layer(lambda k: k.GRU(3, time_major=True), SEQ),
    "norm_of_two_axes": layer(lambda k: k.BatchNormalization(axis=[1, 3]), MAP),
    "unknown_operation": call(lambda k, x: k.backend.cumsum(x, axis=1), SEQ),
    "ragged": Case(lambda k: k.Sequential([k.Input((None, 4), ragged=True), k.layers.Dense(2)]), ()),
    "activation_weights": layer(lambda k: k.Dense(3, activation=k.PReLU()), SEQ),
    **UNSAVED,
}
"""What Keras 2 writes and sepzoo does not read."""
