"""From a spec to a model: input, body, head, all that the families share."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras

from sepzoo.artifact.model_file import attach
from sepzoo.layers.builder import Blocks, Conventions
from sepzoo.layers.factorization import PRESETS, Factorization, factorization
from sepzoo.layers.orthonormal import functional
from sepzoo.records.family import Family, ModelSpec
from sepzoo.records.metadata import Metadata
from sepzoo.support.collector import collector_paused
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.greeting import start_keras
from sepzoo.support.lazy import load_function

Shape = Sequence[int | None]


@dataclasses.dataclass(frozen=True)
class Parts:
    """A family's arguments, each with the function that takes it."""

    conventions: Mapping[str, Any]
    body: Mapping[str, Any]
    head: Mapping[str, Any]


@collector_paused()
def assemble(
    family: Family,
    spec: ModelSpec,
    *,
    input_shape: Shape | None,
    input_tensor: Any,
    classes: int | None,
    include_top: bool,
    pooling: str | None,
    classifier_activation: Any,
    conv: str | Factorization | None,
    conv_options: Mapping[str, Any] | None,
    model_name: str | None,
    arguments: Mapping[str, Any],
) -> keras.Model:
    """Return the network of a spec with initial weights; see `sepzoo.applications.build` for the arguments."""
    start_keras()
    body, head = load_function(family.body), load_function(family.head)
    parts = _split(family, {**spec.arguments, **arguments}, body, head)
    net = Blocks(Conventions(**parts.conventions), slot_kind(family, spec, conv, conv_options))
    inputs = _input(spec, input_shape, input_tensor, dynamic=not include_top or pooling is not None)
    x = net.batch_norm(inputs, name="input_bn") if net.conventions.input_batch_norm else inputs
    x = body(net, x, **parts.body)
    if include_top:
        x = head(net, x, classes=_class_count(spec, classes), activation=classifier_activation, **parts.head)
    elif pooling is not None:
        x = _pool(x, pooling)
    sources = [inputs] if input_tensor is None else keras.utils.get_source_inputs(input_tensor)
    model = functional(sources[0] if len(sources) == 1 else sources, x, name=model_name or spec.name)
    preprocessing = spec.preprocessing.for_channels(sources[0].shape[-1])
    return attach(model, Metadata(spec.name, labels=None, preprocessing=preprocessing))


def default_arguments(family: Family) -> dict[str, Any]:
    """Return the arguments of a family's functions that have a default, with it."""
    return {
        name: parameter.default
        for path in (family.body, family.head)
        for name, parameter in inspect.signature(load_function(path)).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


def slot_kind(
    family: Family,
    spec: ModelSpec,
    conv: str | Factorization | None,
    conv_options: Mapping[str, Any] | None,
) -> Factorization | None:
    """Return what stands in the family's slots, or None for its own form.

    Raises:
        SepzooError: a kind that the family has no slot for, or options without a kind.
    """
    kind = conv if conv is not None else spec.conv
    options = dict(spec.conv_options if conv is None else {}) | dict(conv_options or {})
    if kind is None:
        if options:
            raise SepzooError(
                f"expected a kind of convolution beside its options. Received: conv_options={options}, conv=None. "
                f"{family.name} takes conv={_listing(family.slots)}."
            )
        return None
    name = kind.kind if isinstance(kind, Factorization) else kind
    if name not in PRESETS:
        raise unknown("kind of convolution", name, PRESETS)
    if name not in family.slots:
        raise SepzooError(
            f"{family.name} has no slot for {name!r}: a kind replaces {family.slot}. "
            f"Legal there: {_listing(family.slots)}."
        )
    if isinstance(kind, Factorization):
        return factorization(kind, **options)
    return factorization(kind, **{**family.slots[kind], **options})


def _listing(names: Mapping[str, Any]) -> str:
    return ", ".join(repr(name) for name in names)


def _split(family: Family, arguments: Mapping[str, Any], body: Callable[..., Any], head: Callable[..., Any]) -> Parts:
    takers = {
        "conventions": {field.name for field in dataclasses.fields(Conventions)},
        "body": _own_arguments(body),
        "head": _own_arguments(head),
    }
    known = set().union(*takers.values())
    for name in arguments:
        if name not in known:
            raise unknown(f"argument of {family.name}:", name, known)
    return Parts(**{part: {n: v for n, v in arguments.items() if n in names} for part, names in takers.items()})


def _own_arguments(function: Callable[..., Any]) -> set[str]:
    shared = ("classes", "activation") if "classes" in inspect.signature(function).parameters else ()
    return {
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in shared
    }


def _input(spec: ModelSpec, input_shape: Shape | None, input_tensor: Any, *, dynamic: bool) -> Any:
    if input_tensor is not None:
        if not keras.utils.is_keras_tensor(input_tensor):
            raise SepzooError(
                f"expected input_tensor to be a symbolic Keras tensor. Received: {type(input_tensor).__name__}."
            )
        given = tuple(input_tensor.shape[1:])
        if input_shape is not None and tuple(input_shape) != given:
            raise SepzooError(
                f"expected input_shape to equal that of input_tensor, {given}. Received: {tuple(input_shape)}."
            )
        _check_shape(spec, given)
        return input_tensor
    shape = spec.input_shape if input_shape is None else tuple(input_shape)
    _check_shape(spec, shape)
    return keras.Input(shape, name="images")


def _check_shape(spec: ModelSpec, shape: Shape) -> None:
    least = spec.minimum_size
    sound = len(shape) == 3 and all(size is None or (isinstance(size, int) and size >= 1) for size in shape)
    if not sound or shape[-1] is None:
        raise SepzooError(f"{spec.name}: expected input_shape (height, width, channels). Received: {tuple(shape)}.")
    if any(size is not None and size < least for size in shape[:2]):
        raise SepzooError(
            f"{spec.name}: expected images of at least {least} x {least} pixels. Received: {tuple(shape)}."
        )


def _class_count(spec: ModelSpec, classes: int | None) -> int:
    count = spec.classes if classes is None else classes
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise SepzooError(f"{spec.name}: expected at least 1 class. Received: classes={count!r}.")
    return count


def _pool(x: Any, pooling: str) -> Any:
    layers = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    if pooling not in layers:
        raise SepzooError(f"expected pooling None, 'avg' or 'max'. Received: pooling={pooling!r}.")
    return layers[pooling](name="pool")(x)
