"""A choice carried out: channels taken out, and each layer, in the graph's order, fitted to what it should give."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from sepzoo.shrinking.channel_moments import ChannelMoments, channel_moments
from sepzoo.shrinking.kept_work import NOTHING_KEPT, KeptWork
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.network import Network, NetworkLayer
from sepzoo.shrinking.records import matrix_of, record_of
from sepzoo.shrinking.ways import KEEP, Fits, Made
from sepzoo.support.progress import counted
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.ridge import fitted_matrix
from sepzoo.surgery.approximate.recalibration import recalibrate
from sepzoo.surgery.pruning.anatomy import Slice
from sepzoo.surgery.pruning.coupling import Coupling
from sepzoo.surgery.pruning.regressors import assign, bias_of, matrices_of, moments_of, pairs_of
from sepzoo.surgery.pruning.removal import remove
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.runs import runs_of

PLACES_PER_VALUE = 4
"""A layer whose inputs all stay is fitted again only where it looks at so many places for each value of one."""


@dataclasses.dataclass(frozen=True)
class BuiltLayer:
    """What became of a layer.

    Attributes:
        layer: its name.
        error: squared error of its outputs on the samples, as a share of their variance.
    """

    layer: str
    error: float


@dataclasses.dataclass(frozen=True, eq=False)
class Built:
    """A network that was made smaller.

    Attributes:
        model: the network.
        layers: the fitted ones, in the order of the graph.
    """

    model: keras.Model
    layers: tuple[BuiltLayer, ...]


def build(
    network: Network,
    ways: Mapping[str, str],
    levels: Sequence[int],
    inputs: ModelInputs,
    kept_work: KeptWork = NOTHING_KEPT,
) -> Built:
    """Carry out a choice.

    Each layer is fitted to what the original gives at the outputs that stay, on what comes through the layers before
    it as they are now.

    Args:
        network: which is only read.
        ways: the way of each layer, by its name.
        levels: of each group of channels.
        inputs: samples as the model takes them.
        kept_work: where the moments of layers are kept, which take nearly all of the time.
    """
    plan = Plan(network.model)
    coupling = Coupling(tuple(each.channels for each in network.layers), (), network.sets)
    gone = network.removed(levels)
    if gone.any():
        remove(plan, coupling, gone)
    plan.carry_out()
    sites = {site.name: site for site in plan.sites}
    runs = runs_of(plan.model)
    gone = np.append(gone, False)
    made: list[tuple[str, Made]] = []
    found = []
    fitted = [each for each in network.layers if each.fitted or ways.get(each.name, KEEP) != KEEP]
    changed = False
    old, new = LayerInputs(network.model, inputs), LayerInputs(plan.model, inputs)
    for each in counted(fitted, len(fitted), "layers fitted"):
        site, way = sites[each.name], ways.get(each.name, KEEP)
        kept = each.channels.kept(gone)
        if not changed and way == KEEP and len(kept.inputs) == len(each.channels.inputs):
            continue
        changed = True
        moments = _moments(old, each, new, site.layer, kept, kept_work)
        if each.fitted:
            _fit_dense(site.layer, moments, whole=len(kept.inputs) == len(each.channels.inputs))
        record = record_of(site, runs[id(site.layer)])
        if way != KEEP and record is not None:
            carried_out = way_of(way).made(Fits(record, moments))
            assign(site.layer, [carried_out.kernel], carried_out.bias)
            made.append((each.name, carried_out))
        error = moments.error(matrix_of(site.layer), bias_of(site.layer))
        found.append(BuiltLayer(each.name, error))
    for name, carried_out in made:
        plan.replace(sites[name], carried_out.replacement, carried_out.verification)
    if made:
        plan.carry_out()
    recalibrate(plan.model, inputs)
    return Built(plan.finish(inputs)[0], tuple(found))


def _fit_dense(layer: Layer, moments: Moments, *, whole: bool) -> None:
    """Give a layer the map that is best on the samples, if it is better than its own and they are enough for it."""
    matrix, bias = matrices_of(layer)[0], bias_of(layer)
    if whole and moments.count < PLACES_PER_VALUE * len(matrix):
        return
    best = fitted_matrix(moments, matrix)
    if moments.error(best) < moments.error(matrix, bias):
        assign(layer, [best], moments.best_bias(best))


def _moments(
    old: LayerInputs, each: NetworkLayer, new: LayerInputs, layer: Layer, kept: Slice, kept_work: KeptWork
) -> Moments:
    """Return the moments of what comes to a layer now and of what it should give, from where they are kept."""

    def make() -> dict[str, np.ndarray]:
        if each.fitted:
            found = moments_of(pairs_of(old, each.channels.layer, new, layer, kept), 1)[0]
        else:
            found = channel_moments(old, each.channels.layer, new, layer, kept)
        return {field.name: np.asarray(getattr(found, field.name)) for field in dataclasses.fields(found)}

    known = kept_work.once(each.name, make)
    count = int(known.pop("count"))
    return (Moments if each.fitted else ChannelMoments)(**known, count=count)
