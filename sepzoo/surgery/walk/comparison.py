"""Comparison of a whole rewritten model with its original: both are run by Keras on the same input."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.layers.graph import graph_of
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import Tensor
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.sites import sites

SAMPLES = 32
SIZES = (32, 64, 128, 256)
"""Tried in turn where a model leaves sizes open: deep networks run on large images alone."""
ROUNDING = 1e-2
"""Of the outputs' size: layer after layer in TF32 comes to less, and a wrong layer to more."""
HALF_ROUNDING = 0.3
DRAWS, TIMES = 4, 10
"""How often weights are rounded anew where more is off than that, and how many times as far the new model may be."""
LAST_PLACE = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Of a weight, by its type: a share of it."""
FLOOR = 1e-6
"""Outputs smaller than this count as if they were of this size."""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How far a rewritten model's outputs are from the original's.

    Errors are norms of the difference, as a share of the norm of the original's output; of several outputs and inputs
    the worst counts. Of whole numbers it is the share that differs.

    Attributes:
        random_error: on random input; None where the original does not run on that.
        sample_error: on samples; None where there were none.
        samples: how many of them.
        obstacle: why there is no error on random input.
    """

    random_error: float | None
    sample_error: float | None = None
    samples: int = 0
    obstacle: str = ""

    @property
    def error(self) -> float | None:
        """The error on samples, or else on random input."""
        return self.random_error if self.sample_error is None else self.sample_error

    def __str__(self) -> str:
        texts = [] if self.sample_error is None else [f"{_shown(self.sample_error)} on {self.samples} samples"]
        if self.random_error is not None:
            texts.append(f"{_shown(self.random_error)} on random input")
        text = f"output error of the whole model: {', '.join(texts)}" if texts else ""
        obstacle = f"not compared on random input, on which the original does not run: {self.obstacle}"
        return "; ".join(part for part in (text, obstacle if self.obstacle else "") if part)


def compare(
    original: keras.Model, new: keras.Model, samples: ModelInputs | None = None, *, exact: bool = False
) -> Comparison:
    """Run two models in inference mode on the same input, and compare their outputs.

    Random input are two samples, one of normal values and one of the range of pixels, for models with their
    preprocessing outside and inside.

    Some networks answer quite otherwise on some input when a weight is off by its last place. So where too much seems
    to be off, the original runs with weights that are, and what they change by as much is taken for rounding.

    Args:
        original: the model as it was given.
        new: what was made of it.
        samples: further input, of which the first 32 are run.
        exact: whether the outputs must be the same to rounding.

    Raises:
        SepzooError: the new model does not run where the original does, gives other shapes, values that are not finite
            where the original's are, or other outputs where they must be the same.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> compare(model, keras.models.clone_model(model)).random_error > 0.1, str(compare(model, model))
        (True, 'output error of the whole model: below 1e-05 on random input')
    """
    obstacle, random_error, seen = "", None, []
    for size in SIZES if any(None in tensor.shape[1:] for tensor in graph_of(original).inputs) else SIZES[:1]:
        try:
            inputs = _random_input(original, size)
            expected = _run(original, inputs)
        except Exception as error:
            obstacle = obstacle or first_line(error)
            continue
        obstacle, random_error = "", _error(expected, _outputs_of(new, inputs), original.name)
        seen.append(inputs)
        break
    sample_error, shown = None, None if samples is None else samples[:SAMPLES]
    if shown is not None:
        inputs = shown.tensors()
        sample_error = _error(_run(original, inputs), _outputs_of(new, inputs), original.name)
        seen.append(inputs)
    worst = max((error for error in (random_error, sample_error) if error is not None), default=0.0)
    allowed = HALF_ROUNDING if is_half(original) or is_half(new) else ROUNDING
    if exact and worst > allowed and worst > TIMES * max(_rounding(original, inputs) for inputs in seen):
        raise SepzooError(
            f"expected {original.name!r} to give the same outputs after surgery, to {allowed:g} of their size. "
            f"Received: outputs that are {worst:.1e} of it off. No model is returned; please report this."
        )
    return Comparison(random_error, sample_error, 0 if shown is None else len(shown), obstacle)


