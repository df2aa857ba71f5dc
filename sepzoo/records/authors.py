"""The form that networks have in the BSConv authors' program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sepzoo.records.conventions import BSCONV
from sepzoo.records.family import ModelSpec
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.types import Options


def authors_spec(name: str, arguments: Options, *, cifar: bool, **kind: Any) -> ModelSpec:
    """Return the spec of a network by the authors' conventions, for CIFAR-10 or for ImageNet.

    Args:
        name: as the authors call it.
        arguments: of the family, and conventions that differ from the authors' usual ones.
        cifar: whether it is made for images of 32 x 32 pixels.
        kind: `conv` and `conv_options`, where the slots hold another kind than the family's own.

    Example:
        >>> authors_spec("cifar_mobilenetv1_w1d2", {"alpha": 0.5}, cifar=True).input_shape
        (32, 32, 3)
    """
    return ModelSpec(
        name,
        arguments={**BSCONV, **arguments},
        input_shape=(32, 32, 3) if cifar else (224, 224, 3),
        classes=10 if cifar else 1000,
        dataset="cifar10" if cifar else "imagenet",
        minimum_size=8 if cifar else 32,
        preprocessing=ZERO_TO_ONE,
        official=False,
        **kind,
    )


def authors_specs(parse: Callable[[str], ModelSpec | None], names: Iterable[str]) -> tuple[ModelSpec, ...]:
    """Return the spec of each name by a family's grammar; names that it does not know are left out.

    Example:
        >>> [spec.name for spec in authors_specs(lambda name: ModelSpec(name) if name else None, ["a", "", "b"])]
        ['a', 'b']
    """
    return tuple(spec for name in names if (spec := parse(name)))
