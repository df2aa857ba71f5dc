"""A model of Keras 2, with those nested in it, as a model of Keras 3: which layer is called on which tensors."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator

import keras

from sepzoo.artifact.keras2.operations import OPERATION_LAYERS, operation
from sepzoo.artifact.keras2.settings import apart, layer_from, plain_name
from sepzoo.artifact.keras2.values import plain, precision
from sepzoo.layers.graph import functions_between, graph_of
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import Json, Kwargs, Layer, Tensor, Tensors

_CONSTANT = "_CONSTANT_VALUE"
_MODELS = ("Functional", "Model", "Sequential")


@dataclasses.dataclass(frozen=True)
class Member:
    """A layer of Keras 3, and the layers in it, if it is a model, by their names in the file and in its order."""

    layer: Layer
    members: dict[str, Member] = dataclasses.field(default_factory=dict)


def member_from(entry: Json) -> Member:
    """Return the layer or model that an entry of a configuration describes.

    Raises:
        SepzooError: what Keras 3 lacks, or what is no configuration of Keras 2.
    """
    kind, settings = str(entry.get("class_name")), entry.get("config")
    if kind in _MODELS:
        return _Sequential(settings).member() if kind == "Sequential" else _Functional(settings).member()
    if not isinstance(settings, dict):
        raise SepzooError(f"expected the settings of each layer. Received: {kind} with {settings!r}.")
    inner = {key: member_from(settings[key]) for key in ("layer", "backward_layer", "cell") if _is_entry(settings, key)}
    layers: dict[str, Layer] = {key: member.layer for key, member in inner.items()}
    if kind == "StackedRNNCells":
        layers["cells"] = [member_from(cell).layer for cell in settings["cells"]]
    return Member(layer_from(kind, settings, layers), {key: each for key, each in inner.items() if each.members})


def require_model(layer: Layer, config: Json) -> keras.Model:
    """Return what a whole file describes, if it is a model that knows its input.

    Raises:
        SepzooError: it is a single layer, or a model that no input is said of.
    """
    if not isinstance(layer, keras.Model):
        raise SepzooError(f"expected a whole model. Received: a single {config['class_name']}.")
    if not layer.built:
        raise SepzooError("expected a model that says the shape of its input. Received: one that does not.")
    return layer


def _is_entry(settings: dict[str, Json], key: str) -> bool:
    return isinstance(settings.get(key), dict) and "class_name" in settings[key]


def _input(settings: dict[str, Json]) -> Tensor:
    if settings.get("ragged") or settings.get("sparse"):
        raise SepzooError(f"expected a dense input. Received: {settings.get('name')!r}, which is ragged or sparse.")
    shape = settings.get("batch_input_shape", settings.get("batch_shape"))
    return keras.Input(
        batch_shape=tuple(plain(shape)), dtype=precision(settings.get("dtype")), name=plain_name(settings.get("name"))
    )


class _Sequential:
    """Layers in a row."""

    def __init__(self, settings: Json) -> None:
        self.settings = settings if isinstance(settings, dict) else {"layers": settings}  # a bare list before 2.2.3

    def member(self) -> Member:
        entries = list(self.settings["layers"])
        members: dict[str, Member] = {}
        start = None
        if entries and entries[0]["class_name"] == "InputLayer":
            start = _input(entries.pop(0)["config"])
        names = apart(map(_name, entries))
        for entry in entries:
            members[_name(entry)] = member_from(_named(entry, names[_name(entry)]))
        if start is None and entries:
            start = self._start(entries[0], next(iter(members.values())))
        layers = [member.layer for member in members.values()]
        model = keras.Sequential(layers if start is None else [start, *layers], name=_model_name(self.settings))
        return Member(model, members)

    def _start(self, entry: Json, first: Member) -> Tensor | None:
        """Return the input of a model whose first layer says its shape; a nested one may leave it to its caller."""
        settings = entry["config"] if isinstance(entry["config"], dict) else {}
        shape = settings.get("batch_input_shape")
        if shape is None and isinstance(first.layer, keras.Model) and first.layer.built:
            return keras.tree.map_structure(
                lambda tensor: keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype), graph_of(first.layer).input
            )
        shape = shape or self.settings.get("build_input_shape")
        return None if shape is None else _input({"batch_input_shape": shape})


class _Functional:
    """A graph: each layer with its calls, which name the calls that their tensors come from."""

    def __init__(self, settings: Json) -> None:
        if not isinstance(settings, dict) or not isinstance(settings.get("layers"), list):
            raise SepzooError("expected a model with its layers. Received: a configuration without them.")
        self.settings = settings
        self.entries = {_name(entry): entry for entry in settings["layers"]}
        self.names = apart(self.entries)
        self.members: dict[str, Member] = {}
        self.tensors: dict[str, list[list[Tensor]]] = {name: [] for name in self.entries}
        # A nested model counts its calls from 1: its own construction was call 0.
        self.first: dict[str, int] = {}
        for name, call, _position in _references(settings, set(self.entries)):
            self.first[name] = min(call, self.first.get(name, call))

    def member(self) -> Member:
        names = self._input_names()
        for name, entry in self.entries.items():
            if entry["class_name"] == "InputLayer":
                self.tensors[name].append([_input({**entry["config"], "name": names.get(name, self.names[name])})])
            elif entry["class_name"] not in OPERATION_LAYERS:
                self.members[name] = member_from(_named(entry, self.names[name]))
        self._call_all()
        inputs, outputs = (self._ends(key) for key in ("input_layers", "output_layers"))
        trainable = self.settings.get("trainable", True)
        model = keras.Model(inputs, outputs, name=_model_name(self.settings))
        if not trainable:
            model.trainable = False
        return Member(model, self.members)

    def _input_names(self) -> dict[str, str]:
        """Return the inputs' new names where they come in a dictionary: Keras 3 wants them to be its keys."""
        inputs = self.settings["input_layers"]
        if not isinstance(inputs, dict):
            return {}
        return {reference[0]: key for key, reference in inputs.items() if key not in self.entries}

    def _call_all(self) -> None:
        """Call each layer as soon as the tensors that it takes are there, its own calls in their order."""
        waiting = {name: list(entry.get("inbound_nodes") or []) for name, entry in self.entries.items()}
        while any(waiting.values()):
            before = sum(map(len, waiting.values()))
            for name, nodes in waiting.items():
                while nodes and all(self._is_there(*ref) for ref in _references(nodes[0], set(self.entries))):
                    self._call(name, nodes.pop(0))
            if sum(map(len, waiting.values())) == before:
                stuck = next(name for name, nodes in waiting.items() if nodes)
                raise SepzooError(f"expected a graph without circles. Received: layer {stuck!r}, which waits for ever.")

    def _is_there(self, name: str, call: int, _position: int) -> bool:
        return call - self.first[name] < len(self.tensors[name])

    def _call(self, name: str, node: Json) -> None:
        first, kwargs = self._arguments(node)
        entry = self.entries[name]
        try:
            if entry["class_name"] in OPERATION_LAYERS:
                outputs = operation(str(entry["config"].get("function")), name)(first, **kwargs)
                _name_functions((first, kwargs), outputs, self.names[name] or "operation")
            else:
                outputs = _called(self.members[name].layer, first, kwargs, entry["config"])
        except SepzooError:
            raise
        except Exception as error:  # whatever Keras says of a layer on these tensors
            raise SepzooError(
                f"Keras cannot read this file: layer {name!r} ({entry['class_name']}) does not take what the file "
                f"gives it: {first_line(error)}"
            ) from error
        self.tensors[name].append(keras.tree.flatten(outputs))

    def _arguments(self, node: Json) -> tuple[Tensors, Kwargs]:
        """Return a call's first argument, and the others, which the file keeps beside each tensor of the first."""
        kwargs: dict[str, Json] = {}

        def resolve(part: Json) -> Tensors:
            if _is_reference(part, set(self.entries)):
                if len(part) > 3:
                    kwargs.update(part[3])
                return self._tensor(part)
            if isinstance(part, list) and part and part[0] == _CONSTANT:
                if len(part) > 3:
                    kwargs.update(part[3])
                return part[2]
            if _has_form_of_reference(part):
                raise SepzooError(
                    f"expected the outputs of the file's own layers. Received: {part[0]!r}, which it lacks."
                )
            if isinstance(part, dict):
                return {key: resolve(item) for key, item in part.items()}
            return [resolve(item) for item in part] if isinstance(part, list) else part

        first = resolve(node)
        others = {key: plain(resolve(item)) for key, item in list(kwargs.items())}
        return (first[0] if isinstance(first, list) and len(first) == 1 else first), others

    def _tensor(self, reference: Json) -> Tensor:
        name, call, position = reference[:3]
        return self.tensors[name][call - self.first[name]][position]

    def _ends(self, key: str) -> Tensors:
        """Return the model's inputs or outputs in the structure that it takes or gives; one alone is itself."""

        def resolve(part: Json) -> Tensors:
            if _is_reference(part, set(self.entries)):
                return self._tensor(part)
            if isinstance(part, dict):
                return {name: resolve(item) for name, item in part.items()}
            if not isinstance(part, list) or _has_form_of_reference(part):
                raise SepzooError(f"expected the outputs of the file's own layers. Received: {part!r}, which it lacks.")
            return [resolve(item) for item in part]

        ends = resolve(self.settings[key])
        return ends[0] if isinstance(ends, list) and len(ends) == 1 else ends


