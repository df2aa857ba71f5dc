"""Networks as other people write them, each with something that couples channels in its own way."""

from __future__ import annotations

import keras
from keras import layers, ops


def _block(x, filters, name, strides=1, kernel=3):
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(name=f"{name}_bn")(x)


def residual():
    """A ResNet with a projection, and one unit without."""
    source = keras.Input((12, 12, 3), name="image")
    x = layers.ReLU(name="stem_relu")(_block(source, 8, "stem"))
    y = _block(layers.ReLU(name="a1_relu")(_block(x, 8, "a1")), 8, "a2")
    x = layers.ReLU(name="a_out")(layers.Add(name="a_add")([x, y]))
    y = _block(layers.ReLU(name="b1_relu")(_block(x, 12, "b1", 2)), 12, "b2")
    shortcut = layers.Conv2D(12, 1, 2, name="projection")(x)
    x = layers.Activation("relu", name="b_out")(layers.Add(name="b_add")([shortcut, y]))
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(source, layers.Dense(4, activation="softmax", name="fc")(x), name="residual")


def preactivated():
    """Batch normalization and activation behind the sum, and a dense block of concatenations."""
    source = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(source)
    for number in (1, 2):
        y = layers.ReLU(name=f"relu{number}")(layers.BatchNormalization(name=f"bn{number}")(x))
        y = layers.Conv2D(8, 3, padding="same", name=f"conv{number}")(y)
        x = layers.Add(name=f"add{number}")([x, y])
    grown = layers.Concatenate(name="grow")([x, layers.Conv2D(4, 3, padding="same", name="growth")(x)])
    z = layers.ReLU(name="relu3")(layers.BatchNormalization(name="bn3")(grown))
    z = layers.Conv2D(12, 1, name="transition")(z)
    z = layers.Average(name="mean")([z, grown])  # couples both halves of the concatenation
    return keras.Model(source, layers.Dense(3, name="fc")(layers.GlobalMaxPooling2D(name="pool")(z)), name="dense_net")


def u_net():
    """Skips by concatenation, up by a transposed convolution and by repetition, a map at the end."""
    source = keras.Input((16, 16, 3), name="image")
    one = layers.Conv2D(8, 3, padding="same", activation="relu", name="down1")(source)
    two = layers.Conv2D(12, 3, padding="same", activation="relu", name="down2")(layers.MaxPooling2D(name="p1")(one))
    low = layers.Conv2D(16, 3, padding="same", activation="relu", name="low")(
        layers.AveragePooling2D(2, name="p2")(two)
    )
    up = layers.Conv2DTranspose(12, 2, 2, activation="relu", name="up2")(low)
    x = layers.Concatenate(name="skip2")([up, two])
    x = layers.Conv2D(10, 3, padding="same", activation="relu", name="merge2")(layers.Dropout(0.5, name="drop")(x))
    x = layers.concatenate([layers.UpSampling2D(name="up1")(x), one, layers.ZeroPadding2D(0, name="pad")(one)])
    x = layers.SeparableConv2D(9, 3, padding="same", depth_multiplier=2, activation="relu", name="merge1")(x)
    return keras.Model(source, layers.Conv2D(2, 1, activation="sigmoid", name="map")(x), name="u_net")


