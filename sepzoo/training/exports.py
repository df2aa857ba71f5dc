"""Exporting the best network of a finished run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sepzoo.artifact.model_file import load
from sepzoo.data.augment import Augmentation
from sepzoo.export.batch_export import export_all
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.results import ExportResults
from sepzoo.export.samples import CALIBRATION_COUNT, ExportSamples, draw_export_samples, samples_of_data
from sepzoo.export.target_names import check_targets, wanted_targets
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.atomic import atomic_write
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.regular_file import read_bounded
from sepzoo.training.recipe import Recipe
from sepzoo.training.sources import open_sources

_RECORD = TypeAdapter(ExportResults)
FILE = "exports.json"


def export_run(
    folder: Path,
    recipe: Recipe,
    targets: Sequence[str],
    *,
    out: Path | None = None,
    data: str | None = None,
    calibration: int = CALIBRATION_COUNT,
    seed: int | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    outputs: Said = None,
    tflite_options: TfliteOptions | None = None,
    least_accuracy: float | None = None,
    embed_preprocessing: bool = False,
    keep_going: bool = False,
) -> ExportResults:
    """Write one file a target of the best network in a run's folder; see `Run.export`."""
    wanted_targets(targets)
    best = folder / "best.keras"
    classifier = from_model(load(best), labels=labels, preprocessing=preprocessing, outputs=outputs)
    if data is not None:
        samples = samples_of_data(classifier, data, count=calibration, seed=seed or 0)
    else:
        samples = _own_samples(recipe, classifier, count=calibration, seed=recipe.seed if seed is None else seed)
    stem = (out or folder) / classifier.name
    return export_all(
        classifier,
        targets,
        stem,
        samples=samples,
        saved=best,
        title=f"{recipe.name}: ",
        tflite_options=tflite_options,
        least_accuracy=least_accuracy,
        embed_preprocessing=embed_preprocessing,
        keep_going=keep_going,
    )


def recipe_exports(folder: Path, recipe: Recipe) -> ExportResults:
    """Return the files that a finished run's recipe asks for; they are written where the folder has not all of them.

    What was measured of them is kept in the folder, so that a finished run is read at once.

    Raises:
        SepzooError: see `Run.export`.
    """
    known = _read(folder)
    if known is not None and tuple(report.target for report in known.reports) == check_targets(recipe.export):
        return known
    results = export_run(folder, recipe, recipe.export)
    with atomic_write(folder / FILE) as temporary:
        temporary.write_bytes(_RECORD.dump_json(results, indent=1))
    return results


def _read(folder: Path) -> ExportResults | None:
    """Return what a folder says of its files; None where it says nothing that can be read, or a file is gone."""
    try:
        found = _RECORD.validate_json(read_bounded(folder / FILE, most_bytes=BOUNDS.json))
    except (OSError, ValidationError):
        return None
    # The folder may have been moved since.
    reports = [dataclasses.replace(report, path=folder / report.path.name) for report in found.reports]
    if not all(path.exists() for path in (folder / "best.keras", *(report.path for report in reports))):
        return None
    return dataclasses.replace(found, saved=folder / "best.keras", reports=tuple(reports))


def _own_samples(recipe: Recipe, classifier: KerasClassifier, *, count: int, seed: int) -> ExportSamples:
    """Draw from a recipe's own data, unaugmented, prepared as the network sees it in use."""
    sources = open_sources(
        recipe.data, classifier.input_shape, classifier.require_preparation(), augmentation=Augmentation()
    )
    held_out = sources.test or sources.validation
    return draw_export_samples(classifier, sources.train, held_out, count=count, seed=seed)
