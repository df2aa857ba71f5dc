"""A trained network made ready to leave: built-in layers, batch norm folded, float32, probabilities out."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

import keras
import numpy as np

from sepzoo.export.channels_last import channels_last
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.tensors import OutputTensor, file_names
from sepzoo.layers.cloning import clone, copy_state, half_precision, parts_of
from sepzoo.layers.embedded_inputs import only_looked_up, rows_looked_up
from sepzoo.layers.graph import graph_of, input_of, layers_of, maker, replay, run
from sepzoo.layers.scope_names import scope_name
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output, OutputKind
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Args, Kwargs, Layer, Operation, Tensor
from sepzoo.surgery.exact.builtin_layers import expand
from sepzoo.surgery.exact.depth_multipliers import split_all
from sepzoo.surgery.exact.folding import fold
from sepzoo.surgery.walk.plan import Plan

_SIXTEEN_BITS = "int16x8"
_BY_TENSORFLOW = ("tflite", "browser")

Shapes: TypeAlias = "tuple[int, ...] | Mapping[str, tuple[int, ...]]"
"""The shape of one sample; of several inputs their shapes by name."""


def require_tensorflow(target: str) -> None:
    """Raise where Keras computes with another library: the converters take TensorFlow's graphs.

    Raises:
        SepzooError: Keras runs on JAX or PyTorch.
    """
    if keras.backend.backend() != "tensorflow":
        raise SepzooError(
            f"{target} needs Keras on TensorFlow. Received: KERAS_BACKEND={keras.backend.backend()}. Save the model, "
            "and export it in a process with KERAS_BACKEND=tensorflow."
        )


def require_float(model: keras.Model) -> None:
    """Raise where Keras itself quantized a layer: no converter takes its integer kernels.

    Raises:
        SepzooError: a layer on which `quantize` was called.
    """
    for name, layer in layers_of(model):
        mode = getattr(layer, "quantization_mode", None)
        if mode:
            raise SepzooError(
                f"expected a model of floating weights. Received: {model.name!r}, whose layer {name!r} Keras quantized "
                f"to {mode}. Export the model as it was before quantize(): the file is quantized here."
            )


def require_stateless(model: keras.Model) -> None:
    """Raise where a layer keeps its state from call to call: a file would answer by what it was asked before.

    Raises:
        SepzooError: a recurrent layer with `stateful=True`.
    """
    for name, layer in layers_of(model):
        if any(isinstance(part, keras.layers.RNN) and part.stateful for part in parts_of(layer)):
            raise SepzooError(
                f"expected layers that answer each sample by itself. Received: {model.name!r}, whose layer {name!r} "
                "keeps its state from call to call. Build the network with stateful=False and load the weights into it."
            )


def require_calibratable(model: keras.Model, target: str) -> None:
    """Raise where TensorFlow's converter can't calibrate: it ends the process at a recurrent layer that runs as a loop.

    OpenVINO and ONNX Runtime do it by themselves, and leave what a loop computes as it is.

    Raises:
        SepzooError: a recurrent layer without `unroll=True`, or for 16-bit activations an input of whole numbers.
    """
    if not target.startswith(_BY_TENSORFLOW):
        return
    for tensor in graph_of(model).inputs if target.endswith(_SIXTEEN_BITS) else ():
        if not keras.backend.is_float_dtype(tensor.dtype) or rows_looked_up(model, tensor) is not None:
            raise SepzooError(
                f"{target}: expected inputs of floating numbers. Received: {model.name!r}, whose input "
                f"{maker(tensor).name!r} takes whole numbers, which TensorFlow's converter can't calibrate. Export "
                "tflite:int8."
            )
    for name, layer in layers_of(model):
        if any(isinstance(part, keras.layers.RNN) and not part.unroll for part in parts_of(layer)):
            raise SepzooError(
                f"{target}: expected layers that run without a loop. Received: {model.name!r}, whose recurrent layer "
                f"{name!r} TensorFlow's converter can't calibrate. Take tflite:float32, tflite:float16 or "
                "tflite:dynamic, or build the layer with unroll=True."
            )


def require_computed(model: keras.Model) -> None:
    """Raise where an output is an input as it came: TensorFlow's converter takes the one for the other.

    Raises:
        SepzooError: there is such an output.
    """
    for tensor in graph_of(model).outputs:
        if isinstance(maker(tensor), keras.layers.InputLayer):
            raise SepzooError(
                f"expected outputs that the model computes. Received: {model.name!r}, which gives its input "
                f"{maker(tensor).name!r} back. Leave it out: keras.Model(model.inputs, outputs)."
            )


def shapes_of(classifier: Classifier) -> Shapes:
    """Return the shape of one sample, of several inputs by name."""
    if len(classifier.input_tensors) == 1:
        return classifier.input_shape
    return {str(each.name): each.shape for each in classifier.input_tensors}


def deployed(classifier: Classifier) -> Metadata:
    """Return what the file of a model will carry: its metadata, with the softmax that is added to logits."""
    several = len(classifier.output_tensors) > 1
    outputs = tuple(
        Output(_deployed_kind(output.kind, tensor), output.name if several else None)
        for output, tensor in zip(classifier.outputs, classifier.output_tensors, strict=True)
    )
    return dataclasses.replace(classifier.metadata, outputs=outputs)


def _deployed_kind(kind: OutputKind, tensor: OutputTensor) -> OutputKind:
    if kind != "logits":
        return kind
    return "sigmoid" if math.prod(tensor.shape) == 1 else "softmax"


def deployable(classifier: KerasClassifier, *, whole: bool = False) -> keras.Model:
    """Return a copy that computes the same in inference and that converters take well.

    Factorized layers become built-in ones, batch norm is folded, depth multipliers become branches, lower precision
    becomes float32, nested models are inlined, what acts in training alone is left out, and logits get their softmax.
    Channels that come first are computed with channels last, between inputs and outputs of the model's own shapes.
    Operations get names that are unique: "add.1" for the first "add". Several inputs come in a list and several outputs
    in a dictionary, called as `file_names` calls them.

    Args:
        classifier: the model and what is said of it; it is only read.
        whole: whether inputs that embeddings alone look up are int32, whatever the model calls them: rounded as other
            numbers are, they would be those of other words.
    """
    require_float(classifier.model)
    require_computed(classifier.model)
    require_stateless(classifier.model)
    plan = Plan(channels_last(_flat(_of_built_in_layers(classifier.model), classifier, whole=whole)))
    fold(plan)
    split_all(plan)
    return plan.finish()[0]


def _of_built_in_layers(model: keras.Model) -> keras.Model:
    """Return a copy without factorized layers; a mere copy is not run, since the file will be compared."""
    plan = Plan(model)
    expand(plan)
    if plan.replaces:
        return plan.finish()[0]
    plan.carry_out()
    return plan.model


def _flat(model: keras.Model, classifier: Classifier, *, whole: bool) -> keras.Model:
    """Return a model of its own layers, which nobody else may use, in float32 and without nesting."""
    inputs = [str(each.name) for each in classifier.input_tensors]
    names = file_names(inputs) if len(inputs) > 1 else ("image",)
    sources = []
    for name, given in zip(names, graph_of(model).inputs, strict=True):
        dtype = "float32" if given.dtype in ("float16", "bfloat16") else given.dtype
        as_whole = whole and only_looked_up(model, given)
        sources.append(keras.Input(given.shape[1:], dtype="int32" if as_whole else dtype, name=name))
    found = keras.tree.flatten(replay(model, sources, _Flattening().call, inside=True))
    several = len(found) > 1
    results = {}
    called = file_names(str(each.name) for each in classifier.output_tensors)
    for name, output, outputs in zip(called, classifier.outputs, found, strict=True):
        logits = output.kind == "logits"
        results[name] = _with_probabilities(outputs, f"{name}." if several else "") if logits else outputs
    outputs = results if several else results[called[0]]
    return keras.Model(sources if len(sources) > 1 else sources[0], outputs, name=scope_name(model.name))


def _with_probabilities(outputs: Tensor, prefix: str) -> Tensor:
    """Return the probabilities of logits; the layers that make them get names that begin with the prefix."""
    head: Layer = keras.layers.Softmax(name=f"{prefix}probability", dtype="float32")
    if all(size == 1 for size in outputs.shape[1:]):
        head = keras.layers.Activation("sigmoid", name=f"{prefix}probability", dtype="float32")
    elif outputs.shape[-1] == 1:
        outputs = keras.layers.Flatten(name=f"{prefix}scores", dtype="float32")(outputs)
    return head(outputs)


class _Flattening:
    """A walk that inlines nested models, renames operations, and replaces layers of lower precision."""

    def __init__(self) -> None:
        self.new: dict[int, Operation] = {}
        self.names: Counter[str] = Counter()

    def call(self, operation: Operation, args: Args, kwargs: Kwargs) -> Tensor:
        """Repeat one operation's call."""
        if _acts_in_training_alone(operation, args, kwargs):
            return input_of(args, kwargs)
        known = self.new.get(id(operation))
        new = self.new[id(operation)] = known or self._renamed(operation)
        outputs = run(new, args, kwargs)  # in inference mode, whatever the layer does where nobody says
        if new is not operation and known is None:
            copy_state(operation, new, operation.name)
        return outputs

    def _renamed(self, operation: Operation) -> Operation:
        """Return an operation in float32, of a name that no other has, nor any that Keras gives by itself."""
        new = operation
        if half_precision(operation):
            new = clone(operation, operation.name)
            for part in half_precision(new):
                part.dtype_policy = "float32"
        plain = scope_name(operation.name)
        self.names[plain] += 1
        mark = "-" if keras.backend.backend() == "torch" else "."  # PyTorch has no full stop in names of parameters
        new.name = f"{plain}{mark}{self.names[plain]}"
        return new


def _acts_in_training_alone(operation: Operation, args: Args, kwargs: Kwargs) -> bool:
    """Return whether a layer gives back in inference what it takes: tried on random numbers.

    Whatever `training` a call was recorded with (augmentation layers record True by themselves), Keras runs it with
    False in inference.
    """
    if not isinstance(operation, keras.layers.Layer) or operation.weights:
        return False
    source = input_of(args, kwargs)
    if "training" not in inspect.signature(operation.call).parameters or not isinstance(source, keras.KerasTensor):
        return False
    shape = (2, *(size or 8 for size in source.shape[1:]))
    values = np.random.default_rng(0).normal(0, 300, shape).astype("float32")
    with keras.device("cpu:0"):
        given = np.asarray(keras.ops.cast(operation(values, training=False), "float32"))
    return bool(given.shape == values.shape and (given == values).all())