def squeezed():
    """MobileNetV3 as others write it: hard-swish of functions, gates by reshaping, depthwise steps, Rescaling first."""
    source = keras.Input((16, 16, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescale")(source)
    x = layers.Activation("hard_silu", name="stem_act")(_block(x, 8, "stem", 2))
    for number, width in ((1, 16), (2, 24)):
        y = layers.Activation("hard_silu", name=f"act{number}")(_block(x, width, f"expand{number}", kernel=1))
        y = layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{number}")(y)
        y = layers.BatchNormalization(name=f"depthwise{number}_bn")(y)
        y = y * ops.relu6(y + 3.0) * (1.0 / 6.0)
        gate = layers.GlobalAveragePooling2D(name=f"squeeze{number}")(y)
        gate = layers.Reshape((1, 1, width), name=f"reshape{number}")(gate)
        gate = layers.Conv2D(width // 4, 1, activation="relu", name=f"reduce{number}")(gate)
        gate = layers.Conv2D(width, 1, activation="hard_sigmoid", name=f"gate{number}")(gate)
        y = layers.Multiply(name=f"scale{number}")([y, gate])
        x = layers.Add(name=f"add{number}")([x, _block(y, 8, f"project{number}", kernel=1)])
    x = layers.Conv2D(20, 1, name="head")(ops.mean(x, axis=(1, 2), keepdims=True))
    x = layers.Flatten(name="flat")(layers.PReLU(name="prelu")(x))
    return keras.Model(source, layers.Dense(5, name="fc")(x), name="squeezed")


def flattened():
    """LeNet: a Sequential model whose dense layers see each place of each channel."""
    return keras.Sequential(
        [
            keras.Input((12, 12, 1), name="image"),
            layers.Conv2D(6, 3, activation="tanh", name="conv1"),
            layers.MaxPooling2D(name="pool"),
            layers.Conv2D(10, 3, name="conv2"),
            layers.PReLU(name="prelu"),
            layers.Flatten(name="flat"),
            layers.Dense(16, activation="relu", name="fc1"),
            layers.Dropout(0.5, name="drop"),
            layers.Dense(3, activation="softmax", name="fc2"),
        ],
        name="lenet",
    )


def grouped():
    """ResNeXt's grouped convolution, one written for a depthwise step, and two outputs of a channel each."""
    source = keras.Input((10, 10, 4), name="image")
    x = layers.Conv2D(12, 1, activation="relu", name="reduce")(source)
    x = layers.Conv2D(18, 3, groups=3, activation="relu", name="cardinal")(x)
    x = layers.Conv2D(12, 1, activation="relu", name="expand")(x)
    x = layers.Conv2D(24, 3, groups=12, name="spatial")(x)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="wide")(x)
    return keras.Model(source, layers.Conv2D(3, 1, name="last")(x), name="grouped")


def sequence():
    """Causal and separable convolutions along time."""
    source = keras.Input((20, 4), name="series")
    x = layers.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu", name="conv")(source)
    x = layers.DepthwiseConv1D(3, name="depthwise")(x)
    x = layers.SeparableConv1D(10, 3, activation="relu", name="separable")(x)
    x = layers.Dense(6, activation="gelu", name="dense")(x)
    return keras.Model(source, layers.Conv1D(2, 1, name="last")(x), name="sequence")


def shared():
    """A convolution and a normalization that are called twice: what comes to them must have the same channels."""
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    first = layers.Conv2D(6, 3, name="first")
    conv, norm = layers.Conv2D(10, 3, name="conv"), layers.BatchNormalization(name="bn")
    one = norm(conv(first(left)))
    two = norm(conv(layers.Conv2D(6, 3, name="second")(right)))
    x = layers.Maximum(name="max")([one, two])
    return keras.Model([left, right], layers.Dense(2, name="fc")(layers.Flatten(name="flat")(x)), name="shared")


def nested():
    """A backbone as one layer, called twice; its channels inside are free."""
    x = keras.Input((8, 8, 4), name="inner_image")
    y = layers.ReLU(name="relu")(_block(x, 10, "inner"))
    inner = keras.Model(x, layers.Conv2D(4, 1, name="project")(y), name="backbone")
    source = keras.Input((8, 8, 4), name="image")
    z = layers.Conv2D(8, 3, activation="relu", name="neck")(inner(inner(source)))
    return keras.Model(source, layers.Conv2D(2, 3, name="last")(z), name="nested")


def written_out():
    """Activations as functions of Keras's, noise of training, and a normalization whose channels go together."""
    source = keras.Input((10, 10, 3), name="image")
    x = layers.Conv2D(8, 3, name="first")(source)
    x = layers.AlphaDropout(0.2, name="drop")(ops.where(x > 0, x, 0.1 * x))
    x = layers.Conv2D(10, 3, name="second")(x)
    x = ops.log1p(ops.power(x, 2.0)) * ops.sign(x)
    x = layers.Conv2D(12, 1, name="third")(x)
    x = layers.Conv2D(6, 3, name="fourth")(ops.where(ops.logical_or(x < -1.0, x > 1.0), ops.sin(x), x))
    x = layers.GroupNormalization(2, name="norm")(x)
    x = layers.Dense(3, name="fc")(layers.GlobalMaxPooling2D(name="pool")(x))
    return keras.Model(source, x, name="written_out")


ALL = (residual, preactivated, u_net, squeezed, flattened, grouped, sequence, shared, nested, written_out)
