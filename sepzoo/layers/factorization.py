"""The one idea of the zoo: every way to separate a convolution is one formula, and a kind is a preset of its fields."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_type_hints

from sepzoo.layers.activation_names import ActivationName
from sepzoo.support.arguments import Interval, checked
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Config, Options

Order = Literal["pw_dw", "dw_pw"]


@dataclasses.dataclass(frozen=True)
class Step:
    """One convolution of a factorized one: 1 x 1 (`spatial=False`) or k x k, from `inputs` to `outputs` channels."""

    name: str
    inputs: int
    outputs: int
    groups: int = 1
    spatial: bool = False

    def weights(self, kernel_area: int) -> int:
        """Return the number of kernel weights for a window of `kernel_area` positions."""
        return self.inputs // self.groups * self.outputs * (kernel_area if self.spatial else 1)


@dataclasses.dataclass(frozen=True)
class Factorization:
    """How one k x k convolution over all channels is separated.

    With `order="pw_dw"` it reads `[1 x 1 to reduce] -> [1 x 1 expand] -> k x k in groups`, with `order="dw_pw"` it
    reads `[1 x 1 to reduce] -> k x k in groups -> [1 x 1 expand]`; `terms` of such products are summed. The k x k step
    carries stride, dilation and padding; the last step carries the bias.

    Attributes:
        kind: the preset's name.
        groups: of the k x k step: 1 is dense, `"channels"` is depthwise.
        order: whether the k x k step stands after ("pw_dw") or before ("dw_pw") the expanding 1 x 1.
        expand: whether there is an expanding 1 x 1 to the layer's filters.
        reduce: ratio of the leading 1 x 1, or None for none.
        reduce_of: what `reduce` is a ratio of: the input "channels" or the output "filters". The width is rounded up,
            with a number of `groups` to its multiple.
        min_mid_channels: the least number of reduced channels (never more than the input channels have).
        terms: how many products are summed; exact for any dense kernel at min(channels, k * k) (network decoupling).
        batch_norm: batch normalization between the steps (never after the last).
        activation: activation between the steps, or None.
        orthonormal: strength of the orthonormal penalty on the first 1 x 1 kernel; 0 for none (BSConv, sec. 3.3).

    Example:
        >>> [(step.name, step.inputs, step.outputs) for step in factorization("bsconv_s", p=0.25).steps(64, 128)]
        [('pointwise_1', 64, 16), ('pointwise_2', 16, 128), ('depthwise', 128, 128)]
    """

    kind: str
    groups: int | Literal["channels"] = 1
    order: Order = "pw_dw"
    expand: bool = False
    reduce: float | None = None
    reduce_of: Literal["channels", "filters"] = "channels"
    min_mid_channels: int = 1
    terms: int = 1
    batch_norm: bool = False
    activation: str | None = None
    orthonormal: float = 0.0

    def __post_init__(self) -> None:
        if self.order not in ("pw_dw", "dw_pw"):
            raise SepzooError(f"expected an order 'pw_dw' or 'dw_pw'. Received: order={self.order!r}.")
        if self.reduce is not None and not 0.0 <= self.reduce <= 1.0:
            name = "p" if self.reduce_of == "channels" else "width"
            raise SepzooError(
                f"expected a ratio of mid channels in 0 … 1. Received: {name}={self.reduce}. "
                f"{name}=0 keeps {self.min_mid_channels} channels, {name}=1 all."
            )
        for field in ("terms", "min_mid_channels"):
            if getattr(self, field) < 1:
                raise SepzooError(f"expected {field} of at least 1. Received: {field}={getattr(self, field)}.")
        if self.groups != "channels" and (not isinstance(self.groups, int) or self.groups < 1):
            raise SepzooError(f"expected a number of groups, or 'channels'. Received: groups={self.groups!r}.")

    def steps(self, channels: int, filters: int) -> tuple[Step, ...]:
        """Return the convolutions in the order in which they run, for `channels` inputs and `filters` outputs."""
        reduced = self._reduced(channels, filters)
        widths = [] if reduced is None else [reduced]
        before = widths + ([filters * self.terms] if self.expand and self.order == "pw_dw" else [])
        names = ["pointwise"] if len(before) == 1 else [f"pointwise_{i + 1}" for i in range(len(before))]
        steps, inputs = [], channels
        for name, outputs in zip(names, before, strict=True):
            steps.append(Step(name, inputs, outputs))
            inputs = outputs
        closes = self.expand and self.order == "dw_pw"
        steps.append(self._spatial(inputs, inputs * self.terms if closes else filters * self.terms))
        if closes:
            if before:
                steps[0] = dataclasses.replace(steps[0], name="pointwise_1")
            steps.append(Step("pointwise_2" if before else "pointwise", steps[-1].outputs, filters))
        return tuple(steps)

    def weights(self, channels: int, filters: int, kernel_area: int) -> int:
        """Return the kernel weights of all steps (no bias, no batch normalization).

        Example:
            >>> factorization("bsconv_u").weights(64, 128, kernel_area=9)
            9344
        """
        return sum(step.weights(kernel_area) for step in self.steps(channels, filters))

    def to_config(self) -> Config:
        """Return the fields as a dictionary that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: Options) -> Factorization:
        """Return the record that `to_config` described."""
        return cls(**config)

    def _reduced(self, channels: int, filters: int) -> int | None:
        if self.reduce is None:
            return None
        whole = channels if self.reduce_of == "channels" else filters
        least = max(self.min_mid_channels, math.ceil(self.reduce * whole))
        multiple = 1 if self.groups == "channels" else self.groups
        return min(whole, math.ceil(least / multiple) * multiple)

    def _spatial(self, inputs: int, outputs: int) -> Step:
        if self.groups == "channels" or self.groups == inputs:
            return Step("depthwise", inputs, outputs, groups=inputs, spatial=True)
        if self.groups > 1 and (inputs % self.groups or outputs % self.groups):
            legal = [g for g in range(1, math.gcd(inputs, outputs) + 1) if math.gcd(inputs, outputs) % g == 0]
            near = sorted(sorted(legal, key=lambda g: abs(g - int(self.groups)))[:2])
            raise SepzooError(
                f"kind {self.kind!r}: expected a number of groups (segments, cardinality) that divides "
                f"{math.gcd(inputs, outputs)} channels. Received: {self.groups}. "
                f"The nearest that do: {', '.join(map(str, near))}."
            )
        return Step("grouped" if self.groups > 1 else "conv", inputs, outputs, groups=self.groups, spatial=True)


