"""The modes of `.tflite` files: how each is made of a prepared network, and what it may differ by."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from sepzoo.export.formats import tflite_converter, tflite_recipes
from sepzoo.export.formats.tflite_channel_affine import with_fast_affine
from sepzoo.export.formats.tflite_gpu import refused_by_gpu
from sepzoo.export.formats.tflite_operators import (
    Change,
    FileOperator,
    chosen,
    operators_of,
    require_built_in,
    require_layers,
    with_own_weights,
)
from sepzoo.export.formats.tflite_options import Edges, TfliteOptions
from sepzoo.export.formats.tflite_range_limits import within_limits
from sepzoo.export.formats.tflite_ranges import narrowed_where_better
from sepzoo.export.formats.tflite_recipes import Rule
from sepzoo.export.prepared import Prepared
from sepzoo.export.rounding import INTEGERS, WEIGHTS, Rounding
from sepzoo.export.target import Converted
from sepzoo.export.tolerance import EXACT, QUANTIZED, QUANTIZED_WEIGHTS, ROUNDED, Tolerance
from sepzoo.layers.graph import maker
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Operation

_OUTPUTS = "outputs"
"""How the operators that compute several outputs are called."""

Kind = Literal["floats", "integers", "integers_16", "recipe"]


@dataclasses.dataclass(frozen=True)
class Mode:
    """A way of storing and computing.

    Attributes:
        name: as `quantize` takes it.
        kind: which of the ways below makes it.
        tolerance: the default one.
        weights: how a file that computes in floats stores them.
        rounds_from: how many elements a kernel has at least that is rounded to 8 bits or less; None: none is.
        rounding: how.
        edges: the type of the inputs and outputs of a file of integers, where nobody says.
        edges_vary: whether somebody may.
        recipe: rules of ai-edge-quantizer.
    """

    name: str
    kind: Kind
    tolerance: Tolerance
    weights: Literal["float32", "float16", "int8"] = "float32"
    rounds_from: int | None = None
    rounding: Rounding = WEIGHTS
    edges: Edges = "float"
    edges_vary: bool = False
    recipe: tuple[Rule, ...] = ()

    @property
    def calibrated(self) -> bool:
        """Whether activations are integers, whose ranges come from samples."""
        return self.kind.startswith("integers") or any(rule.activation_bits for rule in self.recipe)

    @property
    def is_for_gpus(self) -> bool:
        """Whether phones compute it on their GPUs: floats throughout."""
        return self.kind == "floats" and self.weights != "int8"

    @property
    def keeps_float(self) -> bool:
        """Whether single layers may stay float."""
        return self.kind in ("integers", "recipe")

    def make(self, prepared: Prepared, options: TfliteOptions, float_tensors: Collection[str] = ()) -> bytes:
        """Return the file's bytes, without metadata.

        Args:
            prepared: the network.
            options: what was chosen.
            float_tensors: names of the tensors whose operators stay float.
        """
        saved, sizes, name = saved_model(prepared, options), options.sizes, prepared.model.name
        if self.kind == "floats":
            return tflite_converter.floats(saved, weights=self.weights)
        if self.kind == "integers_16":
            return tflite_converter.integers_16(saved, prepared.values or {}, name, batch_sizes=sizes)
        source = with_own_weights(self.source(prepared, options), float_tensors, _corrected(prepared))
        if self.kind == "integers":
            edges = options.edges or self.edges
            return tflite_converter.integers(
                source, edges=edges, per_channel=self.rounding.per_channel, float_tensors=float_tensors
            )
        return tflite_recipes.rounded(
            source, self.recipe, prepared.values, batch_sizes=sizes, float_tensors=float_tensors
        )

    def source(self, prepared: Prepared, options: TfliteOptions) -> bytes:
        """Return the float file that is rounded: for integers with the ranges of its tensors; made once."""
        file = f"{self.kind}{_tag(options)}.tflite"
        return prepared.once(file, lambda path: path.write_bytes(self._source(prepared, options))).read_bytes()

    def _source(self, prepared: Prepared, options: TfliteOptions) -> bytes:
        saved, values = saved_model(prepared, options), prepared.values or {}
        if self.kind != "integers":
            return tflite_converter.floats(saved)
        content = within_limits(
            tflite_converter.calibrated(saved, values, prepared.model.name, batch_sizes=options.sizes)
        )
        if not prepared.narrows:
            return content
        return narrowed_where_better(
            content,
            values,
            exact=_with_all_own_weights(content, prepared),
            rounded=functools.partial(tflite_converter.integers, edges="float", per_channel=self.rounding.per_channel),
        )

    def exact(self, prepared: Prepared, options: TfliteOptions) -> bytes:
        """Return the float file with the network's own weights: what it answers is right."""
        return _with_all_own_weights(self.source(prepared, options), prepared)

    def operators(self, prepared: Prepared, options: TfliteOptions) -> tuple[FileOperator, ...]:
        """Return the operators of the float file that is rounded."""
        weighted = {_own_name(layer) for layer in prepared.model.layers if layer.weights}
        last = {_own_name(maker(tensor)) for tensor in prepared.model.outputs}
        return operators_of(self.source(prepared, options), weighted, last.pop() if len(last) == 1 else _OUTPUTS)


