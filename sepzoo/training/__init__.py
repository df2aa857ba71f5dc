"""Training: a recipe (one YAML file) becomes a run folder with checkpoints, metrics, curves and the trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names
from sepzoo.training.recipe import Recipe, list_recipes
from sepzoo.training.record import Epoch, Result, Run

if TYPE_CHECKING:
    from sepzoo.training.running import run

__all__ = ["Epoch", "Recipe", "Result", "Run", "list_recipes", "run"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "run": "sepzoo.training.running",
    },
)
