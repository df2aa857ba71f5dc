"""Statistics of batch norm taken anew at the end of a run, in the files that it saved."""

from __future__ import annotations

from pathlib import Path

import keras

from sepzoo.artifact.model_file import load, save
from sepzoo.data.source import Source
from sepzoo.support.errors import SepzooError
from sepzoo.surgery.approximate.recalibration import recalibrate
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.training.batches import first_inputs
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.networks import Networks


def recalibrate_saved(path: Path, networks: Networks, source: Source, settings: FitSettings) -> None:
    """Give a run's saved network, which the inference model holds, new statistics, and write it again.

    They depend on its other weights and the first images of the run's first order alone, so that doing it twice does no
    harm.

    Args:
        path: of `best.keras` or `last.keras`.
        networks: whose inference model is changed.
        source: of training images, which are cropped where they are larger, and not changed otherwise.
        settings: how many, in which batches.
    """
    images = first_inputs(
        source,
        networks.preprocessing,
        settings.recalibrate,
        size=networks.inference.input_shape[1:3],
        batch_size=settings.batch_size,
        seed=settings.seed,
    )
    recalibrate(networks.inference, ModelInputs((images,)), batch_size=settings.batch_size)
    save(networks.inference, path, penalties=path.stem == "last")


def load_weights_of(path: Path, model: keras.Model) -> None:
    """Give a model the weights of a run's file.

    Raises:
        SepzooError: the file holds another network.
    """
    saved = load(path)
    if [each.shape for each in saved.weights] != [each.shape for each in model.weights]:
        raise SepzooError(f"{path}: expected a network of this run. Received: another network.")
    for ours, theirs in zip(model.weights, saved.weights, strict=True):
        ours.assign(theirs)