def regular() -> Factorization:
    """One dense k x k convolution."""
    return Factorization("regular")


def separable(
    terms: int = 1, order: Order = "dw_pw", batch_norm: bool = False, activation: ActivationName | None = None
) -> Factorization:
    """Depthwise -> pointwise (MobileNet, Xception), or the reverse; a sum of `terms` of them (network decoupling)."""
    return Factorization(
        "separable",
        groups="channels",
        order=order,
        expand=True,
        terms=terms,
        batch_norm=batch_norm,
        activation=activation,
    )


def bsconv_u(batch_norm: bool = False) -> Factorization:
    """Pointwise -> depthwise: each filter is one blueprint, scaled along depth (BSConv, sec. 3.2)."""
    return Factorization("bsconv_u", groups="channels", expand=True, batch_norm=batch_norm)


def bsconv_s(
    p: float = 0.25,
    min_mid_channels: int = 4,
    batch_norm: bool = False,
    orthonormal: Annotated[float, Interval(0)] = 0.1,
) -> Factorization:
    """Pointwise to `p` of the channels -> pointwise -> depthwise, the first near-orthonormal (BSConv, sec. 3.3)."""
    return Factorization(
        "bsconv_s",
        groups="channels",
        expand=True,
        reduce=p,
        min_mid_channels=min_mid_channels,
        batch_norm=batch_norm,
        orthonormal=orthonormal,
    )


def inception(
    segments: int | Literal["channels"] = 4,
    order: Order = "pw_dw",
    batch_norm: bool = False,
    activation: ActivationName | None = None,
) -> Factorization:
    """Pointwise -> dense k x k on each of `segments` channel segments (Xception, sec. 1); "channels" is the extreme."""
    return Factorization(
        "inception", groups=segments, order=order, expand=True, batch_norm=batch_norm, activation=activation
    )


def resnext(
    cardinality: int = 8, width: float = 0.5, batch_norm: bool = False, activation: ActivationName | None = None
) -> Factorization:
    """Pointwise to `width` of the filters -> k x k in `cardinality` groups -> pointwise (ResNeXt, 1611.05431)."""
    return _bottleneck("resnext", cardinality, width, batch_norm, activation)


def hybrid(width: float = 0.5, batch_norm: bool = False, activation: ActivationName | None = None) -> Factorization:
    """Pointwise to `width` of the filters -> depthwise -> pointwise: "resnext", one channel a group (1701.04489)."""
    return _bottleneck("hybrid", "channels", width, batch_norm, activation)


def _bottleneck(
    kind: str, groups: int | Literal["channels"], width: float, batch_norm: bool, activation: str | None
) -> Factorization:
    return Factorization(
        kind,
        groups=groups,
        order="dw_pw",
        expand=True,
        reduce=width,
        reduce_of="filters",
        batch_norm=batch_norm,
        activation=activation,
    )


PRESETS: Mapping[str, Callable[..., Factorization]] = {
    preset.__name__: preset for preset in (regular, separable, bsconv_u, bsconv_s, inception, resnext, hybrid)
}


def factorization(kind: str | Factorization, **options: Any) -> Factorization:
    """Return the record of a kind, with the kind's own options.

    Args:
        kind: a name of `PRESETS`, or a record, which is returned as it is.
        options: the preset's keyword arguments, for example `p` for "bsconv_s".

    Raises:
        SepzooError: an unknown kind or option (the nearest known ones are named), or a value out of range.

    Example:
        >>> factorization("separable", order="pw_dw").steps(8, 16) == factorization("bsconv_u").steps(8, 16)
        True
    """
    if isinstance(kind, Factorization):
        if options:
            raise SepzooError(f"expected no options beside a Factorization. Received: {', '.join(options)}.")
        return kind
    if kind not in PRESETS:
        raise unknown("kind of convolution", kind, PRESETS)
    legal = inspect.signature(PRESETS[kind]).parameters
    for option in options:
        if option not in legal:
            raise unknown(f"option of kind {kind!r}:", option, legal)
    hints = get_type_hints(PRESETS[kind], include_extras=True)
    of = f"kind {kind!r}"
    return PRESETS[kind](**{name: checked(value, hints[name], name=name, of=of) for name, value in options.items()})
