"""A trained network made to fit a budget of bytes, multiply-accumulates, memory or time, measured on its own file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.shrinking.budget import Budget
    from sepzoo.shrinking.one_budget import shrink
    from sepzoo.shrinking.report import CurvePoint, LayerChoice, Proposal, ShrinkReport
    from sepzoo.shrinking.shrinker import Shrinker

__all__ = ["Budget", "CurvePoint", "LayerChoice", "Proposal", "ShrinkReport", "Shrinker", "shrink"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Budget": "sepzoo.shrinking.budget",
        "CurvePoint": "sepzoo.shrinking.report",
        "LayerChoice": "sepzoo.shrinking.report",
        "Proposal": "sepzoo.shrinking.report",
        "ShrinkReport": "sepzoo.shrinking.report",
        "Shrinker": "sepzoo.shrinking.shrinker",
        "shrink": "sepzoo.shrinking.one_budget",
    },
)
