"""Images to calibrate and check an exported file on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sepzoo.cli.keras_start import start_keras
from sepzoo.data.augment import Augmentation
from sepzoo.data.opening import open_source, split_names
from sepzoo.data.samples import Samples, draw_samples
from sepzoo.data.source import Source
from sepzoo.data.split import SplitChoice, choose_splits
from sepzoo.inference.evaluation import match_classes
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.inference import Classifier
    from sepzoo.training import Recipe

CALIBRATION_COUNT = 200
CHECK_COUNT = 1000


@dataclasses.dataclass(frozen=True)
class ExportSamples:
    """What an export looks at.

    Attributes:
        calibration: images of the training split; they set the ranges of integers.
        check: held-out images, of the test split where there is one, on which file and model are compared.
    """

    calibration: Samples
    check: Samples


def of_recipe(recipe: Recipe, classifier: Classifier, *, count: int, seed: int) -> ExportSamples:
    """Draw from a recipe's own data, unaugmented, prepared as the network sees it in use."""
    from sepzoo.training.networks import preprocessing_of
    from sepzoo.training.sources import open_sources

    plain = recipe.model_copy(update={"augmentation": Augmentation()})
    sources = open_sources(plain, preprocessing_of(recipe))
    return _drawn(classifier, sources.train, sources.test or sources.validation, count=count, seed=seed)


def of_data(data: str, classifier: Classifier, *, count: int, seed: int) -> ExportSamples:
    """Draw from the data set of a name, prepared as the network wants it."""
    splits = splits_of(data)
    train, held_out = (open_for(classifier, data, split) for split in (splits.train, splits.test or splits.validation))
    return _drawn(classifier, train, held_out, count=count, seed=seed)


def splits_of(data: str) -> SplitChoice:
    """Return what a recipe without wishes of its own would train, validate and test on."""
    _start_for(data)
    return choose_splits(split_names(data))


def open_for(classifier: Classifier, data: str, split: str) -> Source:
    """Open a split as the network wants its images: their size, channels and crop."""
    _start_for(data)
    preprocessing = classifier.require_preprocessing()
    height, width, channels = classifier.input_shape
    return open_source(
        data,
        split=split,
        image_size=(height, width),
        channels=channels,
        crop_fraction=preprocessing.crop_fraction,
        interpolation=preprocessing.interpolation,
    )


def _start_for(data: str) -> None:
    """Let TensorFlow start in silence where it will be needed: TFDS reads with it, folders and digits do without."""
    if data != "digits" and not Path(data).exists():
        start_keras()


def _drawn(classifier: Classifier, train: Source, held_out: Source, *, count: int, seed: int) -> ExportSamples:
    check = draw_samples(held_out, CHECK_COUNT, seed)
    try:
        outputs, _ = match_classes(classifier, held_out.class_names)
        check = dataclasses.replace(check, labels=outputs[check.labels])
    except SepzooError as problem:
        typer.echo(f"warning: no accuracy will be measured: {problem}", err=True)
        check = dataclasses.replace(check, labels=None)
    return ExportSamples(calibration=draw_samples(train, count, seed), check=check)
