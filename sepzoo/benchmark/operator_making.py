"""Operators that stand in no file yet, by what they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from sepzoo.benchmark.operator_record import Operator, OperatorTensor, Option
from sepzoo.support.errors import SepzooError, unknown

_ACTIVATIONS = {None: 0, "relu": 1, "relu6": 3}
_DTYPES = {"float32": 0, "int8": 1}
"""Type -> how many scales its activations have."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Settings:
    """What an operator is made of; `make_operator` says what each means."""

    input_shape: tuple[int, ...]
    filters: int | None
    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    dilation_rate: tuple[int, int]
    padding: str
    depth_multiplier: int
    groups: int
    activation: str | None
    dtype: str

    def tensor(self, *shape: int) -> OperatorTensor:
        return OperatorTensor(shape, self.dtype, scales=_DTYPES[self.dtype])

    def weights(self, *shape: int, axis: int) -> OperatorTensor:
        scales = shape[axis] if self.dtype == "int8" else 0
        return OperatorTensor(shape, self.dtype, "constant", scales, axis if scales > 1 else 0)

    def bias(self, channels: int) -> OperatorTensor:
        whole = self.dtype == "int8"
        return OperatorTensor((channels,), "int32" if whole else "float32", "constant", channels if whole else 0)

    def spatial(self) -> tuple[int, int, int, int]:
        """Return batch, height, width and channels of the input."""
        if len(self.input_shape) != 4:
            raise SepzooError(
                f"expected an input of batch, height, width and channels. Received: input_shape={self.input_shape}."
            )
        batch, height, width, channels = self.input_shape
        return batch, height, width, channels

    def size(self) -> tuple[int, int]:
        """Return height and width of the output of a window."""
        _batch, *sizes, _channels = self.spatial()
        reach = [(kernel - 1) * rate for kernel, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        lost = reach if self.padding == "valid" else [0, 0]
        height, width = (
            -(-(size - less) // stride) for size, less, stride in zip(sizes, lost, self.strides, strict=True)
        )
        if height < 1 or width < 1:
            raise SepzooError(
                f"expected an input of at least the window's size. Received: input_shape={self.input_shape}, "
                f"kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate}."
            )
        return height, width

    def filters_given(self) -> int:
        if self.filters is None:
            raise SepzooError("expected a number of filters. Received: filters=None.")
        return self.filters

    def options(self, **more: Option) -> tuple[tuple[str, Option], ...]:
        """Return TFLite's settings, those at their default left out."""
        said = {"fusedActivationFunction": _ACTIVATIONS[self.activation], **more}
        defaults = {"fusedActivationFunction": 0, "padding": 0, "dilationHFactor": 1, "dilationWFactor": 1}
        return tuple(sorted((name, value) for name, value in said.items() if value != defaults.get(name)))

    def window(self) -> dict[str, Option]:
        return {"padding": int(self.padding == "valid"), "strideH": self.strides[0], "strideW": self.strides[1]}

    def dilation(self) -> dict[str, Option]:
        return {"dilationHFactor": self.dilation_rate[0], "dilationWFactor": self.dilation_rate[1]}


def _conv(settings: _Settings) -> Operator:
    batch, _height, _width, channels = settings.spatial()
    filters = settings.filters_given()
    if channels % settings.groups or filters % settings.groups:
        raise SepzooError(
            f"expected channels and filters that groups divide. Received: {channels} channels, filters={filters}, "
            f"groups={settings.groups}."
        )
    weights = settings.weights(filters, *settings.kernel_size, channels // settings.groups, axis=0)
    return Operator(
        "CONV_2D",
        (settings.tensor(*settings.input_shape), weights, settings.bias(filters)),
        (settings.tensor(batch, *settings.size(), filters),),
        settings.options(**settings.window(), **settings.dilation()),
        "Conv2DOptions",
    )


def _depthwise(settings: _Settings) -> Operator:
    batch, _height, _width, channels = settings.spatial()
    filters = channels * settings.depth_multiplier
    weights = settings.weights(1, *settings.kernel_size, filters, axis=3)
    return Operator(
        "DEPTHWISE_CONV_2D",
        (settings.tensor(*settings.input_shape), weights, settings.bias(filters)),
        (settings.tensor(batch, *settings.size(), filters),),
        settings.options(**settings.window(), **settings.dilation(), depthMultiplier=settings.depth_multiplier),
        "DepthwiseConv2DOptions",
    )


def _dense(settings: _Settings) -> Operator:
    *batch, channels = settings.input_shape
    filters = settings.filters_given()
    return Operator(
        "FULLY_CONNECTED",
        (
            settings.tensor(*settings.input_shape),
            settings.weights(filters, channels, axis=0),
            settings.bias(filters),
        ),
        (settings.tensor(*batch, filters),),
        settings.options(),
        "FullyConnectedOptions",
    )


def _pool(name: str) -> Callable[[_Settings], Operator]:
    def make(settings: _Settings) -> Operator:
        batch, _height, _width, channels = settings.spatial()
        height, width = settings.kernel_size
        return Operator(
            name,
            (settings.tensor(*settings.input_shape),),
            (settings.tensor(batch, *settings.size(), channels),),
            settings.options(**settings.window(), filterHeight=height, filterWidth=width),
            "Pool2DOptions",
        )

    return make


def _mean(settings: _Settings) -> Operator:
    batch, _height, _width, channels = settings.spatial()
    axes = OperatorTensor((2,), "int32", "constant", values=(1, 2))
    return Operator(
        "MEAN",
        (settings.tensor(*settings.input_shape), axes),
        (settings.tensor(batch, channels),),
        option_type="ReducerOptions",
    )


def _pair(name: str, option_type: str) -> Callable[[_Settings], Operator]:
    def make(settings: _Settings) -> Operator:
        tensor = settings.tensor(*settings.input_shape)
        return Operator(name, (tensor, tensor), (tensor,), settings.options(), option_type)

    return make


def _each(name: str, option_type: str = "", options: tuple[tuple[str, Option], ...] = ()) -> Callable[..., Operator]:
    def make(settings: _Settings) -> Operator:
        tensor = settings.tensor(*settings.input_shape)
        return Operator(name, (tensor,), (tensor,), options, option_type)

    return make


def _between(name: str, taken: str, given: str) -> Callable[[_Settings], Operator]:
    def make(settings: _Settings) -> Operator:
        one, two = (OperatorTensor(settings.input_shape, each, scales=_DTYPES[each]) for each in (taken, given))
        return Operator(name, (one,), (two,))

    return make


_MAKERS: Mapping[str, Callable[[_Settings], Operator]] = {
    "conv": _conv,
    "depthwise": _depthwise,
    "dense": _dense,
    "max_pool": _pool("MAX_POOL_2D"),
    "average_pool": _pool("AVERAGE_POOL_2D"),
    "global_average_pool": _mean,
    "add": _pair("ADD", "AddOptions"),
    "multiply": _pair("MUL", "MulOptions"),
    "relu": _each("RELU"),
    "relu6": _each("RELU6"),
    "hard_swish": _each("HARD_SWISH", "HardSwishOptions"),
    "sigmoid": _each("LOGISTIC"),
    "softmax": _each("SOFTMAX", "SoftmaxOptions", (("beta", 1.0),)),
    "quantize": _between("QUANTIZE", "float32", "int8"),
    "dequantize": _between("DEQUANTIZE", "int8", "float32"),
}


def make_operator(
    kind: str,
    input_shape: tuple[int, ...],
    *,
    filters: int | None = None,
    kernel_size: int | tuple[int, int] = 1,
    strides: int | tuple[int, int] = 1,
    dilation_rate: int | tuple[int, int] = 1,
    padding: str = "same",
    depth_multiplier: int = 1,
    groups: int = 1,
    activation: str | None = None,
    dtype: str = "float32",
) -> Operator:
    """Return the operator that TFLite's converter would write for a layer.

    Convolutions have a bias, whether or not the layer has one: the converter gives them one of zeros.

    Args:
        kind: "conv", "depthwise", "dense", "max_pool", "average_pool", "global_average_pool", "add", "multiply",
            "relu", "relu6", "hard_swish", "sigmoid", "softmax"; "quantize" and "dequantize" go from float32 to int8 and
            back, whatever the dtype.
        input_shape: with the batch, of each input where there are two.
        filters: channels or units that a convolution or dense layer gives.
        kernel_size: of convolutions and poolings, one number or height and width.
        strides: of these.
        dilation_rate: of convolutions.
        padding: "same" or "valid".
        depth_multiplier: of a depthwise convolution.
        groups: of a convolution.
        activation: that is fused with it: None, "relu" or "relu6".
        dtype: "float32", or "int8" with one scale a channel for its weights.

    Raises:
        SepzooError: an unknown kind, type, padding or activation, or sizes that don't fit.

    Example:
        >>> operator = make_operator("conv", (1, 56, 56, 64), filters=128, activation="relu6", dtype="int8")
        >>> operator.outputs[0].shape, operator.macs
        ((1, 56, 56, 128), 25690112)
    """
    for name, value, known in (
        ("kind", kind, _MAKERS),
        ("dtype", dtype, _DTYPES),
        ("padding", padding, ("same", "valid")),
        ("activation", activation, _ACTIVATIONS),
    ):
        if value not in known:
            raise unknown(name, str(value), [str(each) for each in known])
    settings = _Settings(
        input_shape=tuple(input_shape),
        filters=filters,
        kernel_size=_two(kernel_size),
        strides=_two(strides),
        dilation_rate=_two(dilation_rate),
        padding=padding,
        depth_multiplier=depth_multiplier,
        groups=groups,
        activation=activation,
        dtype=dtype,
    )
    return _MAKERS[kind](settings)


def _two(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])
