"""Each built-in layer of Keras 3 with simple settings: what it takes, and how it is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

L = keras.layers
PIXELS = (8, 8, 3)
SEQUENCE, MAP, CUBE, WAVE = (4, 48), (8, 8, 3), (4, 4, 4, 3), (192,)

ARGUMENTS: dict[str, Any] = {
    "units": 4,
    "filters": 4,
    "kernel_size": 2,
    "rate": 0.3,
    "stddev": 0.4,
    "factor": 0.3,
    "num_heads": 2,
    "key_dim": 3,
    "head_dim": 4,
    "num_query_heads": 2,
    "num_key_value_heads": 1,
    "height": 6,
    "width": 5,
    "height_factor": 0.2,
    "width_factor": 0.2,
    "output_size": 2,
    "input_dim": 9,
    "output_dim": 3,
    "scale": 0.5,
    "pool_size": 2,
    "num_bins": 7,
    "num_tokens": 9,
    "n": 3,
    "dims": (2, 1),
    "axes": 2,
    "target_shape": (-1,),
    "layer": None,
}
"""What a constructor must be told, by the argument's name."""

OWN: dict[str, Callable[[], Any]] = {
    "CategoryEncoding": lambda: L.CategoryEncoding(9),
    "Activation": lambda: L.Activation("gelu"),
    "BatchNormalization": lambda: L.BatchNormalization(epsilon=0.1),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3)),
    "Discretization": lambda: L.Discretization([-0.5, 0.0, 0.5]),
    "EinsumDense": lambda: L.EinsumDense("abc,cd->abd", (4, 5), bias_axes="d"),
    "GroupNormalization": lambda: L.GroupNormalization(3),
    "IntegerLookup": lambda: L.IntegerLookup(vocabulary=[3, 5, 7]),
    "Lambda": lambda: L.Lambda(lambda x: x * 2.0),
    "MelSpectrogram": lambda: L.MelSpectrogram(fft_length=64, sequence_stride=32, sampling_rate=4000, num_mel_bins=4),
    "Pipeline": lambda: L.Pipeline([L.RandomFlip(), L.Rescaling(0.5)]),
    "RNN": lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)]),
    "RandomPosterization": lambda: L.RandomPosterization(4),
    "SpectralNormalization": lambda: L.SpectralNormalization(L.Conv2D(3, 3)),
    "STFTSpectrogram": lambda: L.STFTSpectrogram(frame_length=32, frame_step=16, fft_length=32),
    "StringLookup": lambda: L.StringLookup(vocabulary=["a", "b"]),
    "TextVectorization": lambda: L.TextVectorization(vocabulary=["a", "b"], output_sequence_length=3),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(3)),
    "MaxNumBoundingBoxes": lambda: L.MaxNumBoundingBoxes(3),
}
"""Layers that names of arguments don't describe."""

SHAPES: dict[str, tuple[int, ...]] = {
    "ConvLSTM1D": (2, 6, 16),
    "ConvLSTM2D": (2, 4, 6, 4),
    "ConvLSTM3D": (2, 3, 4, 4, 2),
    "MelSpectrogram": WAVE,
    "STFTSpectrogram": (192, 1),
    "RepeatVector": WAVE,
    **dict.fromkeys(("Normalization", "GroupNormalization", "SpectralNormalization", "BatchNormalization"), MAP),
}
TOKENS = ("CategoryEncoding", "Embedding", "Hashing", "HashedCrossing", "IntegerLookup", "ReversibleEmbedding")
TEXT = ("StringLookup", "TextVectorization")
WITHIN = {
    **dict.fromkeys(("GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells"), "in RNN"),
    "InputLayer": "every model has it",
}
"""Layers that other cases contain."""
LEFT_OUT = {
    **dict.fromkeys(("Layer", "Wrapper"), "a base class"),
    **dict.fromkeys(("FlaxLayer", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"), "runs another library's program"),
    "Equalization": "Keras itself can't put it into a model of floating pixels",
    "RandomCrop": "Keras's own output has another shape than the layer says",
}
"""Layers without a case, and why."""

NO_OPERATOR = (
    *("AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "AveragePooling3D", "MaxPooling3D"),
    *("CategoryEncoding", "HashedCrossing", "Hashing", "IntegerLookup"),
)
"""What TFLite can't compute; an export is refused, and names them."""


def names() -> set[str]:
    """Return the layers of `keras.layers`, each class by one name, its own where Keras offers it by that."""
    found = {item: name for name, item in vars(L).items() if inspect.isclass(item) and issubclass(item, L.Layer)}
    return {each.__name__ if hasattr(L, each.__name__) else name for each, name in found.items()}


def made(name: str) -> Any:
    """Return a new layer of a class."""
    if name in OWN:
        return OWN[name]()
    cls = getattr(L, name)
    wanted = [each.name for each in inspect.signature(cls.__init__).parameters.values() if each.default is each.empty]
    return cls(**{each: ARGUMENTS[each] for each in wanted if each in ARGUMENTS})


def shape_of(name: str) -> tuple[int, ...]:
    """Return the shape of what a layer takes, of 192 numbers."""
    if name in SHAPES:
        return SHAPES[name]
    pictures = ("Random", "RandAugment", "CenterCrop", "AugMix", "AutoContrast", "Contrast", "CutMix", "MixUp", "Solar")
    if "3D" in name:
        return CUBE
    return MAP if "2D" in name or name.startswith((*pictures, "Resizing", "Rescaling", "Pipeline")) else SEQUENCE


def branch(name: str, x: Any) -> Any:
    """Return what a layer makes of a tensor (batch, 192), as (batch, numbers)."""
    x = L.Reshape(shape_of(name), name=f"{name}_shape")(x)
    layer = made(name)
    if name == "Dot" or isinstance(layer, L.Add | L.Average | L.Concatenate | L.Maximum | L.Minimum | L.Multiply):
        y = layer([x, x])
    elif name == "Subtract":
        y = layer([x, L.Rescaling(0.5, name="half")(x)])
    elif name in ("AdditiveAttention", "Attention"):
        y = layer([x, x])
    else:
        y = layer(x, x) if name in ("GroupQueryAttention", "MultiHeadAttention") else layer(x)
    y = keras.ops.cast(y, "float32")
    return L.Flatten(name=f"{name}_flat")(y if len(y.shape) > 1 else y[:, None])
