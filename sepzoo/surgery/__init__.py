"""A trained model in, another one out, its weights kept and its function too: the original is never touched.

`rewrite` is the one walk; everything else is a rule for it. All return `(model, SurgeryReport)`.
"""

from __future__ import annotations

from sepzoo.surgery.accelerate import accelerate
from sepzoo.surgery.blueprint import blueprint
from sepzoo.surgery.channelwise import decompose_channels
from sepzoo.surgery.decoupling import decouple
from sepzoo.surgery.decoupling_report import DecoupledLayer, DecouplingReport, UniformChoice
from sepzoo.surgery.folding import fold_batch_norm
from sepzoo.surgery.leading import fold_leading_batch_norm
from sepzoo.surgery.pointwise_pairs import fuse_pointwise
from sepzoo.surgery.recalibration import recalibrate_batch_norm
from sepzoo.surgery.replacing import replace
from sepzoo.surgery.report import Change, SurgeryReport
from sepzoo.surgery.rewriting import Part, Replacement, Rule, Skip, rewrite
from sepzoo.surgery.separable_pairs import merge_separable, split_separable
from sepzoo.surgery.sites import Call, Site, sites
from sepzoo.surgery.spatial import decompose_spatially
from sepzoo.surgery.stock import to_keras

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