def _called(layer: Layer, first: Tensors, kwargs: Kwargs, settings: Json) -> Tensors:
    """Call a layer as Keras 2 did."""
    parameters = inspect.signature(layer.call).parameters
    told = {key: item for key, item in kwargs.items() if item is not None and key in parameters}
    if "initial_state" in parameters and isinstance(first, list):  # Keras 2 put a state beside its sequence
        first, *state = first
        told["initial_state"] = state
    if isinstance(settings, dict) and settings.get("causal"):
        told["use_causal_mask"] = True
    if isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential):
        first = keras.tree.pack_sequence_as(layer.input, keras.tree.flatten(first))
    return layer(first, **told)


def _name_functions(inputs: Tensors, outputs: Tensors, name: str) -> None:
    """Give the functions of one operation the layer's name: automatic names could be those of other layers."""
    tensors = [each for each in keras.tree.flatten(inputs) if isinstance(each, keras.KerasTensor)]
    for output in keras.tree.flatten(outputs):
        for number, function in enumerate(functions_between(tensors, output)):
            function.name = name if number == 0 else f"{name}_{number}"


def _references(part: Json, names: set[str]) -> Iterator[tuple[str, int, int]]:
    """Yield all the calls that a part of a configuration names."""
    if _is_reference(part, names):
        yield part[0], part[1], part[2]
        part = part[3:]
    if isinstance(part, list | dict):
        for item in part.values() if isinstance(part, dict) else part:
            yield from _references(item, names)


def _is_reference(part: Json, names: set[str]) -> bool:
    return _has_form_of_reference(part) and part[0] in names


def _has_form_of_reference(part: Json) -> bool:
    return (
        isinstance(part, list)
        and len(part) in (3, 4)
        and isinstance(part[0], str)
        and all(type(number) is int for number in part[1:3])
    )


def _name(entry: Json) -> str:
    return str(entry.get("name") or entry["config"]["name"])


def _named(entry: Json, name: str) -> Json:
    """Return an entry with the name that its layer is to have."""
    return {**entry, "config": {**entry["config"], "name": name}} if isinstance(entry["config"], dict) else entry


def _model_name(settings: dict[str, Json]) -> str | None:
    return plain_name(settings.get("name"))
