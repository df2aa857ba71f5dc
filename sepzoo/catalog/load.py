"""Loading trained weights by name: what matched is said, what did not is an error."""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import keras
import numpy as np

from sepzoo.catalog.assembly import load_function
from sepzoo.catalog.model_file import metadata_of
from sepzoo.catalog.registry import find
from sepzoo.catalog.weight_files import Arrays, read_arrays, saved_variables
from sepzoo.errors import SepzooError, unknown

Origin = Literal["sepzoo", "keras", "bsconv"]
TORCH_VARIABLES = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "bias": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What a weight file gave to a model.

    Attributes:
        origin: whose names the file uses.
        matched: our variables that were filled.
        kept: our variables that keep their initial values, by permission (another number of classes).
        unused: names of the file that the model has no place for, by permission (a classifier it does not have).
    """

    origin: str
    matched: tuple[str, ...]
    kept: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} variables loaded ({self.origin} names)"]
        if self.kept:
            parts.append(f"{len(self.kept)} keep their initial values: {', '.join(self.kept)}")
        if self.unused:
            parts.append(f"{len(self.unused)} of the file are not used: {', '.join(self.unused)}")
        return "; ".join(parts)


def load_weights(
    model: keras.Model,
    source: str | os.PathLike[str] | Mapping[str, Any],
    origin: Origin | None = None,
    *,
    new_head: bool = False,
) -> LoadReport:
    """Fill a model that `build` made with trained weights, by name, all or nothing.

    Args:
        model: from `sepzoo.applications.build`.
        source: `.h5` (Keras 1, 2, 3), `.keras`, `.npz`, or a mapping of arrays such as a PyTorch state dict.
        origin: whose names the source uses: "sepzoo", "keras" (`keras.applications`), "bsconv" (the authors' package);
            None finds out.
        new_head: let the classifier keep its initial weights, and leave the file's out.

    Returns:
        What matched.

    Raises:
        SepzooError: a variable of the model is not in the source, or the reverse, or a shape differs. The model is then
            as it was.

    Example:
        >>> import sepzoo
        >>> model = sepzoo.applications.build("mobilenet_v1", alpha=0.25)
        >>> arrays = {variable.path: variable.numpy() for variable in model.weights}
        >>> print(load_weights(model, arrays, origin="sepzoo"))
        137 variables loaded (sepzoo names)
    """
    arrays = read_arrays(source, model)
    names = _names_by_origin(model)
    if origin is not None and origin not in names:
        raise unknown("origin of weights", origin, names)
    origins = [origin] if origin is not None else list(names)
    candidates = [_match(model, arrays, names[candidate], candidate) for candidate in origins]
    best = max(candidates, key=lambda match: len(match.values))
    report = best.check(model, new_head=new_head)
    for variable, value in best.values:
        variable.assign(value)
    return report


@dataclasses.dataclass(frozen=True)
class _Match:
    """How the arrays of a source lie over a model's variables."""

    origin: str
    values: list[tuple[Any, np.ndarray]]
    missing: list[str]
    misshapen: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
    unused: list[str]
    head: frozenset[str]

    def check(self, model: keras.Model, *, new_head: bool) -> LoadReport:
        """Return the report, or say what does not fit."""
        ours_free = {
            name for name in [*self.missing, *(m[0] for m in self.misshapen)] if new_head and name in self.head
        }
        problems = [f"not in the source: {_some([n for n in self.missing if n not in ours_free])}"]
        problems.append(f"in the source alone: {_some(self.unused if not new_head else self._foreign())}")
        shapes = [f"{n} has {theirs}, expected {ours}" for n, ours, theirs in self.misshapen if n not in ours_free]
        problems.append(f"of another shape: {_some(shapes)}")
        problems = [problem for problem in problems if not problem.endswith(": ")]
        if problems:
            raise SepzooError(
                f"{model.name}: the weights do not fit ({self.origin} names, {len(self.values)} variables matched); "
                f"{'; '.join(problems)}. Nothing was loaded. Build the network with the arguments that the weights had."
            )
        matched = tuple(variable.path for variable, _ in self.values)
        return LoadReport(self.origin, matched, kept=tuple(sorted(ours_free)), unused=tuple(self.unused))

    def _foreign(self) -> list[str]:
        """Return the source's names that are not of a classifier: those of its last layer."""
        last = {name.rpartition("/")[0] or name.rpartition(".")[0] for name in self.unused}
        return [] if len(last) <= 1 else self.unused


def _match(model: keras.Model, arrays: Arrays, names: Mapping[str, str] | None, origin: str) -> _Match:
    head = _head_variables(model)
    values, missing, misshapen, used = [], [], [], set()
    for variable in saved_variables(model):
        layer, _, kind = variable.path.rpartition("/")
        theirs = next((name for name in _their_names(layer, kind, names, origin) if name in arrays), None)
        if theirs is None:
            missing.append(variable.path)
            continue
        used.add(theirs)
        value = arrays[theirs] if origin != "bsconv" else _from_torch(arrays[theirs], tuple(variable.shape))
        if value.shape != tuple(variable.shape):
            misshapen.append((variable.path, tuple(variable.shape), value.shape))
        else:
            values.append((variable, value))
    unused = [name for name in arrays if name not in used and not name.endswith("num_batches_tracked")]
    return _Match(origin, values, missing, misshapen, unused, head)


def _their_names(layer: str, kind: str, names: Mapping[str, str] | None, origin: str) -> Iterator[str]:
    """Yield the names under which a source may hold one of our variables."""
    if names is None:
        yield f"{layer}/{kind}"
    elif layer in names and origin == "bsconv":
        yield f"{names[layer]}.{TORCH_VARIABLES[kind]}"
    elif layer in names:
        yield f"{names[layer]}/{kind}"
        yield f"{names[layer]}/depthwise_{kind}"  # as Keras 2 called the kernel of a DepthwiseConv2D


def _from_torch(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return a PyTorch kernel in Keras's order of axes."""
    if array.ndim != 4:
        return array
    if len(shape) == 2:
        return array[:, :, 0, 0].T
    depthwise = array.shape[1] == 1 and shape[2] == array.shape[0]
    return array.transpose(2, 3, 0, 1) if depthwise and shape[3] == 1 else array.transpose(2, 3, 1, 0)


def _names_by_origin(model: keras.Model) -> dict[str, Mapping[str, str] | None]:
    metadata = metadata_of(model)
    names: dict[str, Mapping[str, str] | None] = {"sepzoo": None}
    if metadata is not None:
        family, _ = find(metadata.name)
        names |= {origin: _weight_names(path, model) for origin, path in family.weight_names.items()}
    return names


def _weight_names(path: str, model: keras.Model) -> Mapping[str, str]:
    """Return what a family's function says; a family of any depth is told the units that this network has."""
    function = load_function(path)
    if "places" not in inspect.signature(function).parameters:
        return function()
    units = (re.match(r"stage\d+_unit\d+", variable.path) for variable in saved_variables(model))
    return function(places=list(dict.fromkeys(unit[0] for unit in units if unit)))


def _head_variables(model: keras.Model) -> frozenset[str]:
    """Return the variables of the classifier: the last layer that has any."""
    paths = [variable.path for variable in saved_variables(model)]
    last = paths[-1].rpartition("/")[0] if paths else ""
    return frozenset(path for path in paths if path.rpartition("/")[0] == last)


def _some(names: list[str], count: int = 4) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
