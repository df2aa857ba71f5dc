"""Channel pruning: a network with fewer channels, and nothing else changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.layers import FactorizedConv
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import ArrayLike, Arrays
from sepzoo.surgery.approximate.dense_convolutions import keeper
from sepzoo.surgery.approximate.recalibration import recalibrate
from sepzoo.surgery.exact.builtin_layers import expanded
from sepzoo.surgery.pruning.choosing import ALLOCATIONS, Allocation, by_budget, by_ratios
from sepzoo.surgery.pruning.costs import Costs
from sepzoo.surgery.pruning.coupling import Coupling, couple
from sepzoo.surgery.pruning.importance import (
    Importance,
    Ranking,
    check_importance,
    last_activation,
    magnitudes,
    output_errors,
    rank_by_scores,
)
from sepzoo.surgery.pruning.pruning_report import KeptChannels, PrunedGroup, PruningReport
from sepzoo.surgery.pruning.refitting import refit
from sepzoo.surgery.pruning.removal import remove
from sepzoo.surgery.pruning.taylor import taylor_scores
from sepzoo.surgery.walk.model_inputs import ModelInputs, model_inputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.verification import require_finite


def prune_channels(
    model: keras.Model,
    *,
    macs: float | None = None,
    ratios: float | Mapping[str, float] | None = None,
    importance: Importance | None = None,
    allocation: Allocation = "global",
    multiple_of: int = 1,
    most_pruned: float = 0.9,
    keep: str | Sequence[str] = (),
    data: Samples | Arrays | None = None,
    labels: ArrayLike | None = None,
    refit_layers: bool = True,
) -> tuple[keras.Model, PruningReport]:
    """Take out the channels that matter least: the network that is left is a smaller one of the same layers.

    Channels that must go together are found on the graph: those that meet in a sum, a product (also with a
    squeeze-excite gate) or a concatenation, or pass a depthwise convolution, a batch normalization, an activation, a
    pooling or a flattening; of a convolution in groups those at one place of each group. The inputs and outputs of the
    model and of nested models stay, and so does what goes into a layer whose use of channels is not known; the report
    says so of each layer. Our factorized layers are written out as built-in ones first, as `to_keras` does. Before
    anything is fitted, the outputs are those of the original whose pruned channels come as zeros to the layers that
    follow; each new layer is verified so.

    With `data`, each layer that lost inputs is then fitted by least squares to what the original's layer gives, on
    what now comes to it, and each batch normalization gets the statistics of the samples. They need no labels; a few
    hundred images will do.

    Args:
        model: functional or Sequential, trained; it is only read.
        macs: share of the model's multiply-accumulates to reach, such as 0.5; the result never takes more.
        ratios: in place of `macs` the share of channels that goes, such as 0.5; or a mapping from layer names, with
            shell wildcards, to such shares: other layers keep theirs.
        importance: "magnitude": squared weights before and behind, as shares of the group's. "taylor": how much the
            outputs (or with `labels` the cross-entropy) change, to first order. "output_error": the error that the next
            layers are left with after they are fitted again. None: "output_error" with `data`, else "magnitude".
        allocation: how a budget is spread: "global", the least important channels for what they cost, wherever they
            are; or "uniform", the same share of each group.
        multiple_of: what the number of channels that stay is a multiple of, such as 8, where any go.
        most_pruned: the largest share of a group's channels that a budget takes.
        keep: names of layers whose outputs stay, with shell wildcards.
        data: samples: an array as the model takes it (pixels, uint8, where it says how these become its input), or
            `sepzoo.data.Samples`; of several inputs a dictionary of arrays by their names.
        labels: class numbers of the samples, (n,), for "taylor".
        refit_layers: whether layers are fitted again and batch normalizations recalibrated, given `data`.

    Returns:
        The new model, and a report with the groups, their channels before and after, and why the others stayed.

    Raises:
        SepzooError: a model that `rewrite` refuses, an argument out of range, a budget that can't be reached, a name
            that no layer has, weights that are not finite, an importance without the data that it needs, or samples
            and labels that don't fit.

    Example:
        >>> layers = [keras.layers.Conv2D(width, 3, name=f"conv{width}") for width in (16, 32, 8)]
        >>> model = keras.Sequential([keras.Input((16, 16, 3)), *layers], name="net")
        >>> pruned, report = prune_channels(model, ratios=0.5)
        >>> [layer.filters for layer in pruned.layers], [(each.layer, each.reason) for each in report.kept]
        ([8, 16, 8], [('conv8', "they are outputs of the model 'net'")])
        >>> half, report = prune_channels(model, macs=0.5)
        >>> 0.45 * report.macs_before < report.macs_after <= 0.5 * report.macs_before
        True
    """
    importance = importance or ("magnitude" if data is None else "output_error")
    _check_arguments(macs=macs, ratios=ratios, allocation=allocation, multiple_of=multiple_of, most_pruned=most_pruned)
    check_importance(importance)
    if not isinstance(refit_layers, bool):
        raise SepzooError(f"expected refit_layers as true or false. Received: {refit_layers!r}.")
    if importance != "magnitude" and data is None:
        raise SepzooError(f"expected data= for importance={importance!r}. Received: none. Or take 'magnitude'.")
    inputs = None if data is None else model_inputs(model, data)
    plan = _prepared(model)
    classes = None if labels is None else _class_numbers(plan.model, labels, importance, inputs)
    coupling = couple(plan, keeper(plan.sites, keep))
    rankings = _rankings(plan.model, coupling, importance, inputs, classes)
    if macs is None:
        assert ratios is not None
        gone = by_ratios(rankings, ratios, multiple_of)
    else:
        if macs < 1 and not rankings:
            raise _nothing_goes(coupling, model.name, macs)
        costs = Costs(plan.model, coupling)
        gone = by_budget(rankings, costs, macs, allocation=allocation, multiple=multiple_of, most=most_pruned)
    removed = np.zeros(coupling.count, bool)
    removed[gone] = True
    original = plan.model
    remove(plan, coupling, removed)
    plan.carry_out()
    more = {"refits": (), "recalibrated": 0}
    if inputs is not None and refit_layers and len(gone):
        slices = {each.site.name: each.kept(np.append(removed, False)) for each in coupling.layers}
        more["refits"] = refit(original, plan.model, coupling.layers, slices, inputs)
        more["recalibrated"] = recalibrate(plan.model, inputs)
    new, report = plan.finish(inputs)
    if report.macs_before and report.macs_after and macs is not None and report.macs_after > macs * report.macs_before:
        raise SepzooError(
            f"expected a network within the budget of macs={macs}. Received: {report.macs_after:,} of "
            f"{report.macs_before:,} MACs. No model is returned; please report this."
        )
    return new, PruningReport.of(report, groups=_groups(coupling, removed), kept=_kept(coupling), **more)


def _check_arguments(
    *,
    macs: float | None,
    ratios: float | Mapping[str, float] | None,
    allocation: str,
    multiple_of: int,
    most_pruned: float,
) -> None:
    if (macs is None) == (ratios is None):
        raise SepzooError(f"expected macs or ratios, one of them. Received: macs={macs}, ratios={ratios}.")
    if macs is not None and not (_is_number(macs) and 0.0 < macs <= 1.0):
        raise SepzooError(f"expected a share of the MACs above 0 and up to 1. Received: macs={macs}.")
    if allocation not in ALLOCATIONS:
        raise unknown("allocation", allocation, ALLOCATIONS)
    if isinstance(multiple_of, bool) or not isinstance(multiple_of, int) or multiple_of < 1:
        raise SepzooError(f"expected multiple_of as a number of channels, such as 8. Received: {multiple_of!r}.")
    if not (_is_number(most_pruned) and 0.0 < most_pruned < 1.0):
        raise SepzooError(f"expected most_pruned above 0 and below 1. Received: most_pruned={most_pruned}.")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _prepared(model: keras.Model) -> Plan:
    """Return a plan of the model in built-in layers, whose weights are finite."""
    plan = Plan(model)
    own = [site for site in plan.sites if isinstance(site.layer, FactorizedConv)]
    for site in own:
        plan.replace(site, expanded(site))
    if own:
        plan.carry_out()
    require_finite(plan.sites)
    return plan


def _class_numbers(model: keras.Model, labels: ArrayLike, importance: str, inputs: ModelInputs | None) -> np.ndarray:
    if importance != "taylor" or inputs is None:
        raise SepzooError(f"expected labels= beside importance='taylor' alone. Received: importance={importance!r}.")
    outputs, found = model.outputs, np.asarray(labels)
    if len(outputs) != 1 or len(outputs[0].shape) != 2 or last_activation(model) not in ("softmax", "linear", ""):
        raise SepzooError(
            f"expected labels= for a model that gives one softmax or logits. Received: {model.name!r}. Leave them out."
        )
    count = outputs[0].shape[-1]
    fits = found.shape == (len(inputs),) and np.issubdtype(found.dtype, np.integer)
    if not fits or found.min() < 0 or found.max() >= count:
        raise SepzooError(
            f"expected {len(inputs)} class numbers from 0 to {count - 1} as labels. Received: {found.dtype} of shape "
            f"{found.shape}" + (f", from {found.min()} to {found.max()}." if fits else ".")
        )
    return found


def _rankings(
    model: keras.Model, coupling: Coupling, importance: str, inputs: ModelInputs | None, labels: np.ndarray | None
) -> list[Ranking]:
    if importance == "magnitude" or inputs is None:
        return rank_by_scores(coupling, magnitudes(coupling))
    if importance == "taylor":
        return rank_by_scores(coupling, taylor_scores(model, coupling, inputs, labels))
    return output_errors(model, coupling, inputs)


def _nothing_goes(coupling: Coupling, name: str, macs: float) -> SepzooError:
    kept = [f"those of {each.layer!r}: {each.reason}" for each in _kept(coupling)]
    more = [f"and {len(kept) - 3} layers more"] if len(kept) > 4 else kept[3:]
    return SepzooError(
        f"expected channels that may go. Received: macs={macs} of {name!r}, where all stay "
        f"({'; '.join([*kept[:3], *more]) or 'no layer mixes any'}). Keep fewer by name, or take another surgery."
    )


def _groups(coupling: Coupling, removed: np.ndarray) -> tuple[PrunedGroup, ...]:
    return tuple(
        PrunedGroup(
            group.layers,
            len(group.sets) * group.width,
            int(np.count_nonzero(~removed[group.sets])) * group.width,
        )
        for group in coupling.groups
    )


def _kept(coupling: Coupling) -> tuple[KeptChannels, ...]:
    return tuple(
        KeptChannels(each.site.name, each.reason)
        for each in coupling.layers
        if each.reason and each.anatomy.role == "mixing"
    )
