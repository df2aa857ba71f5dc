"""A trained model in, another one out, its weights kept and its function too: the original is never touched.

`rewrite` is the one walk; everything else is a rule for it. All return `(model, SurgeryReport)`.
"""

from __future__ import annotations

from sepzoo.surgery.accelerate import accelerate
from sepzoo.surgery.folding import fold_batch_norm
from sepzoo.surgery.report import Change, SurgeryReport
from sepzoo.surgery.rewriting import Part, Replacement, Rule, Skip, rewrite
from sepzoo.surgery.sites import Call, Site, sites
from sepzoo.surgery.stock import to_keras

__all__ = [
    "Call",
    "Change",
    "Part",
    "Replacement",
    "Rule",
    "Site",
    "Skip",
    "SurgeryReport",
    "accelerate",
    "fold_batch_norm",
    "rewrite",
    "sites",
    "to_keras",
]
