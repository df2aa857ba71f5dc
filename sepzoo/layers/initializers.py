"""Initial weights: Keras's own, and those of two programs, which differ by more than a seed."""

from __future__ import annotations

import math

import keras

from sepzoo.layers.conventions import InitializerScheme


def dense_kernel(scheme: InitializerScheme) -> keras.initializers.Initializer:
    """Return the initializer of a convolution over all channels: Glorot, He uniform, or He normal by the outputs."""
    if scheme == "fan_out":
        return _fan_out(2.0, "truncated_normal")
    return keras.initializers.GlorotUniform() if scheme == "keras" else keras.initializers.HeUniform()


def depthwise_kernel(scheme: InitializerScheme, kernel_area: int) -> keras.initializers.Initializer:
    """Return the initializer of a depthwise kernel: Glorot, or He by the window alone.

    Keras counts a fan-in of window times channels, PyTorch the window: at 256 channels a limit of 0.051 for 0.816.
    """
    if scheme == "fan_out":
        return _fan_out(2.0, "truncated_normal")
    if scheme == "keras":
        return keras.initializers.GlorotUniform()
    return _uniform(math.sqrt(6.0 / kernel_area))


def replaced_pointwise(scheme: InitializerScheme) -> keras.initializers.Initializer:
    """Return the initializer of a 1 x 1 step inside a factorized layer: Glorot, or PyTorch's default.

    The authors' replacer makes its layers after the He pass, so they keep U(±1/sqrt(fan_in)), six times less variance.
    """
    if scheme != "bsconv":
        return keras.initializers.GlorotUniform()
    return keras.initializers.VarianceScaling(scale=1.0 / 3.0, mode="fan_in", distribution="uniform")


def replaced_depthwise(scheme: InitializerScheme, kernel_area: int) -> keras.initializers.Initializer:
    """Return the initializer of a depthwise step inside a factorized layer: Glorot, or PyTorch's default."""
    return _uniform(1.0 / math.sqrt(kernel_area)) if scheme == "bsconv" else keras.initializers.GlorotUniform()


def classifier_kernel(scheme: InitializerScheme, features: int, classes: int) -> keras.initializers.Initializer:
    """Return the initializer of the classifier: Glorot uniform, Glorot normal that is not truncated, or by outputs."""
    if scheme == "fan_out":
        return _fan_out(1.0 / 3.0, "uniform")
    if scheme == "keras":
        return keras.initializers.GlorotUniform()
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / (features + classes)))


def classifier_bias(scheme: InitializerScheme, features: int) -> keras.initializers.Initializer:
    """Return the initializer of the classifier's bias: zeros, or PyTorch's default."""
    return _uniform(1.0 / math.sqrt(features)) if scheme == "bsconv" else keras.initializers.Zeros()


def _uniform(limit: float) -> keras.initializers.Initializer:
    return keras.initializers.RandomUniform(-limit, limit)


def _fan_out(scale: float, distribution: str) -> keras.initializers.Initializer:
    return keras.initializers.VarianceScaling(scale=scale, mode="fan_out", distribution=distribution)
