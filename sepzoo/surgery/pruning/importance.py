"""Which channels matter: by the size of their weights, or by what the next layers lose without them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, get_args

import keras
import numpy as np

from sepzoo.layers.graph import graph_of, maker
from sepzoo.support.errors import unknown
from sepzoo.support.progress import counted
from sepzoo.surgery.algebra.elimination import LinearMap, elimination_order
from sepzoo.surgery.algebra.regression import RIDGE
from sepzoo.surgery.pruning.anatomy import groups_of
from sepzoo.surgery.pruning.coupling import Coupling, Group, LayerChannels
from sepzoo.surgery.pruning.refitting import MOST_FEATURES, norm_behind
from sepzoo.surgery.pruning.regressors import (
    bias_of,
    channels_of,
    feature_batches,
    is_linear,
    matrices_of,
    moments_of,
    uncentred,
)
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.sites import sites

Importance = Literal["magnitude", "taylor", "output_error"]
IMPORTANCES: tuple[str, ...] = get_args(Importance)


@dataclasses.dataclass(frozen=True, eq=False)
class Ranking:
    """The sets of a group's channels, the least important one first.

    Attributes:
        group: the group.
        sets: their numbers.
        losses: what each one's removal costs in accuracy, in a measure that is the same for all groups.
    """

    group: Group
    sets: np.ndarray
    losses: np.ndarray


def rank_by_scores(coupling: Coupling, scores: np.ndarray) -> list[Ranking]:
    """Return the rankings by a score of each set."""
    found = []
    for group in coupling.groups:
        order = np.argsort(scores[group.sets], kind="stable")
        found.append(Ranking(group, group.sets[order], scores[group.sets][order]))
    return found


def magnitudes(coupling: Coupling) -> np.ndarray:
    """Return for each set of channels its share of the squared weights that stand on its group.

    That is the mean share in what gives the channels (kernels, scales of batch normalizations) times the mean share in
    the kernels that take them, under the root: a channel that nobody gives or nobody takes counts nothing.
    """
    total, count = np.zeros((2, coupling.count)), np.zeros((2, coupling.count))
    for each in coupling.layers:
        for variable in each.layer.weights:
            if variable.name not in ("kernel", "depthwise_kernel", "pointwise_kernel", "gamma"):
                continue
            squares = np.asarray(keras.ops.convert_to_numpy(variable.value), "float64") ** 2
            for side, axis, channels in _sides(each, variable.name, squares.shape):
                of_channel = np.sum(squares, axis=tuple(a for a in range(squares.ndim) if a != axis))
                shares = of_channel / (of_channel.sum() or 1.0)
                free = channels >= 0
                total[side] += np.bincount(channels[free], shares[free], coupling.count)
                count[side] += np.bincount(np.unique(channels[free]), minlength=coupling.count)
    taken, given = total / np.maximum(count, 1.0)
    return np.sqrt(np.where(count[0] > 0, taken, given) * np.where(count[1] > 0, given, taken))


def _sides(each: LayerChannels, name: str, shape: tuple[int, ...]) -> list[tuple[int, int, np.ndarray]]:
    """Return the axes of a weight that stand on channels: whether it gives them, the axis, the set of each place."""
    found = []
    for side, axes, channels in ((0, each.anatomy.inputs, each.inputs), (1, each.anatomy.outputs, each.outputs)):
        if name not in axes:
            continue
        axis = axes[name] % len(shape)
        if shape[axis] < len(channels):  # of a convolution in groups, where channels at one place go together
            channels = channels[: shape[axis]]
        elif shape[axis] > len(channels):
            channels = np.repeat(channels, shape[axis] // len(channels))
        found.append((1 if each.anatomy.role == "channelwise" else side, axis, channels))
    return found


def output_errors(model: keras.Model, coupling: Coupling, inputs: ModelInputs) -> list[Ranking]:
    """Rank channels by the error that the next layers are left with, once they are fitted again without them.

    Within a group channels are left out one after the other, so that of two that say the same one stays. Errors are
    shares of the power of a layer's outputs, added up over the layers.

    Args:
        model: the model that the channels are of.
        coupling: of it.
        inputs: samples as it takes them.
    """
    come, everything = LayerInputs(model, inputs), sites(model)
    maps: list[tuple[set[int], list[_Part]]] = []
    for each in counted(coupling.layers, len(coupling.layers), "layers measured"):
        touched = {number for number in each.inputs.tolist() if number >= 0}
        if touched and each.anatomy.role == "mixing" and is_linear(each.layer):
            centred = each.layer.use_bias or norm_behind(each.site, everything) is not None
            maps.append((touched, _parts(each, come, centred=centred)))
    found = []
    for group in counted(coupling.groups, len(coupling.groups), "groups of channels ranked"):
        wanted = set(group.sets.tolist())
        parts = [part for touched, parts in maps if touched & wanted for part in parts]
        linear = [given for part in parts if (given := part.over(group.sets)) is not None]
        if linear:
            order, losses = elimination_order(linear)
        else:
            order, losses = np.arange(len(group.sets)), np.zeros(len(group.sets))
        found.append(Ranking(group, group.sets[order], losses))
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Part:
    """One group of a layer: its second moments, and the set of channels that each of its features is of."""

    gram: np.ndarray | None
    blocks: dict[int, np.ndarray]
    matrix: np.ndarray
    sets: np.ndarray
    power: float

    def over(self, candidates: np.ndarray) -> LinearMap | None:
        rows = [np.flatnonzero(self.sets == number) for number in candidates.tolist()]
        if len({len(each) for each in rows}) != 1 or not len(rows[0]):
            return None
        gram = self.gram
        if gram is None:
            gram = np.stack([self.blocks[number] for number in candidates.tolist()])
        return LinearMap(gram, self.matrix, np.stack(rows), self.power)


def _parts(each: LayerChannels, come: LayerInputs, *, centred: bool) -> list[_Part]:
    matrices, bias = matrices_of(each.layer), bias_of(each.layer)
    biases = np.split(bias, len(matrices))
    sets = [each.inputs[channels] for channels in channels_of(each.layer)]
    if len(sets[0]) > MOST_FEATURES:
        return [_wide_part(each, come, matrices[0], sets[0])]
    pairs = (
        [(x, x @ matrix + own) for x, matrix, own in zip(groups, matrices, biases, strict=True)]
        for groups in feature_batches(come, each.layer)
    )
    parts = []
    for moments, matrix, own_sets in zip(moments_of(pairs, groups_of(each.layer)), matrices, sets, strict=True):
        used = moments if centred else uncentred(moments)
        used = used.regularized(matrix, RIDGE)
        parts.append(_Part(used.gram, {}, matrix, own_sets, float(used.power.sum()) * len(matrices)))
    return parts


def _wide_part(each: LayerChannels, come: LayerInputs, matrix: np.ndarray, sets: np.ndarray) -> _Part:
    """Return what is known of a layer that looks at too many values: the moments of each channel's alone."""
    rows = {number: np.flatnonzero(sets == number) for number in dict.fromkeys(sets.tolist()) if number >= 0}
    blocks = {number: np.zeros((len(own), len(own))) for number, own in rows.items()}
    count, power = 0, 0.0
    for (x,) in feature_batches(come, each.layer):
        count, power = count + len(x), power + float(np.sum((x @ matrix) ** 2))
        for number, own in rows.items():
            blocks[number] += x[:, own].T @ x[:, own]
    return _Part(None, {number: block / count for number, block in blocks.items()}, matrix, sets, power / count)


def last_activation(model: keras.Model) -> str:
    """Return the name of the activation that a model's first output ends in, or an empty text."""
    operation = maker(graph_of(model).outputs[0])
    if isinstance(operation, keras.layers.Softmax):
        return "softmax"
    activation = getattr(operation, "activation", None)
    return getattr(activation, "__name__", "")


def check_importance(importance: str, known: Sequence[str] = IMPORTANCES) -> None:
    """Raise a `SepzooError` where there is no such importance."""
    if importance not in known:
        raise unknown("importance", importance, known)
