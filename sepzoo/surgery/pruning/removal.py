"""Channels taken out of a plan's model: each layer that stands on them becomes a smaller one of its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers.graph import run
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.pruning.anatomy import Slice, sliced
from sepzoo.surgery.pruning.coupling import Coupling, LayerChannels
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import as_array, distance, noise_for, tolerance

OPEN_SIZE = 4
"""Stands for a size that the model leaves open."""


def remove(plan: Plan, coupling: Coupling, removed: np.ndarray) -> None:
    """Choose smaller layers for all that stand on channels which are taken out; the others are skipped with the reason.

    Args:
        plan: whose model the channels are of.
        coupling: of that model.
        removed: for each set whether it is taken out, (count,).
    """
    gone = np.append(removed, False)
    for each in coupling.layers:
        kept = each.kept(gone)
        if len(kept.inputs) == len(each.inputs) and len(kept.outputs) == len(each.outputs):
            if each.anatomy.role == "mixing" and each.reason:
                plan.skip(each.site, each.reason)
            continue
        config, weights = sliced(each.layer, each.anatomy, kept)
        part = Part(type(each.layer).from_config(config), weights)
        plan.replace(each.site, Replacement((part,), _action(each, kept)), SlicedOutputs(each, kept))


def _action(each: LayerChannels, kept: Slice) -> str:
    taken, given = (
        f"{len(part)} of {len(whole)}" for part, whole in ((kept.inputs, each.inputs), (kept.outputs, each.outputs))
    )
    if each.anatomy.role != "mixing":
        return f"{given} channels"
    if len(kept.outputs) == len(each.outputs):
        return f"{taken} inputs" + (f"; outputs stay, as {each.reason}" if each.reason else "")
    return f"{given} outputs" + ("" if len(kept.inputs) == len(each.inputs) else f", {taken} inputs")


@dataclasses.dataclass(frozen=True, eq=False)
class SlicedOutputs:
    """Verify that a smaller layer gives what the original gives at the channels that stay, the others coming as zeros.

    Attributes:
        channels: the original and its channels.
        kept: what stays.
        exact: never, for the model's outputs change.
    """

    channels: LayerChannels
    kept: Slice
    exact: bool = False

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Run both on the same noise, and compare each channel.

        Raises:
            SepzooError: they give something else; the layer is named.
        """
        site = row[0]
        values = self._noise(site)
        mask = np.zeros(values.shape[-1])
        mask[self.kept.inputs] = 1.0
        with keras.StatelessScope():
            expected = run(site.layer, (_tensor(values * mask),), {})
            found = replacement(_tensor(values[..., self.kept.inputs]), training=False)
        off = distance(as_array(found), as_array(expected)[..., self.kept.outputs], -1)
        allowed = tolerance(site.layer)
        if not off <= allowed:  # so that NaN is caught too
            raise SepzooError(
                f"expected the same outputs from what replaces {site.name!r}, to {allowed:g} of a channel's largest, "
                f"at the channels that stay. Received: outputs that are {off:.1e} of it off. No model is returned; "
                "please report this."
            )

    def _noise(self, site: Site) -> np.ndarray:
        if isinstance(site.layer, keras.layers.PReLU | keras.layers.Reshape):  # these stand on places too
            shape = [OPEN_SIZE if size is None else size for size in site.input_shape[1:]]
            return np.random.default_rng(0).normal(size=(2, *shape))
        return noise_for(row=(site,))[0]


def _tensor(values: np.ndarray) -> object:
    return keras.ops.convert_to_tensor(values, dtype="float32")