def convert(
    prepared: Prepared, path: Path, *, mode: Mode, options: TfliteOptions, float_tensors: tuple[str, ...] = ()
) -> Converted:
    """Write a `.tflite` file, which gets no metadata yet.

    Args:
        prepared: the network; the ranges of integers come from its calibration samples.
        path: of the file.
        mode: the way.
        options: what was chosen.
        float_tensors: what a search found; names of tensors whose operators stay float.

    Raises:
        SepzooError: an operator that not every runtime has, a pattern that fits no layer, or a network with a loop that
            would have to be calibrated.
    """
    kept: dict[str, None] = {}
    if options.patterns or float_tensors:
        operators = mode.operators(prepared, options)
        float_tensors = float_tensors or chosen(operators, options.patterns, prepared.layers)
        kept = {each.layers[0]: None for each in operators if each.tensor in float_tensors and each.layers}
    content = mode.make(prepared, options, float_tensors)
    require_built_in(content, prepared.model.name)
    path.write_bytes(content)
    more = len(content) - len(mode.make(prepared, options)) if float_tensors else 0
    refusals = refused_by_gpu(content) if mode.is_for_gpus else None
    return Converted(float_layers=tuple(kept), float_bytes=more, gpu_refusals=refusals)


def check_options(mode: Mode, options: TfliteOptions) -> None:
    """See that a mode has what was chosen.

    Raises:
        SepzooError: it hasn't.
    """
    if options.edges is not None and options.edges != mode.edges and not mode.edges_vary:
        raise SepzooError(
            f"expected a mode of 8-bit integers to choose the type of inputs and outputs of: {_names('edges_vary')}. "
            f"Received: {mode.name}, whose inputs and outputs are {mode.edges}."
        )
    if (options.patterns or options.searches) and not mode.keeps_float:
        raise SepzooError(
            f"expected a mode in which single layers can stay float: {_names('keeps_float')}. Received: {mode.name}."
        )


def require_named(model: keras.Model, layers: Collection[str], *, options: TfliteOptions) -> None:
    """See that a network has the layers that shall stay float.

    Args:
        model: the prepared network.
        layers: names of the layers of the model as it was given.
        options: what was chosen.

    Raises:
        SepzooError: it hasn't one of them.
    """
    made = (operation for operation in model.operations if not isinstance(operation, keras.layers.InputLayer))
    names = {_own_name(operation) for operation in made}
    require_layers(names | ({_OUTPUTS} if len(model.outputs) > 1 else set()), options.patterns, layers)


def _names(having: str) -> str:
    return ", ".join(mode.name for mode in MODES.values() if getattr(mode, having))


def _own_name(operation: Operation) -> str:
    """Return the name of a prepared network's layer without its number."""
    return str(operation.name.rpartition(".")[0] or operation.name)


def _with_all_own_weights(content: bytes, prepared: Prepared) -> bytes:
    return with_own_weights(content, [each.tensor for each in operators_of(content)], _corrected(prepared))


def _corrected(prepared: Prepared) -> dict[str, list[Change]]:
    """Return the weights of each corrected layer as a file holds them, and what they were before."""
    found = {}
    for name, own in prepared.own_weights.items():
        layer = prepared.model.get_layer(name)
        pairs = zip(layer.get_weights(), own, strict=True)
        found[name.rpartition(".")[0]] = [(_stored(layer, new), _stored(layer, before)) for new, before in pairs]
    return found


def _stored(layer: Layer, weights: np.ndarray) -> np.ndarray:
    """Return a layer's kernel in the order in which a file stores it; a bias as it is."""
    if weights.ndim == 1:
        return weights
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        return weights.reshape(1, *weights.shape[:2], -1)
    return np.moveaxis(weights, -1, 0)


def saved_model(prepared: Prepared, options: TfliteOptions) -> Path:
    """Return the SavedModel that a mode is made of, and all others of the call that were prepared alike."""

    def save(path: Path) -> None:
        model = prepared.model if prepared.keeps_steps else with_fast_affine(prepared.model)
        tflite_converter.save(model, path, batch_sizes=options.sizes)

    return prepared.once(f"saved_model{_tag(options)}", save)


def _tag(options: TfliteOptions) -> str:
    return "".join(f"_{size}" for size in options.sizes[1:])


MODES = {
    mode.name: mode
    for mode in (
        Mode("float32", "floats", EXACT),
        Mode("float16", "floats", ROUNDED, weights="float16"),
        Mode("dynamic", "floats", QUANTIZED_WEIGHTS, weights="int8", rounds_from=1024),
        Mode("int8", "integers", QUANTIZED, rounds_from=0, rounding=INTEGERS, edges="uint8", edges_vary=True),
        Mode("int8_float_io", "integers", QUANTIZED, rounds_from=0, rounding=INTEGERS),
        Mode(
            "int8_per_tensor",
            "integers",
            QUANTIZED,
            rounds_from=0,
            rounding=Rounding(per_channel=False, by_outputs=True, narrows=True),
            edges="uint8",
            edges_vary=True,
        ),
        Mode("int16x8", "integers_16", QUANTIZED, rounds_from=0),
        Mode("weights_int8", "recipe", QUANTIZED_WEIGHTS, rounds_from=0, recipe=tflite_recipes.WEIGHTS_INT8),
        Mode(
            "weights_int4",
            "recipe",
            QUANTIZED,
            rounds_from=0,
            rounding=Rounding(largest=7, depthwise=None, by_outputs=True),
            recipe=tflite_recipes.WEIGHTS_INT4,
        ),
        Mode(
            "weights_int4_int8",
            "recipe",
            QUANTIZED,
            rounds_from=0,
            rounding=Rounding(largest=7, by_outputs=True),
            recipe=tflite_recipes.WEIGHTS_INT4_INT8,
        ),
        Mode(
            "int8_int4",
            "recipe",
            QUANTIZED,
            rounds_from=0,
            rounding=Rounding(largest=7, by_outputs=True),
            recipe=tflite_recipes.INT8_INT4,
        ),
    )
}
"""The modes by their names; the converter leaves kernels of less than 1024 elements alone in "dynamic"."""
