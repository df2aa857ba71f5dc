"""A trained model in, another one out, its weights kept and its function too: the original is never touched.

`rewrite` is the one walk; everything else is a rule for it. All return `(model, SurgeryReport)`.
"""

from __future__ import annotations

from sepzoo.surgery.approximate.blueprint import blueprint
from sepzoo.surgery.approximate.channelwise import decompose_channels
from sepzoo.surgery.approximate.decoupling import decouple
from sepzoo.surgery.approximate.decoupling_report import DecoupledLayer, DecouplingReport, UniformChoice
from sepzoo.surgery.approximate.recalibration import recalibrate_batch_norm
from sepzoo.surgery.approximate.replacing import replace
from sepzoo.surgery.approximate.spatial import decompose_spatially
from sepzoo.surgery.exact.accelerate import accelerate
from sepzoo.surgery.exact.builtin_layers import to_keras
from sepzoo.surgery.exact.folding import fold_batch_norm
from sepzoo.surgery.exact.leading import fold_leading_batch_norm
from sepzoo.surgery.exact.pointwise_pairs import fuse_pointwise
from sepzoo.surgery.exact.separable_pairs import merge_separable, split_separable
from sepzoo.surgery.walk.report import Change, SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Rule, Skip, rewrite
from sepzoo.surgery.walk.sites import Call, Site, sites

__all__ = [
    "Call",
    "Change",
    "DecoupledLayer",
    "DecouplingReport",
    "Part",
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
    "fuse_pointwise",
    "merge_separable",
    "recalibrate_batch_norm",
    "replace",
    "rewrite",
    "sites",
    "split_separable",
    "to_keras",
]
