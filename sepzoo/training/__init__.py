"""Training: a recipe (one YAML file) becomes a run folder with checkpoints, metrics, curves and the trained network.

`run` does all of it. `fit` is the part that knows no recipe: it trains any network on any images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names
from sepzoo.support.processor import set_for_processor
from sepzoo.training.distribution import Distribution
from sepzoo.training.finished_run import Epoch, Result, Run
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.recipe import Recipe, list_recipes
from sepzoo.training.recipe_sections import OptimizerSection, ScheduleSection
from sepzoo.training.study import Study

if TYPE_CHECKING:
    from sepzoo.training.fitting import fit
    from sepzoo.training.networks import Networks
    from sepzoo.training.running import run
    from sepzoo.training.sources import Sources
    from sepzoo.training.sweeping import sweep

__all__ = [
    "Distribution",
    "Epoch",
    "FitSettings",
    "Networks",
    "OptimizerSection",
    "Recipe",
    "Result",
    "Run",
    "ScheduleSection",
    "Sources",
    "Study",
    "fit",
    "list_recipes",
    "run",
    "set_for_processor",
    "sweep",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Networks": "sepzoo.training.networks",
        "Sources": "sepzoo.training.sources",
        "fit": "sepzoo.training.fitting",
        "run": "sepzoo.training.running",
        "sweep": "sepzoo.training.sweeping",
    },
)
