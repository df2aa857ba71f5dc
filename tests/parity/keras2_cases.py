"""One small model for each built-in layer of Keras 2, with settings other than the default ones.

Nothing here imports a framework: each case takes the module `tf_keras` when it is built.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

Module = Any


@dataclasses.dataclass(frozen=True)
class Case:
    """A model, the shapes of its inputs, and how they are drawn."""

    build: Callable[[Module], Any]
    shapes: tuple[tuple[int, ...], ...]
    integers: int = 0
    words: tuple[str, ...] = ()
    tolerance: float = 1e-5


def layer(
    build: Callable[[Any], Any],
    *shapes: tuple[int, ...],
    integers: int = 0,
    words: tuple[str, ...] = (),
    dtype: str = "float32",
) -> Case:
    """Return the case of one layer, called on one tensor, or on a list of several."""

    def model(k: Module) -> Any:
        inputs = [k.Input(shape, dtype=dtype) for shape in shapes]
        return k.Model(inputs, build(k.layers)(inputs if len(inputs) > 1 else inputs[0]))

    return Case(model, shapes, integers, words)


def call(build: Callable[..., Any], *shapes: tuple[int, ...], tolerance: float = 1e-5, integers: int = 0) -> Case:
    """Return the case of a graph: `build(tf_keras, *inputs)` gives its outputs."""

    def model(k: Module) -> Any:
        inputs = [k.Input(shape) for shape in shapes]
        return k.Model(inputs if len(inputs) > 1 else inputs[0], build(k, *inputs))

    return Case(model, shapes, integers, tolerance=tolerance)


SEQ, MAP, CUBE = (7, 4), (8, 9, 4), (5, 6, 7, 2)
MOVIE = (3, 6, 7, 2)

LAYERS: dict[str, Case] = {
    "Activation": layer(lambda k: k.Activation("hard_sigmoid"), SEQ),
    "ActivityRegularization": layer(lambda k: k.ActivityRegularization(0.1), SEQ),
    "Add": layer(lambda k: k.Add(), SEQ, SEQ, SEQ),
    "AdditiveAttention": layer(lambda k: k.AdditiveAttention(dropout=0.3), SEQ, SEQ),
    "AlphaDropout": layer(lambda k: k.AlphaDropout(0.4), SEQ),
    "Attention": layer(lambda k: k.Attention(use_scale=True, score_mode="concat"), SEQ, SEQ),
    "Average": layer(lambda k: k.Average(), SEQ, SEQ),
    "AveragePooling1D": layer(lambda k: k.AveragePooling1D(3, 2, "same"), SEQ),
    "AveragePooling2D": layer(lambda k: k.AveragePooling2D((3, 2), 2, "same"), MAP),
    "AveragePooling3D": layer(lambda k: k.AveragePooling3D(2, 3, "same"), CUBE),
    "BatchNormalization": layer(lambda k: k.BatchNormalization(renorm=True, epsilon=0.01), MAP),
    "Bidirectional": layer(lambda k: k.Bidirectional(k.LSTM(3, return_sequences=True), merge_mode="mul"), SEQ),
    "CategoryEncoding": layer(lambda k: k.CategoryEncoding(6, output_mode="count"), (5,), integers=6),
    "CenterCrop": layer(lambda k: k.CenterCrop(5, 4), MAP),
    "Concatenate": layer(lambda k: k.Concatenate(axis=1), SEQ, (3, 4)),
    "Conv1D": layer(lambda k: k.Conv1D(6, 3, 1, "causal", dilation_rate=2, activation="swish"), SEQ),
    "Conv1DTranspose": layer(lambda k: k.Conv1DTranspose(3, 3, 2, "same", activation="selu"), SEQ),
    "Conv2D": layer(lambda k: k.Conv2D(6, (3, 2), 2, "same", groups=2, activation="hard_sigmoid"), MAP),
    "Conv2DTranspose": layer(lambda k: k.Conv2DTranspose(3, 3, 2, "same", output_padding=1, use_bias=False), MAP),
    "Conv3D": layer(lambda k: k.Conv3D(3, 2, 2, "same", activation="elu"), CUBE),
    "Conv3DTranspose": layer(lambda k: k.Conv3DTranspose(2, 3, 2, "same"), CUBE),
    "ConvLSTM1D": layer(lambda k: k.ConvLSTM1D(3, 3, padding="same", return_sequences=True), (3, 6, 2)),
    "ConvLSTM2D": layer(lambda k: k.ConvLSTM2D(3, 3, padding="same", activation="relu"), MOVIE),
    "ConvLSTM3D": layer(lambda k: k.ConvLSTM3D(2, 2, padding="same"), (2, 4, 4, 4, 1)),
    "Cropping1D": layer(lambda k: k.Cropping1D((1, 2)), SEQ),
    "Cropping2D": layer(lambda k: k.Cropping2D(((1, 0), (2, 1))), MAP),
    "Cropping3D": layer(lambda k: k.Cropping3D(((1, 0), (0, 1), (1, 1))), CUBE),
    "Dense": layer(
        lambda k: k.Dense(5, activation="hard_sigmoid", kernel_regularizer="l2", bias_constraint="non_neg"), SEQ
    ),
    "DepthwiseConv1D": layer(lambda k: k.DepthwiseConv1D(3, 2, depth_multiplier=2, activation="relu6"), SEQ),
    "DepthwiseConv2D": layer(lambda k: k.DepthwiseConv2D(3, padding="same", dilation_rate=2, depth_multiplier=2), MAP),
    "Discretization": layer(lambda k: k.Discretization([-0.5, 0.0, 0.5], output_mode="one_hot"), (1,)),
    "Dot": layer(lambda k: k.Dot((1, 2), normalize=True), (4, 3), (5, 4)),
    "Dropout": layer(lambda k: k.Dropout(0.5, noise_shape=(None, 1, 4), seed=3), SEQ),
    "ELU": layer(lambda k: k.ELU(0.3), SEQ),
    "EinsumDense": layer(lambda k: k.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d", activation="gelu"), SEQ),
    "Embedding": layer(lambda k: k.Embedding(10, 3, input_length=5, mask_zero=True), (5,), integers=10),
    "Flatten": layer(lambda k: k.Flatten(), MAP),
    "GRU": layer(lambda k: k.GRU(5, recurrent_activation="hard_sigmoid", reset_after=False, implementation=1), SEQ),
    "GaussianDropout": layer(lambda k: k.GaussianDropout(0.5), SEQ),
    "GaussianNoise": layer(lambda k: k.GaussianNoise(0.5), SEQ),
    "GlobalAveragePooling1D": layer(lambda k: k.GlobalAveragePooling1D(keepdims=True), SEQ),
    "GlobalAveragePooling2D": layer(lambda k: k.GlobalAveragePooling2D(keepdims=True), MAP),
    "GlobalAveragePooling3D": layer(lambda k: k.GlobalAveragePooling3D(keepdims=True), CUBE),
    "GlobalMaxPooling1D": layer(lambda k: k.GlobalMaxPooling1D(keepdims=True), SEQ),
    "GlobalMaxPooling2D": layer(lambda k: k.GlobalMaxPooling2D(), MAP),
    "GlobalMaxPooling3D": layer(lambda k: k.GlobalMaxPooling3D(keepdims=True), CUBE),
    "GroupNormalization": layer(lambda k: k.GroupNormalization(2, epsilon=0.01), MAP),
    "Hashing": layer(lambda k: k.Hashing(7, salt=[133, 137]), (5,), integers=90, dtype="int64"),
    "HashedCrossing": layer(lambda k: k.HashedCrossing(5), (1,), (1,), integers=9, dtype="int64"),
    "Identity": layer(lambda k: k.Identity(), SEQ),
    "IntegerLookup": layer(lambda k: k.IntegerLookup(vocabulary=[3, 5, 7], num_oov_indices=1), (5,), integers=9),
    "LSTM": layer(
        lambda k: k.LSTM(5, recurrent_activation="hard_sigmoid", activation="hard_sigmoid", unroll=True), SEQ
    ),
    "LayerNormalization": layer(lambda k: k.LayerNormalization([1, 2], epsilon=0.1), SEQ),
    "LeakyReLU": layer(lambda k: k.LeakyReLU(0.2), SEQ),
    "Masking": layer(lambda k: k.Masking(0.5), SEQ),
    "MaxPooling1D": layer(lambda k: k.MaxPooling1D(3, 2, "same"), SEQ),
    "MaxPooling2D": layer(lambda k: k.MaxPooling2D((3, 2), 2, "same"), MAP),
    "MaxPooling3D": layer(lambda k: k.MaxPooling3D(2, 3, "same"), CUBE),
    "Maximum": layer(lambda k: k.Maximum(), SEQ, SEQ),
    "Minimum": layer(lambda k: k.Minimum(), SEQ, SEQ),
    "MultiHeadAttention": call(
        lambda k, q, v: k.layers.MultiHeadAttention(2, 3, 5, output_shape=6)(q, v, key=v), SEQ, (5, 3)
    ),
    "Multiply": layer(lambda k: k.Multiply(), SEQ, SEQ),
    "Normalization": layer(lambda k: k.Normalization(axis=-1), MAP),
    "PReLU": layer(lambda k: k.PReLU(shared_axes=[1, 2]), MAP),
    "Permute": layer(lambda k: k.Permute((3, 1, 2)), MAP),
    "RNN": layer(lambda k: k.RNN([k.LSTMCell(3), k.GRUCell(4)], go_backwards=True), SEQ),
    "RandomBrightness": layer(lambda k: k.RandomBrightness(0.3, value_range=(0, 1), seed=1), MAP),
    "RandomContrast": layer(lambda k: k.RandomContrast(0.3), MAP),
    "RandomCrop": layer(lambda k: k.RandomCrop(5, 4), (8, 9, 3)),
    "RandomFlip": layer(lambda k: k.RandomFlip("horizontal"), MAP),
    "RandomRotation": layer(lambda k: k.RandomRotation((-0.1, 0.3), "constant", fill_value=0.5), MAP),
    "RandomTranslation": layer(lambda k: k.RandomTranslation(0.1, 0.3), MAP),
    "RandomZoom": layer(lambda k: k.RandomZoom((-0.2, 0.1), interpolation="nearest"), MAP),
    "ReLU": layer(lambda k: k.ReLU(max_value=1.0, negative_slope=0.1, threshold=0.3), SEQ),
    "RepeatVector": layer(lambda k: k.RepeatVector(3), (4,)),
    "Rescaling": layer(lambda k: k.Rescaling([0.1, 0.2, 0.3, 0.4], offset=-1.0), MAP),
    "Reshape": layer(lambda k: k.Reshape((-1, 6)), MAP),
    "Resizing": layer(lambda k: k.Resizing(5, 13, "bicubic", crop_to_aspect_ratio=True), MAP),
    "SeparableConv1D": layer(lambda k: k.SeparableConv1D(6, 3, 2, "same", depth_multiplier=2), SEQ),
    "SeparableConv2D": layer(lambda k: k.SeparableConv2D(6, 3, 2, depthwise_regularizer="l1", activation="relu"), MAP),
    "SimpleRNN": layer(lambda k: k.SimpleRNN(5, activation="hard_sigmoid", go_backwards=True), SEQ),
    "Softmax": layer(lambda k: k.Softmax(axis=[1, 2]), MAP),
    "SpatialDropout1D": layer(lambda k: k.SpatialDropout1D(0.5), SEQ),
    "SpatialDropout2D": layer(lambda k: k.SpatialDropout2D(0.5), MAP),
    "SpatialDropout3D": layer(lambda k: k.SpatialDropout3D(0.5), CUBE),
    "SpectralNormalization": layer(lambda k: k.SpectralNormalization(k.Conv2D(3, 3), power_iterations=2), MAP),
    "StackedRNNCells": layer(lambda k: k.RNN(k.StackedRNNCells([k.SimpleRNNCell(3), k.GRUCell(2)])), SEQ),
    "Subtract": layer(lambda k: k.Subtract(), SEQ, SEQ),
    "TimeDistributed": layer(lambda k: k.TimeDistributed(k.DepthwiseConv2D(3, padding="same")), MOVIE),
    "UnitNormalization": layer(lambda k: k.UnitNormalization([1, 2]), SEQ),
    "UpSampling1D": layer(lambda k: k.UpSampling1D(3), SEQ),
    "UpSampling2D": layer(lambda k: k.UpSampling2D((2, 3), interpolation="bilinear"), MAP),
    "UpSampling3D": layer(lambda k: k.UpSampling3D(2), CUBE),
    "ZeroPadding1D": layer(lambda k: k.ZeroPadding1D((1, 2)), SEQ),
    "ZeroPadding2D": layer(lambda k: k.ZeroPadding2D(((1, 0), (2, 1))), MAP),
    "ZeroPadding3D": layer(lambda k: k.ZeroPadding3D((1, 2, 0)), CUBE),
}
"""By the layer's name."""

WITHIN = {
    "InputLayer": "every model has it",
    "LSTMCell": "in RNN",
    "GRUCell": "in RNN",
    "SimpleRNNCell": "in StackedRNNCells",
}
"""Layers that other cases contain."""

BASES = {"Layer": "a base class", "Wrapper": "a base class, which computes what its layer does"}
"""Not layers by themselves."""

OTHERS = {
    "AbstractRNNCell": "a base class",
    "DenseFeatures": "takes the feature columns of TensorFlow's estimators, which Keras 3 lacks",
    "Lambda": "holds Python code",
    "LocallyConnected1D": "Keras 3 lacks it",
    "LocallyConnected2D": "Keras 3 lacks it",
    "RandomHeight": "of Keras 2 alone; among the graphs",
    "RandomWidth": "of Keras 2 alone; as RandomHeight",
    "StringLookup": "takes text; among the tables",
    "TextVectorization": "takes text; among the tables",
    "ThresholdedReLU": "of Keras 2 alone; among the graphs",
}
"""Layers without a case, and why."""