def _random_input(model: keras.Model, size: int) -> list[Tensor]:
    generator = np.random.default_rng(0)
    found = []
    for tensor in graph_of(model).inputs:
        batch, *sizes = tensor.shape
        shape = (batch or 2, *(size if each is None else each for each in sizes))
        if "float" in tensor.dtype:
            values: np.ndarray = generator.normal(size=shape)
            values[1:] = generator.uniform(0.0, 255.0, values[1:].shape)
        else:
            values = generator.integers(0, 2, shape)  # of any vocabulary
        is_text = tensor.dtype == "string"
        found.append(keras.ops.convert_to_tensor(values.astype(str) if is_text else values, dtype=tensor.dtype))
    return found


def _rounding(model: keras.Model, inputs: list[Tensor]) -> float:
    """Return how far the outputs go at most where each weight is off by its last place, up or down by chance."""
    expected, generator = _run(model, inputs), np.random.default_rng(0)
    errors = [0.0]
    for _ in range(DRAWS):
        moved = []
        for variable in model.variables:
            if variable.dtype in LAST_PLACE:
                signs = keras.ops.convert_to_tensor(generator.choice([-1.0, 1.0], variable.shape), variable.dtype)
                moved.append((variable, variable.value * (1 + LAST_PLACE[variable.dtype] * signs)))
        found = _run(model, inputs, moved)
        if all(np.isfinite(each).all() for each in found):
            errors.append(_error(expected, found, model.name))
    return max(errors)


def _run(model: keras.Model, inputs: list[Tensor], values: Sequence[tuple[Any, Tensor]] = ()) -> list[np.ndarray]:
    """Return a model's outputs in inference mode, with other values of variables; nothing of it is changed."""
    with keras.StatelessScope(values):
        outputs = model(keras.tree.pack_sequence_as(graph_of(model).input, inputs), training=False)
    return [_array(tensor) for tensor in keras.tree.flatten(outputs)]


def _outputs_of(new: keras.Model, inputs: list[Tensor]) -> list[np.ndarray]:
    try:
        return _run(new, inputs)
    except Exception as error:
        raise SepzooError(
            f"expected {new.name!r} to run after surgery. Received: {first_line(error)} No model is returned; please "
            "report this."
        ) from error


def _error(expected: list[np.ndarray], found: list[np.ndarray], name: str) -> float:
    """Return the largest error of any output for any sample."""
    shapes = [[each.shape for each in outputs] for outputs in (expected, found)]
    if shapes[0] != shapes[1]:
        raise SepzooError(
            f"expected outputs of shapes {shapes[0]} from {name!r} after surgery. Received: {shapes[1]}. No model is "
            "returned; please report this."
        )
    errors = [0.0]
    for old, new in zip(expected, found, strict=True):
        if old.dtype.kind != "f":
            errors.append(float(np.mean(old != new)))
            continue
        for one, other in zip(old.reshape(len(old), -1), new.reshape(len(new), -1), strict=True):
            known = np.isfinite(one)
            if not np.isfinite(other[known]).all():
                raise SepzooError(
                    f"expected finite outputs from {name!r} after surgery. Received: NaN or infinite values. No model "
                    "is returned. Look at the weights of the model, or keep layers by name with keep=."
                )
            least = FLOOR * float(np.sqrt(max(int(known.sum()), 1)))
            norm = max(float(np.linalg.norm(one[known])), least)
            errors.append(float(np.linalg.norm(one[known] - other[known])) / norm)
    return max(errors)


def _array(tensor: Tensor) -> np.ndarray:
    if "float" not in keras.backend.standardize_dtype(tensor.dtype):
        return np.asarray(keras.ops.convert_to_numpy(tensor))
    return np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")), "float64")


def is_half(model: keras.Model) -> bool:
    """Return whether some of a model is computed in half precision."""
    return any("16" in str(site.layer.compute_dtype) for site in sites(model))


def _shown(error: float) -> str:
    return "below 1e-05" if error < 1e-5 else f"{error:.2g}"
