"""Where a `.tflite` file loses what its network knows: the error of each layer's output, the worst first."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import origin_of
from sepzoo.export.formats.tflite_operators import FileOperator, operators_of
from sepzoo.export.output_scales import output_factors
from sepzoo.export.preparation import deployable
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.inference.tflite_file import read_content
from sepzoo.layers.graph import graph_of, maker, nodes
from sepzoo.records.inputs import Features
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.support.quiet import errors_only
from sepzoo.support.table import table
from sepzoo.support.types import Arrays, Json, Tensor

SAMPLES = 64
"""Samples that are looked at; the first of those that are given."""

_BATCH = 8


@dataclasses.dataclass(frozen=True)
class LayerError:
    """How far a layer's output in a file is from the network's.

    Attributes:
        layer: its name in the network; of several that the file computes at once that with weights.
        operator: what the file computes it by, such as "DEPTHWISE_CONV_2D".
        tensor: name of the file's tensor.
        snr: signal-to-noise ratio in dB: ten times the logarithm to base 10 of the power of the network's output over
            that of the difference; 6 more are a bit more. None where nothing differs.
        mean_share: share of the difference's power that is a shift of the channels' means, which another bias would
            take back.
        place: which operator of the file it is, from 0.
    """

    layer: str
    operator: str
    tensor: str
    snr: float | None
    mean_share: float
    place: int = 0


@dataclasses.dataclass(frozen=True)
class LayerErrors:
    """The errors of a file's layers, the worst first. `print` shows them as a table.

    What errs in one layer is in the input of the next, so the errors add up along the network: look for the layers
    behind which the ratio falls.

    Attributes:
        path: of the file.
        network: name of the network.
        samples: that were looked at, in words.
        layers: the worst first. A layer whose output does not stand in the file is not among them.

    Example:
        >>> error = LayerError("stem", "CONV_2D", "net/stem/Relu", 31.25, 0.5)
        >>> print(LayerErrors(Path("net.tflite"), "net", "noise", (error,)))
        layer  operator       SNR  shift of means
        stem   CONV_2D   31.25 dB            0.50
    """

    path: Path
    network: str
    samples: str
    layers: tuple[LayerError, ...]

    def worst(self, count: int = 3) -> str:
        """Return the worst ones in words."""
        return ", ".join(f"{each.layer} {_decibels(each)}" for each in self.layers[:count])

    def to_json(self) -> str:
        """Return all of it as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False, default=str)

    def __str__(self) -> str:
        rows = [[each.layer, each.operator, _decibels(each), f"{each.mean_share:.2f}"] for each in self.layers]
        return table(["layer", "operator", "SNR", "shift of means"], rows, left=2)


def _decibels(error: LayerError) -> str:
    return "exact" if error.snr is None else f"{error.snr:.2f} dB"


def layer_errors(
    model: keras.Model,
    path: str | os.PathLike[str],
    samples: Samples | Arrays,
    *,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
) -> LayerErrors:
    """Return how far the output of each layer of a `.tflite` file is from that of its network.

    The file runs in LiteRT as it does elsewhere, and its own tensors are read there. The network is held against it as
    it was given, in float32; only batch norm is folded. Channels that were scaled in the file are scaled back first.

    Args:
        model: that the file was exported from; it is only read.
        path: of the file.
        samples: like those that it will see; the first 64 are used.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels.
        outputs: what the model gives, instead of what it says or its graph shows.

    Raises:
        SepzooError: no `.tflite` file, or one of another network.

    Example:
        >>> import sepzoo, tempfile
        >>> from sepzoo.data import draw_samples, open_digits
        >>> network = sepzoo.applications.build("cifar_mobilenetv1_w1d4")
        >>> digits = draw_samples(open_digits(image_size=(32, 32), channels=3), 20, seed=0)
        >>> report = sepzoo.export.tflite(network, tempfile.mkdtemp() + "/net.tflite", quantize="int8",
        ...     calibration=digits, tolerance=sepzoo.export.Tolerance())
        >>> found = layer_errors(network, report.path, digits)
        >>> found.layers[0].snr < found.layers[-1].snr
        True
    """
    return errors_of(from_model(model, preprocessing=preprocessing, features=features, outputs=outputs), path, samples)


