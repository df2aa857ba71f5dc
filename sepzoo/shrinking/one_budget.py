"""A trained network made to fit a budget."""

from __future__ import annotations

import os
from collections.abc import Sequence

import keras

from sepzoo.data.samples import Samples
from sepzoo.records.outputs import Said
from sepzoo.shrinking.budget import Budget, Costs
from sepzoo.shrinking.report import ShrinkReport
from sepzoo.shrinking.settings import BEST, TECHNIQUES
from sepzoo.shrinking.shrinker import Shrinker
from sepzoo.support.types import Arrays


def shrink(
    model: keras.Model,
    *,
    budget: Budget,
    samples: Samples | Arrays,
    check: Samples | Arrays | None = None,
    techniques: Sequence[str] = TECHNIQUES,
    runtime: str = "tflite:int8",
    rule: str = BEST,
    keep: Sequence[str] = (),
    outputs: Said = None,
    scores: str | os.PathLike[str] | None = None,
    resume: str | os.PathLike[str] | None = None,
    costs: Costs = "measured",
    curve: bool = False,
    distil: int = 0,
    refit: bool = False,
    lessons: Samples | Arrays | None = None,
    compare: Samples | Arrays | None = None,
    out: str | os.PathLike[str] | None = None,
) -> tuple[keras.Model, ShrinkReport]:
    """Make a trained network fit a budget: one choice for every layer, solved together, without training.

    For each layer there are many ways (`techniques`), and for each group of channels several widths. What each of them
    does to the answers is computed from samples in closed form, weighted by the Fisher information of the network's own
    answers and scaled by divergences that were measured; no labels are needed. The choice that is expected to do least
    within the budget is found exactly or to a stated gap, then built in the order of the graph: each layer is fitted by
    least squares to what the original gives, on what really comes to it. The file is written and measured; if it
    costs more than the budget, or leaves much of it, another choice is solved for, three times at most. Nothing is
    returned that misses it.

    Args:
        model: functional or Sequential, trained; it is only read.
        budget: limits of what the file may cost.
        samples: some hundreds to fit to and calibrate on: `Samples`, or an array as `sepzoo.surgery.decouple` takes it.
        check: to compare the answers on, with labels where accuracy is wanted; None: those that nothing was fitted to,
            of `compare` or of the quarter.
        techniques: "decouple" (sums of depthwise separable terms), "bsconv" (blueprints), "spatial" (k x 1 and 1 x k),
            "lowrank" (fewer channels between two), "smaller" (3 x 3 for 5 x 5), "channels" (fewer of them).
        runtime: whose file is measured: "tflite:int8" or "tflite:float32".
        rule: "best": the solver's choice; to compare it with: "even" (all layers cut alike), "equal_level" (AIMET's:
            each layer errs as much), "greedy" (NetAdapt's).
        keep: names of layers that stay as they are, and their outputs, with shell wildcards.
        outputs: what the model gives, where its graph doesn't show it.
        scores: a file for what was measured; where it is there, nothing is measured again,
            nor for fewer techniques.
        resume: a folder for finished steps: where a call was interrupted, the same call goes on from them.
        costs: "measured", or "macs": nothing is timed, and a share of the latency is taken as that share of the
            multiply-accumulates. So where a machine is too uneven to measure on.
        curve: whether the report has the best choices for other budgets too.
        distil: epochs in which the network then learns to answer as the original does, before the file is written; for
            an int8 file with layers that round as it will, which the model then has.
        refit: whether what is expected gets a factor for each layer, 0 or more, by the divergences of the random
            choices that were measured; the report has the rank correlation with choices that weren't fitted to, and
            that without factors.
        lessons: samples for that, some thousands, without labels; None: the same samples.
        compare: other samples, some hundreds, on which the best choices are compared; None: a quarter of `samples`.
        out: where the file goes; None: it is not kept.

    Returns:
        The new model, in the form that was written to the file, and the report.

    Raises:
        SepzooError: a budget that can't be kept (the least is named), a file that misses it in the end (both figures
            are named), a network with nothing to shrink, samples that don't fit, or what export refuses.

    Example:
        >>> import numpy as np
        >>> layers = [keras.layers.Conv2D(8, 3, activation="relu"), keras.layers.Conv2D(16, 3, activation="relu")]
        >>> layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, activation="softmax")]
        >>> model = keras.Sequential([keras.Input((12, 12, 8)), *layers], name="net")
        >>> pictures = np.random.default_rng(0).normal(size=(32, 12, 12, 8)).astype("float32")
        >>> smaller, report = shrink(model, budget=Budget(macs="60%"), samples=pictures)
        >>> report.measured["macs"] <= 0.6 * report.original["macs"], report.gap < 0.01
        (True, True)
    """
    with Shrinker(
        model,
        samples=samples,
        check=check,
        runtime=runtime,
        keep=keep,
        outputs=outputs,
        scores=scores,
        resume=resume,
        lessons=lessons,
        compare=compare,
    ) as shrinker:
        return shrinker.shrink(
            budget, techniques=techniques, rule=rule, costs=costs, curve=curve, distil=distil, refit=refit, out=out
        )
