"""Terms of a sum as convolutions of one tensor: what each stands on, where its window lies, its kernel."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers.keras_convolutions import CONVOLUTIONS, DEPTHWISE
from sepzoo.support.types import Tensor
from sepzoo.surgery.exact.affine import Affine
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.sites import Site

layers = keras.layers
PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)


@dataclasses.dataclass(frozen=True, eq=False)
class Branch:
    """One term of a sum: padding, convolution and batch normalization, each if it is there; without all, the input.

    Attributes:
        position: among the terms.
        source: the tensor that it stands on.
        output: the tensor that it gives.
        padding: the layer of zeros in front of the convolution, or None.
        convolution: its linear convolution, or None.
        norm: its batch normalization, or None.
    """

    position: int
    source: Tensor
    output: Tensor
    padding: Site | None = None
    convolution: Site | None = None
    norm: Site | None = None

    @property
    def row(self) -> tuple[Site, ...]:
        """Its layers, in their order."""
        return tuple(site for site in (self.padding, self.convolution, self.norm) if site is not None)

    @property
    def kernel_size(self) -> tuple[int, ...]:
        """Of its window; 1 along each axis without a convolution."""
        rank = len(self.source.shape) - 2
        return (1,) * rank if self.convolution is None else tuple(self.convolution.layer.kernel_size)

    @property
    def strides(self) -> tuple[int, ...]:
        """Of its window."""
        return (1,) * len(self.kernel_size) if self.convolution is None else tuple(self.convolution.layer.strides)

    def start(self) -> tuple[int, ...] | None:
        """Return where its first window begins, in positions of the source; None where an open size decides that."""
        if self.convolution is None:
            return (0,) * len(self.kernel_size)
        layer = self.convolution.layer
        if self.padding is not None:
            pairs = np.reshape(self.padding.layer.padding, (-1, 2))
            return tuple(-int(before) for before, _after in pairs)
        if layer.padding == "valid":
            return (0,) * len(self.kernel_size)
        if layer.padding == "causal":
            return (-int(layer.dilation_rate[0]) * (self.kernel_size[0] - 1),)
        starts = []
        geometry = zip(self.source.shape[1:-1], self.kernel_size, self.strides, layer.dilation_rate, strict=True)
        for size, kernel, step, rate in geometry:
            reach = rate * (kernel - 1)
            if step > 1 and size is None:
                return None
            total = reach if size is None else max((math.ceil(size / step) - 1) * step + reach + 1 - size, 0)
            starts.append(-(total // 2))
        return tuple(starts)

    def affine(self) -> Affine:
        """Return what its batch normalization does."""
        return Affine(np.ones(()), np.zeros(())) if self.norm is None else Affine.of(self.norm.layer)


def branch_of(plan: Plan, add: Site, position: int) -> Branch:
    """Return a term of a sum with the layers that it alone uses."""
    call = add.calls[0]
    output, taker = call.inputs[position], add.layer
    found: dict[str, Site] = {}
    source, site = output, plan.site_of(call.producers[position])
    for part, fits in (("norm", _is_norm), ("convolution", _is_convolution), ("padding", _is_padding)):
        if part == "padding" and ("convolution" not in found or found["convolution"].layer.padding != "valid"):
            break
        if site is not None and site.consumer is taker and fits(site):
            found[part], source, taker = site, site.calls[0].inputs[0], site.layer
            site = plan.site_of(site.producer)
    return Branch(position, source, output, **found)


def _is_norm(site: Site) -> bool:
    layer = site.layer
    rank = len(site.output_shape)
    return (
        type(layer) is layers.BatchNormalization
        and not site.calls[0].arguments.get("training")
        and layer.axis % rank == rank - 1
    )


def _is_convolution(site: Site) -> bool:
    layer = site.layer
    return (
        type(layer) in (*CONVOLUTIONS, *DEPTHWISE)
        and layer.data_format == "channels_last"
        and layer.activation is keras.activations.linear
        and layer.activity_regularizer is None
        and all(variable.name in ("kernel", "bias") for variable in layer.weights)
    )


def _is_padding(site: Site) -> bool:
    return type(site.layer) in PADDINGS and getattr(site.layer, "data_format", "channels_last") == "channels_last"


def largest(group: Sequence[Branch]) -> Branch:
    """Return the branch of the largest kernel, the first of several."""
    return max((branch for branch in group if branch.convolution), key=lambda branch: math.prod(branch.kernel_size))


def offset(main: Branch, branch: Branch) -> tuple[int, ...] | None:
    """Return where in the largest kernel another branch's begins; None where that kernel does not cover it."""
    assert main.convolution is not None
    begin, own_begin = main.start(), branch.start()
    if begin is None or own_begin is None:
        alike = branch.kernel_size == main.kernel_size and branch.padding is main.padding is None
        return (0,) * len(main.kernel_size) if alike and _paddings(main, branch) else None
    found = []
    sizes = zip(
        begin, own_begin, main.kernel_size, branch.kernel_size, main.convolution.layer.dilation_rate, strict=True
    )
    for start, own, size, kernel, rate in sizes:
        steps, rest = divmod(own - start, rate)
        if rest or steps < 0 or steps + kernel > size:
            return None
        found.append(steps)
    return tuple(found)