def errors_of(classifier: KerasClassifier, path: str | os.PathLike[str], samples: Samples | Arrays) -> LayerErrors:
    """Return what `layer_errors` does, for a model with what is said of it."""
    path = Path(path)
    some = as_samples(classifier, samples, "run the layers").taken(slice(SAMPLES))
    classifier = saying_inputs(classifier, some)
    content = path.read_bytes()
    file = read_content(content, path, keep_all=True)
    ready = deployable(classifier, whole=True)
    places = _places(content, ready)
    if not any(place.operator.steps for place in places):
        raise SepzooError(
            f"{path}: expected a file that was exported from {classifier.name!r}. Received: one in which none of its "
            "layers is found. Name the model that the file was made of."
        )
    with errors_only("tensorflow"):  # which warns of every model that it compiles
        reference = keras.Model(graph_of(ready).inputs, [place.output for place in places])
    sums = [_Sums() for _ in places]
    given = classifier.batches(some.images, _BATCH)
    own = file.batches(some.images, 1)
    for batch in counted(given, -(-len(some) // _BATCH), "batches looked at layer by layer"):
        right = keras.tree.flatten(reference.predict_on_batch(_listed(batch)))
        for row in range(len(right[0])):
            file.run(next(own))
            for place, total, values in zip(places, sums, right, strict=True):
                found = _real(file.interpreter, place.operator.output).reshape(values[row].shape)
                total.add(values[row], found.astype(np.float64) / place.factors)
    errors = [total.error(place) for place, total in zip(places, sums, strict=True)]
    worst = sorted(errors, key=lambda each: math.inf if each.snr is None else each.snr)
    return LayerErrors(path, classifier.name, origin_of(some), tuple(worst))


@dataclasses.dataclass(frozen=True, eq=False)
class _Place:
    """A layer's output, in the network and in the file.

    Attributes:
        output: the network's tensor.
        layer: as `LayerError` has it.
        operator: of the file.
        number: of the operator.
        factors: by which the file's channels are larger than the network's.
    """

    output: Tensor
    layer: str
    operator: FileOperator
    number: int
    factors: np.ndarray | float


class _Sums:
    """What is added up of a layer's outputs."""

    def __init__(self) -> None:
        self.signal = self.noise = 0.0
        self.count = 0
        self.shift: np.ndarray | float = 0.0

    def add(self, right: np.ndarray, found: np.ndarray) -> None:
        """Take in one sample."""
        difference = found - right
        self.signal += float(np.square(right, dtype=np.float64).sum())
        self.noise += float(np.square(difference).sum())
        flat = difference.reshape(-1, right.shape[-1])
        self.count += len(flat)
        self.shift = self.shift + flat.sum(axis=0)

    def error(self, place: _Place) -> LayerError:
        """Return what comes of it."""
        snr, share = None, 0.0
        if self.noise:
            snr = 10 * math.log10(max(self.signal, np.finfo(np.float64).tiny) / self.noise)
            share = float(np.square(self.shift).sum()) / self.count / self.noise
        return LayerError(place.layer, place.operator.name, place.operator.tensor, snr, share, place.number)


def _places(content: bytes, ready: keras.Model) -> list[_Place]:
    """Return where each layer's output stands, in the order of the file.

    Args:
        content: of the file.
        ready: the network, deployable.
    """
    once = {name: made for name, made in _outputs(ready).items() if len(made) == 1}
    order = {name: number for number, name in enumerate(once)}
    weighted = {layer.name for layer in ready.layers if layer.weights}
    factors = output_factors(content, ready)
    graph = schema.Model.GetRootAs(content, 0).Subgraphs(0)
    last = tuple(maker(tensor).name for tensor in ready.outputs)
    found: dict[str, _Place] = {}
    for number, operator in enumerate(operators_of(content)[: graph.OperatorsLength()]):
        if operator.name in ("QUANTIZE", "DEQUANTIZE"):
            continue
        steps = operator.steps or (last if len(last) == 1 else ())  # an output's tensor is called by none
        known = sorted((step for step in steps if step in order), key=lambda step: order[step])
        if not known:
            continue
        [output] = once[known[-1]]  # of several in one operator the last gives what comes out
        for step in known[:-1]:  # an operator before gave only the first part of it, as of a separable convolution
            found.pop(step, None)
        if math.prod(output.shape[1:]) == math.prod(graph.Tensors(operator.output).ShapeAsNumpy()):
            layer = next((step for step in known if step in weighted), known[0])
            found[known[-1]] = _Place(output, layer.rpartition(".")[0], operator, number, factors.get(known[-1], 1.0))
    return list(found.values())


def _outputs(model: keras.Model) -> dict[str, list[Tensor]]:
    """Return what each operation gives, by its name in the order of the graph."""
    found: dict[str, list[Tensor]] = {}
    for node in nodes(model):
        found.setdefault(node.operation.name, []).extend(node.outputs)
    return found


def _real(interpreter: Interpreter, number: int) -> np.ndarray:
    """Return a tensor's values as real numbers."""
    detail: Json = interpreter._get_tensor_details(number, 0)
    scale, zero = detail["quantization"]
    values = interpreter.get_tensor(number)
    return (values.astype(np.float64) - zero) * scale if scale else values


def _listed(batch: Arrays) -> Arrays | Sequence[np.ndarray]:
    """Return the arrays of several inputs in a list, as the deployable network takes them."""
    return list(batch.values()) if isinstance(batch, Mapping) else batch
