"""Layers that lost inputs, fitted again in closed form to what the original's layers give."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np

from sepzoo.support.progress import counted
from sepzoo.support.types import Layer
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.ridge import fitted_matrix
from sepzoo.surgery.pruning.anatomy import Slice, groups_of
from sepzoo.surgery.pruning.coupling import LayerChannels
from sepzoo.surgery.pruning.regressors import (
    assign,
    bias_of,
    channels_of,
    is_linear,
    matrices_of,
    moments_of,
    pairs_of,
    uncentred,
)
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.sites import Site, sites

MOST_FEATURES = 4096
"""A layer that looks at more values at once is not fitted: their moments would take too much memory."""


@dataclasses.dataclass(frozen=True)
class Refit:
    """A layer that was fitted to the original's outputs.

    Attributes:
        layer: its name.
        error_before: squared error of its outputs on the samples, as a share of their variance, before the fit: its
            input comes through the layers fitted before it.
        error_after: the same after it.
    """

    layer: str
    error_before: float
    error_after: float


def refit(
    original: keras.Model,
    pruned: keras.Model,
    layers: Sequence[LayerChannels],
    slices: Mapping[str, Slice],
    inputs: ModelInputs,
) -> tuple[Refit, ...]:
    """Fit the layers of a pruned model that lost inputs, one after the other, in place.

    Each is fitted by least squares to what the original's layer gives at the outputs that stay, on what now comes to
    it. Where a batch normalization alone takes what it gives, its statistics are moved so that mean and variance behind
    it stay; it takes the place of a bias then.

    Args:
        original: the model before.
        pruned: the one that is changed.
        layers: the original's, in the order of the graph.
        slices: what stays of each, by its name.
        inputs: samples as the models take them.
    """
    new_sites = {site.name: site for site in sites(pruned)}
    old, new = LayerInputs(original, inputs), LayerInputs(pruned, inputs)
    found = []
    lost = [each for each in layers if fits(each) and len(slices[each.site.name].inputs) < len(each.inputs)]
    for each in counted(lost, len(lost), "layers fitted"):
        kept, site = slices[each.site.name], new_sites[each.site.name]
        norm = norm_behind(site, new_sites.values())
        moments = moments_of(pairs_of(old, each.layer, new, site.layer, kept), groups_of(site.layer))
        if not (site.layer.use_bias or norm):
            moments = [uncentred(group) for group in moments]
        found.append(_fit(each.site.name, site.layer, norm, moments))
    return tuple(found)


def fits(each: LayerChannels) -> bool:
    """Return whether a layer is one that can be fitted."""
    if each.anatomy.role != "mixing" or not is_linear(each.layer):
        return False
    return all(len(channels) <= MOST_FEATURES for channels in channels_of(each.layer))


def norm_behind(site: Site, others: Iterable[Site]) -> Layer | None:
    """Return the batch normalization that alone takes what a linear layer gives, and nothing else.

    Args:
        site: the linear layer.
        others: all layers of its model.
    """
    norm = site.consumer
    if site.layer.activation is not keras.activations.linear or type(norm) is not keras.layers.BatchNormalization:
        return None
    return norm if any(each.layer is norm and len(each.calls) == 1 for each in others) else None


def _fit(name: str, layer: Layer, norm: Layer | None, moments: Sequence[Moments]) -> Refit:
    matrices, bias = matrices_of(layer), bias_of(layer)
    biases = np.split(bias, len(matrices))
    fitted, shifts, before, after, whole = [], [], 0.0, 0.0, 0.0
    for group, matrix, own in zip(moments, matrices, biases, strict=True):
        best = fitted_matrix(group, matrix)
        power = float(group.power.sum())
        errors = group.error(matrix, own), group.error(best)
        if not errors[1] < errors[0]:
            best, shift, errors = matrix, own, (errors[0], errors[0])
        else:
            shift = group.best_bias(best)
        before, after, whole = before + power * errors[0], after + power * errors[1], whole + power
        fitted.append(best)
        shifts.append(shift)
    assign(layer, fitted, np.concatenate(shifts))
    if norm is not None:
        _match(norm, fitted, moments, bias_of(layer))
    whole = whole or 1.0
    return Refit(name, before / whole, after / whole)


def _match(norm: Layer, matrices: Sequence[np.ndarray], moments: Sequence[Moments], bias: np.ndarray) -> None:
    """Move a batch normalization's statistics as its input's moved, so that it gives the mean and variance it gave."""
    mean = np.concatenate([group.patch_mean @ matrix for group, matrix in zip(moments, matrices, strict=True)]) + bias
    variance = np.concatenate(
        [np.sum(matrix * (group.gram @ matrix), axis=0) for group, matrix in zip(moments, matrices, strict=True)]
    )
    right_mean = np.concatenate([group.output_mean for group in moments])
    right_variance = np.concatenate([group.power for group in moments])
    old_mean, old_variance = (
        np.asarray(keras.ops.convert_to_numpy(each), "float64") for each in (norm.moving_mean, norm.moving_variance)
    )
    known = (right_variance > 0) & (variance > 0)
    ratio = np.where(known, variance / np.where(known, right_variance, 1.0), 1.0)
    norm.moving_mean.assign(mean - np.sqrt(ratio) * (right_mean - old_mean))
    norm.moving_variance.assign(np.maximum((old_variance + norm.epsilon) * ratio - norm.epsilon, 0.0))
