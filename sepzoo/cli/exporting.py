"""Export a network to several files."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sepzoo.cli.exported import Exported
from sepzoo.cli.samples import CALIBRATION_COUNT, ExportSamples, of_data, of_recipe
from sepzoo.export import TARGETS, export
from sepzoo.export.comparison import noise
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.inference.latency import measure
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.training import Recipe, Run


@dataclasses.dataclass(frozen=True)
class Network:
    """What is to be exported.

    Attributes:
        classifier: the network.
        saved: its own file; None where it has none.
        stem: folder and beginning of the name of each file that is made of it.
        recipe: that trained it, whose data it knows; None where nobody can tell.
    """

    classifier: KerasClassifier
    saved: Path | None
    stem: Path
    recipe: Recipe | None = None

    @classmethod
    def of_run(cls, run: Run) -> Network:
        """Return the best network of a run."""
        classifier = from_model(run.model())
        return cls(classifier, run.folder / "best.keras", run.folder / classifier.name, run.recipe)


def summary(run: Run, exported: Exported) -> dict[str, Any]:
    """Return a run and the files that were made of it as JSON can hold them."""
    return {"folder": str(run.folder), "result": dataclasses.asdict(run.result), **exported.to_dict()}


def parse_targets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of targets, each once.

    Raises:
        SepzooError: one is not known; the nearest are offered.
    """
    for name in names:
        if name not in TARGETS:
            raise unknown("target", name, TARGETS)
    return tuple(dict.fromkeys(names))


def export_network(
    network: Network,
    targets: Sequence[str],
    *,
    data: str | None = None,
    calibration: int = CALIBRATION_COUNT,
    seed: int | None = None,
) -> Exported:
    """Write one file a target, each checked against the network on held-out images.

    Args:
        network: what is exported.
        targets: names that `parse_targets` let pass.
        data: to calibrate and check on; None: the data of the network's recipe, else random pixels to check.
        calibration: how many images set the ranges of integers.
        seed: decides which; None: that of the recipe, else 0.

    Raises:
        SepzooError: integers are wanted and no data is known, or what `sepzoo.export.export` raises.
    """
    drawn = _samples(network, data, count=calibration, seed=seed)
    calibrated = [target for target in targets if TARGETS[target].calibrated]
    if calibrated and drawn is None:
        raise SepzooError(
            f"{', '.join(calibrated)} needs images to calibrate on. Received: no --data. Name the training data: "
            "`digits`, a folder of class folders, or a TFDS name."
        )
    classifier, stem = network.classifier, network.stem
    reports = tuple(
        export(
            classifier.model,
            target,
            stem.with_name(stem.name + TARGETS[target].suffix),
            calibration=None if drawn is None else drawn.calibration,
            check=None if drawn is None else drawn.check,
            labels=classifier.labels,
            preprocessing=classifier.preprocessing,
        )
        for target in targets
    )
    seen = drawn.check if drawn is not None else noise(classifier.input_shape)
    return Exported(network.saved, measure(classifier, seen.images[0]), reports)


def _samples(network: Network, data: str | None, *, count: int, seed: int | None) -> ExportSamples | None:
    if data is not None:
        return of_data(data, network.classifier, count=count, seed=seed or 0)
    if network.recipe is not None:
        chosen = network.recipe.seed if seed is None else seed
        return of_recipe(network.recipe, network.classifier, count=count, seed=chosen)
    return None
