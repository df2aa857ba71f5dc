"""A network made to compute with numbers rounded as those of its int8 file will be, ready to be trained so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.compression.places import divided, rounds_output
from sepzoo.data.samples import Samples
from sepzoo.export.preparation import deployable, deployed, require_calibratable
from sepzoo.export.taken_inputs import calibration_values
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.tensors import file_names
from sepzoo.layers.fake_quantization import CHANNEL_AXES, QuantizedKernel, QuantizedOutput, first_steps
from sepzoo.layers.graph import graph_of, layers_of, maker
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import Layer, Tensor, Tensors
from sepzoo.surgery.exact.separable_pairs import split_separable
from sepzoo.surgery.walk.rewriting import Part, Replacement, rewrite
from sepzoo.surgery.walk.sites import Site, sites

Range = tuple[float, float]
_BATCH = 16
_REFUSED = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


def rounding(classifier: KerasClassifier, samples: Samples) -> tuple[keras.Model, keras.Model, dict[str, np.ndarray]]:
    """Return a network twice, as it will be deployed: in float32, and with layers that round as its int8 file will.

    Batch norm is folded, so what is trained from here on are kernels, biases and steps. Kernels of convolutions have a
    step for each output channel, those of dense layers one; what a layer gives has a lowest and a highest value. Steps
    begin at the largest weight and at the lowest and highest value that the samples cause.

    Args:
        classifier: the model, saying what its inputs take (`saying_inputs`); it is only read.
        samples: like those that the network will see.

    Returns:
        The float network, the rounding one, and the samples as both take them, by the names of their inputs.

    Raises:
        SepzooError: what `sepzoo.export.tflite` raises for a model that it can't calibrate, or samples that show
            nothing.
    """
    require_calibratable(classifier.model, "tflite:int8")
    _require_known_steps(classifier.model)
    ready = deployable(classifier, whole=True)
    values = calibration_values(classifier, samples, ready)
    plain, _ = rewrite(split_separable(ready)[0], divided)
    work = _Rounding(plain, values)
    rounded, _ = rewrite(plain, work.rule)
    for layer in rounded.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False  # one that could not be folded keeps its statistics, as in the file
    names = [[each.name for each in tensors] for tensors in (classifier.input_tensors, classifier.output_tensors)]
    said = deployed(classifier).renamed(*(dict(zip(each, file_names(map(str, each)), strict=True)) for each in names))
    for model in (plain, rounded):
        model_file.attach(model, said)
    return plain, rounded, values


def _require_known_steps(model: keras.Model) -> None:
    """Raise for layers that TensorFlow's converter refuses between steps that were learned."""
    for name, layer in layers_of(model):
        if isinstance(layer, _REFUSED):
            raise SepzooError(
                f"expected layers that can be trained as tflite:int8 rounds. Received: {model.name!r}, whose "
                f"layer {name!r} is a {type(layer).__name__}, which TensorFlow's converter refuses between learned "
                "steps. Export tflite:int8 without training: it calibrates such layers."
            )


class _Rounding:
    """What becomes of each layer: its kernel is rounded, and what goes in or comes out where the file rounds that."""

    def __init__(self, model: keras.Model, values: Mapping[str, np.ndarray]) -> None:
        self.places = {id(site.layer) for site in sites(model) if rounds_output(site)}
        inputs = [tensor for tensor in graph_of(model).inputs if "float" in tensor.dtype]
        outputs = [
            tensor
            for site in sites(model)
            if id(site.layer) in self.places
            for call in site.calls
            for tensor in call.outputs
        ]
        found = _ranges(model, [*inputs, *outputs], values)
        self.of_inputs = {maker(tensor).name: each for tensor, each in zip(inputs, found, strict=False)}
        self.of_outputs = dict(zip(map(id, outputs), found[len(inputs) :], strict=True))
        self.at_inputs: dict[str, Layer] = {}

    def rule(self, site: Site) -> Replacement | None:
        """Return what takes a layer's place."""
        if len(site.calls[0].inputs) > 1 and not isinstance(site.layer, keras.layers.Add.__base__):
            return None
        config = site.layer.get_config()  # penalties were chosen for other weights: batch norm is folded into these
        layer = type(site.layer).from_config({k: None if k.endswith("_regularizer") else v for k, v in config.items()})
        weights = site.layer.get_weights()
        if type(layer) in CHANNEL_AXES:
            steps = first_steps(np.asarray(site.layer.kernel), CHANNEL_AXES[type(layer)])
            layer, weights = QuantizedKernel(layer), [steps, *weights]
        parts = [Part(layer, weights)]
        sources = {maker(tensor).name for call in site.calls for tensor in call.inputs} & self.of_inputs.keys()
        for name in sorted(sources - self.at_inputs.keys()):
            self.at_inputs[name] = QuantizedOutput(name=f"{name}_rounded", trainable=False)
            self.at_inputs[name].build(())  # a shared layer's first call may be on another input
            parts.append(Part(self.at_inputs[name], _bounds([self.of_inputs[name]])))
        behind = None
        if id(site.layer) in self.places:
            behind = QuantizedOutput(name=f"{site.layer.name}_output")
            outputs = [tensor for call in site.calls for tensor in call.outputs]
            parts.append(Part(behind, _bounds([self.of_outputs[id(tensor)] for tensor in outputs])))
        if len(parts) == 1 and not sources and not isinstance(layer, QuantizedKernel):
            return None

        def apply(x: Tensors) -> Tensor:
            found = layer(keras.tree.map_structure(self._rounded, x))
            return found if behind is None else behind(found)

        return Replacement(tuple(parts), "rounds", apply=apply)

    def _rounded(self, tensor: Tensor) -> Tensor:
        """Return a tensor, rounded where it is an input of the network."""
        layer = self.at_inputs.get(maker(tensor).name) if isinstance(maker(tensor), keras.layers.InputLayer) else None
        return tensor if layer is None else layer(tensor)


def _bounds(ranges: Sequence[Range]) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a layer that rounds: the bounds of all its calls, zero between them."""
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    return np.array(min(low, 0.0), "float32"), np.array(max(high, 0.0), "float32")


def _ranges(model: keras.Model, tensors: Sequence[Tensor], values: Mapping[str, np.ndarray]) -> list[Range]:
    """Return the lowest and the highest number that each of a network's tensors holds for any of the samples."""
    axes = [tuple(range(1, len(tensor.shape))) for tensor in tensors]
    lowest = [keras.ops.min(tensor, axis=each) if each else tensor for tensor, each in zip(tensors, axes, strict=True)]
    highest = [keras.ops.max(tensor, axis=each) if each else tensor for tensor, each in zip(tensors, axes, strict=True)]
    with errors_only("tensorflow"):  # which warns of every model that it compiles
        bounds = keras.Model(graph_of(model).inputs, [*lowest, *highest])
        found = keras.tree.flatten(bounds.predict(list(values.values()), batch_size=_BATCH, verbose=0))
    half = len(tensors)
    return [(float(low.min()), float(high.max())) for low, high in zip(found[:half], found[half:], strict=True)]
