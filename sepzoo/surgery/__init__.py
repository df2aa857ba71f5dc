"""A trained model in, another one out, its weights kept and its function too: the original is never touched.

`rewrite` is the one walk; everything else is a rule for it. All return `(model, SurgeryReport)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.surgery.approximate.blueprint import blueprint
    from sepzoo.surgery.approximate.channel_decomposition import decompose_channels
    from sepzoo.surgery.approximate.decoupling import decouple
    from sepzoo.surgery.approximate.decoupling_report import DecoupledLayer, DecouplingReport, UniformChoice
    from sepzoo.surgery.approximate.recalibration import recalibrate_batch_norm
    from sepzoo.surgery.approximate.replacing import replace
    from sepzoo.surgery.approximate.spatial_decomposition import decompose_spatially
    from sepzoo.surgery.exact.accelerate import accelerate
    from sepzoo.surgery.exact.builtin_layers import to_keras
    from sepzoo.surgery.exact.folding import fold_batch_norm
    from sepzoo.surgery.exact.fuse_branches import fuse_branches
    from sepzoo.surgery.exact.leading_batch_norm import fold_leading_batch_norm
    from sepzoo.surgery.exact.pointwise_pairs import fuse_pointwise
    from sepzoo.surgery.exact.separable_pairs import merge_separable, split_separable
    from sepzoo.surgery.pruning.pruning import prune_channels
    from sepzoo.surgery.pruning.pruning_report import KeptChannels, PrunedGroup, PruningReport
    from sepzoo.surgery.pruning.refitting import Refit
    from sepzoo.surgery.walk.report import Change, SurgeryReport
    from sepzoo.surgery.walk.rewriting import Part, Replacement, Rule, Skip, rewrite
    from sepzoo.surgery.walk.sites import Call, Site, sites

__all__ = [
    "Call",
    "Change",
    "DecoupledLayer",
    "DecouplingReport",
    "KeptChannels",
    "Part",
    "PrunedGroup",
    "PruningReport",
    "Refit",
    "Replacement",
    "Rule",
    "Site",
    "Skip",
    "SurgeryReport",
    "UniformChoice",
    "accelerate",
    "blueprint",
    "decompose_channels",
    "decompose_spatially",
    "decouple",
    "fold_batch_norm",
    "fold_leading_batch_norm",
    "fuse_branches",
    "fuse_pointwise",
    "merge_separable",
    "prune_channels",
    "recalibrate_batch_norm",
    "replace",
    "rewrite",
    "sites",
    "split_separable",
    "to_keras",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Call": "sepzoo.surgery.walk.sites",
        "Change": "sepzoo.surgery.walk.report",
        "DecoupledLayer": "sepzoo.surgery.approximate.decoupling_report",
        "DecouplingReport": "sepzoo.surgery.approximate.decoupling_report",
        "KeptChannels": "sepzoo.surgery.pruning.pruning_report",
        "Part": "sepzoo.surgery.walk.rewriting",
        "PrunedGroup": "sepzoo.surgery.pruning.pruning_report",
        "PruningReport": "sepzoo.surgery.pruning.pruning_report",
        "Refit": "sepzoo.surgery.pruning.refitting",
        "Replacement": "sepzoo.surgery.walk.rewriting",
        "Rule": "sepzoo.surgery.walk.rewriting",
        "Site": "sepzoo.surgery.walk.sites",
        "Skip": "sepzoo.surgery.walk.rewriting",
        "SurgeryReport": "sepzoo.surgery.walk.report",
        "UniformChoice": "sepzoo.surgery.approximate.decoupling_report",
        "accelerate": "sepzoo.surgery.exact.accelerate",
        "blueprint": "sepzoo.surgery.approximate.blueprint",
        "decompose_channels": "sepzoo.surgery.approximate.channel_decomposition",
        "decompose_spatially": "sepzoo.surgery.approximate.spatial_decomposition",
        "decouple": "sepzoo.surgery.approximate.decoupling",
        "fold_batch_norm": "sepzoo.surgery.exact.folding",
        "fold_leading_batch_norm": "sepzoo.surgery.exact.leading_batch_norm",
        "fuse_branches": "sepzoo.surgery.exact.fuse_branches",
        "fuse_pointwise": "sepzoo.surgery.exact.pointwise_pairs",
        "merge_separable": "sepzoo.surgery.exact.separable_pairs",
        "prune_channels": "sepzoo.surgery.pruning.pruning",
        "recalibrate_batch_norm": "sepzoo.surgery.approximate.recalibration",
        "replace": "sepzoo.surgery.approximate.replacing",
        "rewrite": "sepzoo.surgery.walk.rewriting",
        "sites": "sepzoo.surgery.walk.sites",
        "split_separable": "sepzoo.surgery.exact.separable_pairs",
        "to_keras": "sepzoo.surgery.exact.builtin_layers",
    },
)
