"""Loading trained weights by name: what matched is said, what did not is an error."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from pathlib import Path

import keras

from sepzoo.artifact.model_file import metadata_of
from sepzoo.catalog.registry import find
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import ArrayLike
from sepzoo.weights.matching import Match, match
from sepzoo.weights.names import NAMES, Names, Origin
from sepzoo.weights.normalizations import settle
from sepzoo.weights.reading import format_of, read_arrays, saved_variables


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """What a weight file gave to a model.

    Attributes:
        origin: whose names the file uses.
        matched: our variables that were filled.
        kept: our variables that keep their initial values, by permission (another number of classes).
        unused: names of the file that the model has no place for, by permission (a classifier it does not have).
        adapted: our variables whose weights were fitted to another number of input channels.
        in_order: our layers that have no name in the file, or an old one, and were found by the order of the layers, as
            Keras's own loader does.
    """

    origin: str
    matched: tuple[str, ...]
    kept: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    adapted: tuple[str, ...] = ()
    in_order: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{len(self.matched)} variables loaded ({self.origin} names)"]
        if self.kept:
            parts.append(f"{len(self.kept)} keep their initial values: {', '.join(self.kept)}")
        if self.unused:
            parts.append(f"{len(self.unused)} of the file are not used: {', '.join(self.unused)}")
        if self.adapted:
            parts.append(f"fitted to the number of input channels: {', '.join(self.adapted)}")
        if self.in_order:
            parts.append(f"{len(self.in_order)} layers found by their order")
        return "; ".join(parts)


def load_weights(
    model: keras.Model,
    source: str | os.PathLike[str] | Mapping[str, ArrayLike],
    origin: Origin | None = None,
    *,
    new_head: bool = False,
    trust: bool = False,
) -> LoadReport:
    """Fill a model that `build` made with trained weights, by name, all or nothing.

    A model of one input channel, or of more than three, takes weights that were trained on colours: the first kernel is
    fitted, see `LoadReport.adapted`.

    Args:
        model: from `sepzoo.applications.build`.
        source: `.h5` (Keras 1, 2, 3), `.keras`, `.npz`, `.safetensors`, or a mapping of arrays such as a PyTorch state
            dict.
        origin: whose names the source uses: "sepzoo", "keras" (`keras.applications`), "bsconv" (the authors' package),
            "timm" (for networks built with `sepzoo.records.conventions.TIMM`); None finds out.
        new_head: let the classifier keep its initial weights, and leave the file's out.
        trust: whether to read a file without the check of `sepzoo.artifact.inspection`, which takes a process of its
            own.

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
    arrays = read_arrays(source, model, trust=trust)
    names = _names_by_origin(model)
    if origin is not None and origin not in names:
        raise unknown("origin of weights", origin, names)
    origins = [origin] if origin is not None else list(names)
    keras_file = not isinstance(source, Mapping) and format_of(Path(source)) == ".h5"
    candidates = [match(model, arrays, names[name], name, in_order=keras_file) for name in origins]
    best = max(candidates, key=lambda candidate: len(candidate.values))
    report = _report(model, best, new_head=new_head)
    for variable, value in best.values:
        variable.assign(value)
    settle(model)
    return report


def _report(model: keras.Model, match: Match, *, new_head: bool) -> LoadReport:
    """Return what fits, or say what doesn't."""
    kept = {name for name in [*match.missing, *(m[0] for m in match.misshapen)] if new_head and name in match.head}
    shapes = [f"{name} has {theirs}, expected {ours}" for name, ours, theirs in match.misshapen if name not in kept]
    problems = {
        "not in the source": [name for name in match.missing if name not in kept],
        "in the source alone": match.foreign() if new_head else match.unused,
        "of another shape": shapes,
    }
    if any(problems.values()):
        text = "; ".join(f"{problem}: {_some(names)}" for problem, names in problems.items() if names)
        unfit = [*match.missing, *(name for name, _ours, _theirs in match.misshapen)]
        head_alone = not new_head and match.values and not match.foreign() and set(unfit) <= match.head
        raise SepzooError(
            f"{model.name}: the weights do not fit ({match.origin} names, {len(match.values)} variables matched); "
            f"{text}. Nothing was loaded. Build the network with the arguments that the weights had"
            f"{', or leave their classifier out: new_head=True' if head_alone else ''}."
        )
    return LoadReport(
        match.origin,
        matched=tuple(variable.path for variable, _ in match.values),
        kept=tuple(sorted(kept)),
        unused=tuple(match.unused),
        adapted=match.adapted,
        in_order=match.in_order,
    )


def _names_by_origin(model: keras.Model) -> dict[Origin, Names | None]:
    """Return what a model's layers are called in each port of its network; None where they are called as here."""
    names: dict[Origin, Names | None] = {"sepzoo": None}
    metadata = metadata_of(model)
    if metadata is not None:
        family, _ = find(metadata.name)
        matches = (re.match(r"stage\d+_(unit|conv)\d+", variable.path) for variable in saved_variables(model))
        places = list(dict.fromkeys(match[0] for match in matches if match))
        names |= {origin: names_of(places) for origin, names_of in NAMES.get(family.name, {}).items()}
    return names


def _some(names: list[str], count: int = 4) -> str:
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "")
