"""What surgery did: one entry for each layer that it changed or had to leave, and the totals."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Self, TypeVar

import keras

from sepzoo.analysis.profiling import measure
from sepzoo.support.errors import SepzooError
from sepzoo.support.table import table
from sepzoo.support.types import Layer
from sepzoo.surgery.walk.comparison import Comparison
from sepzoo.surgery.walk.sites import Site

_Report = TypeVar("_Report", bound="SurgeryReport")


@dataclasses.dataclass(frozen=True)
class Change:
    """One layer: what was done to it, or why it was left.

    Attributes:
        layer: its name; in a nested model "model/layer".
        kind: its class.
        action: what was done; empty where it was left.
        skipped: why it was left; empty where something was done.
        became: names of the layers in its place.
        params_before: its parameters.
        params_after: those of the layers in its place.
        macs_before: its multiply-accumulates for one sample; None where the model leaves the input's size open.
        macs_after: those of the layers in its place.
    """

    layer: str
    kind: str
    action: str
    skipped: str
    became: tuple[str, ...]
    params_before: int
    params_after: int
    macs_before: int | None
    macs_after: int | None


@dataclasses.dataclass(frozen=True)
class SurgeryReport:
    """What was done to a model; print it for a table.

    Attributes:
        model: the model's name.
        changes: one entry a layer, in the order of the graph.
        params_before: parameters of the whole model.
        params_after: those of the new one.
        macs_before: multiply-accumulates for one sample; None where the model leaves the input's size open.
        macs_after: those of the new model.
        comparison: how far its outputs are from the original's; None where a rule decided that knows nothing of them.

    Example:
        >>> import keras
        >>> from sepzoo.surgery import fold_batch_norm
        >>> layers = [keras.layers.Conv2D(4, 3, name="conv"), keras.layers.BatchNormalization(name="bn")]
        >>> model, report = fold_batch_norm(keras.Sequential([keras.Input((8, 8, 3)), *layers], name="tiny"))
        >>> print(report)
        layer  kind                what was done         params            MACs
        conv   Conv2D              takes over 'bn'   112 -> 112  3,888 -> 3,888
        bn     BatchNormalization  folded in 'conv'     16 -> 0          0 -> 0
        tiny                                         128 -> 112  3,888 -> 3,888
        output error of the whole model: below 1e-05 on random input
    """

    model: str
    changes: tuple[Change, ...]
    params_before: int
    params_after: int
    macs_before: int | None
    macs_after: int | None
    comparison: Comparison | None = None

    @classmethod
    def of(cls, report: SurgeryReport, **more: Any) -> Self:
        """Return a report with more in it."""
        fields = {field.name: getattr(report, field.name) for field in dataclasses.fields(SurgeryReport)}
        return cls(**fields, **more)

    def followed_by(self, later: _Report) -> _Report:
        """Return the report of two operations in a row; the outputs are compared with those before the second one."""
        return dataclasses.replace(
            later,
            changes=self.changes + later.changes,
            params_before=self.params_before,
            macs_before=self.macs_before,
        )

    def to_json(self) -> str:
        """Return the report as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    def __str__(self) -> str:
        rows = [
            (
                change.layer,
                change.kind,
                change.action or f"kept: {change.skipped}",
                _step(change.params_before, change.params_after),
                _step(change.macs_before, change.macs_after),
            )
            for change in self.changes
        ]
        totals = _step(self.params_before, self.params_after), _step(self.macs_before, self.macs_after)
        lines = [
            table(["layer", "kind", "what was done", "params", "MACs"], [*rows, (self.model, "", "", *totals)], left=3)
        ]
        if not any(change.action for change in self.changes):
            lines.append("nothing was changed")
        elif self.macs_before is not None and self.macs_after is not None and self.macs_after > self.macs_before:
            lines.append(f"more expensive: {self.macs_after / self.macs_before:.3f} times the MACs")
        return "\n".join([*lines, *([str(self.comparison)] if self.comparison else [])])


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the walk did at one site: the action and the new layers, or the reason why the layer stayed."""

    site: Site
    action: str
    layers: tuple[keras.layers.Layer, ...]
    skipped: str = ""


def report_on(model: keras.Model, new: keras.Model, outcomes: Iterable[Outcome]) -> SurgeryReport:
    """Return the report of a walk that made `new` of `model`."""
    before, after = _macs(model), _macs(new)
    changes = tuple(
        Change(
            layer=outcome.site.name,
            kind=type(outcome.site.layer).__name__,
            action=outcome.action,
            skipped=outcome.skipped,
            became=tuple(layer.name for layer in outcome.layers),
            params_before=outcome.site.layer.count_params(),
            params_after=sum(layer.count_params() for layer in outcome.layers),
            macs_before=_sum(before, [outcome.site.layer]),
            macs_after=_sum(after, outcome.layers),
        )
        for outcome in outcomes
    )
    return SurgeryReport(
        model=model.name,
        changes=changes,
        params_before=model.count_params(),
        params_after=new.count_params(),
        macs_before=None if before is None else sum(before.values()),
        macs_after=None if after is None else sum(after.values()),
    )


def _macs(model: keras.Model) -> dict[int, int] | None:
    """Return the MACs of each layer by its identity, or None where a size in the model is open."""
    counts: dict[int, int] = defaultdict(int)
    try:
        for layer, record, _known in measure(model):
            counts[id(layer)] += record.macs
    except SepzooError:
        return None
    return counts


def _sum(counts: dict[int, int] | None, layers: Sequence[Layer]) -> int | None:
    return None if counts is None else sum(counts.get(id(layer), 0) for layer in layers)


def _step(before: int | None, after: int | None) -> str:
    old, new = ("?" if value is None else f"{value:,}" for value in (before, after))
    return f"{old} -> {new}"
