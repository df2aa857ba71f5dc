"""From a spec to a model: input, body, head, all that the families share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from sepzoo.building.checks import BuildArguments, checked_shape
from sepzoo.layers.builder import LayerBuilder
from sepzoo.layers.conventions import Conventions
from sepzoo.layers.factorization import PRESETS, Factorization, factorization
from sepzoo.layers.orthonormal import functional
from sepzoo.layers.weight_limit import limited_weights
from sepzoo.records.family import Family, ModelSpec
from sepzoo.support.arguments import declared, field_types
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError, first_line, unknown
from sepzoo.support.garbage_collector import collector_paused
from sepzoo.support.greeting import start_keras
from sepzoo.support.types import Options, Tensor


@collector_paused()
@limited_weights(BOUNDS.unpacked)
def assemble(family: Family, spec: ModelSpec, given: BuildArguments, arguments: Options) -> keras.Model:
    """Return the network of a spec with initial weights.

    Args:
        family: that builds it.
        spec: of its name.
        given: arguments that all families have.
        arguments: of the family, and conventions.

    Raises:
        SepzooError: an argument that can't be, or a network that can't be built of them.
    """
    start_keras()
    conventions, own = _split(family, {**spec.arguments, **arguments})
    net = LayerBuilder(conventions, slot_kind(family, spec, given.conv, given.conv_options))
    inputs = _input(spec, given.input_shape, given.input_tensor)
    try:
        x = net.batch_norm(inputs, name="input_bn") if net.conventions.input_batch_norm else inputs
        x = family.body(net, x, own)
        if given.include_top:
            classes = spec.classes if given.classes is None else given.classes
            x = family.head(net, x, own, classes=classes, activation=given.classifier_activation)
        elif given.pooling is not None:
            x = net.global_average_pool(x) if given.pooling == "avg" else net.global_max_pool(x)
    except SepzooError:
        raise
    except ValueError as error:  # of Keras, where sizes do not go together
        raise SepzooError(
            f"{spec.name}: sizes do not go together at input_shape={tuple(inputs.shape[1:])}: {first_line(error)} "
            f"Take {'longer series' if len(spec.input_shape) == 2 else 'larger images'} or smaller strides."
        ) from error
    sources = [inputs] if given.input_tensor is None else keras.utils.get_source_inputs(given.input_tensor)
    return functional(sources[0] if len(sources) == 1 else sources, x, name=given.model_name or spec.name)


def slot_kind(
    family: Family,
    spec: ModelSpec,
    conv: str | Factorization | None,
    conv_options: Options | None,
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
            f"{family.name} has no slot for {name!r}: a kind replaces {family.replaces}. "
            f"Legal there: {_listing(family.slots)}."
        )
    if isinstance(kind, Factorization):
        return factorization(kind, **options)
    return factorization(kind, **{**family.slots[kind], **options})


def _listing(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _split(family: Family, arguments: Options) -> tuple[Conventions, Any]:
    """Return the conventions and the family's own arguments, checked."""
    shared, own = field_types(Conventions), field_types(family.arguments)
    for name in arguments:
        if name not in shared and name not in own:
            raise unknown(f"argument of {family.name}:", name, [*own, *shared, *field_types(BuildArguments)])
    conventions = Conventions(**{name: value for name, value in arguments.items() if name in shared})
    own_values = {name: value for name, value in arguments.items() if name in own}
    return conventions, declared(family.arguments, own_values, of=family.name)


def _input(spec: ModelSpec, input_shape: object, input_tensor: Tensor) -> Tensor:
    shape = None if input_shape is None else checked_shape(spec, input_shape)
    if input_tensor is None:
        name = "series" if len(spec.input_shape) == 2 else "images"
        return keras.Input(shape or spec.input_shape, name=name)
    if not keras.utils.is_keras_tensor(input_tensor):
        raise SepzooError(
            f"expected input_tensor to be a symbolic Keras tensor. Received: {type(input_tensor).__name__}."
        )
    given = checked_shape(spec, tuple(input_tensor.shape[1:]))
    if shape not in (None, given):
        raise SepzooError(f"expected input_shape to equal that of input_tensor, {given}. Received: {shape}.")
    return input_tensor