def _paddings(main: Branch, branch: Branch) -> bool:
    assert main.convolution is not None
    return branch.convolution is not None and branch.convolution.layer.padding == main.convolution.layer.padding


def obstacle(main: Branch, branch: Branch) -> str:
    """Return why a branch can't be laid into the largest kernel, or an empty text."""
    assert main.convolution is not None
    first = main.convolution.layer
    named = repr(main.convolution.name)
    if branch.strides != main.strides:
        return f"its strides are not those of all that it is added to, {named} among them"
    if branch.convolution is not None:
        layer = branch.convolution.layer
        if (type(layer), getattr(layer, "groups", 1)) != (type(first), getattr(first, "groups", 1)):
            return f"its class or its groups are not those of {named}"
        if (layer.dtype_policy.name, layer.trainable) != (first.dtype_policy.name, first.trainable):
            return f"its precision or its trainable flag is not that of {named}"
        pairs = zip(layer.dilation_rate, first.dilation_rate, layer.kernel_size, strict=True)
        if any(own != rate for own, rate, size in pairs if size > 1):
            return f"its dilation is not that of {named}"
    if tuple(branch.output.shape) != tuple(main.output.shape):
        return f"its outputs have another shape than those of {named}"
    if offset(main, branch) is None:
        return f"the window of {named}, the largest, does not cover its own"
    return ""


@np.errstate(all="ignore")  # the check of what is made finds what is not finite
def kernel_in(main: Branch, branch: Branch) -> np.ndarray:
    """Return what a branch does as a kernel of the largest one's shape, in double precision."""
    assert main.convolution is not None
    shape = tuple(main.convolution.layer.kernel.shape)
    begin = offset(main, branch)
    assert begin is not None
    if branch.convolution is None:
        kernel = _identity(shape)
    else:
        kernel = np.asarray(branch.convolution.layer.kernel.numpy(), "float64")
    depthwise = type(main.convolution.layer) in DEPTHWISE
    scale = np.broadcast_to(branch.affine().scale, (main.output.shape[-1],))
    whole = np.zeros(shape)
    part = tuple(slice(at, at + size) for at, size in zip(begin, branch.kernel_size, strict=True))
    whole[part] = kernel * (scale.reshape(shape[-2:]) if depthwise else scale)
    return whole


def bias_of(branch: Branch) -> np.ndarray:
    """Return what a branch adds to each channel, in double precision."""
    affine = branch.affine()
    layer = None if branch.convolution is None else branch.convolution.layer
    bias = np.asarray(layer.bias.numpy(), "float64") if layer is not None and layer.use_bias else np.zeros(())
    return np.broadcast_to(bias * affine.scale + affine.shift, (branch.output.shape[-1],))


def _identity(shape: tuple[int, ...]) -> np.ndarray:
    """Return the kernel of a single position that gives each channel back: (1, …, inputs of a group, filters)."""
    inputs, filters = shape[-2:]
    kernel = np.zeros((1,) * (len(shape) - 2) + (inputs, filters))
    if filters == 1:  # depthwise, a filter a channel; or one channel alone
        kernel[...] = 1.0
    else:
        kernel[..., np.arange(filters) % inputs, np.arange(filters)] = 1.0
    return kernel
