"""Batches of images and labels, for training and for evaluation."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import numpy as np

from sepzoo.data.augment import Augmentation
from sepzoo.data.keras_augment import KerasAugmentation
from sepzoo.data.sound_augment import SoundAugmentation
from sepzoo.data.source import Batch, Source
from sepzoo.records.inputs import Features, Preparation
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Kwargs
from sepzoo.training.fit_settings import FitSettings


def training_batches(
    source: Source,
    preprocessing: Preparation,
    augmentation: Augmentation | SoundAugmentation,
    *,
    size: tuple[int, ...],
    batch_size: int,
    seed: int,
    epoch: int,
    targets: np.ndarray | None = None,
    weights: np.ndarray | None = None,
    done: int = 0,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield one epoch of normalized images and one-hot labels, shuffled and augmented; with `weights` those too.

    Every batch depends on `seed`, `epoch` and its number alone, so a resumed run sees what an unbroken one sees.

    Args:
        source: the images.
        preprocessing: from pixels, or clips of sound, to the network's input.
        augmentation: random changes of such data.
        size: (height, width) of the network's input, where it takes pictures.
        batch_size: images a batch.
        seed: of the run.
        epoch: counted from 0.
        targets: a row for each class of the data, or for each of its values, what the network should say to it; None:
            one output for each.
        weights: how much an image of a class counts in the loss, by the network's classes; None: all the same.
        done: batches to leave out at the start.
    """
    table = target_table(source, targets)
    change = _changing(preprocessing, augmentation, size, epoch)
    batches = enumerate(source.shuffled(batch_size, seed=seed, epoch=epoch))
    for number, (images, labels) in itertools.islice(batches, done, None):
        inputs, wanted = change(images, table[labels], batch_random(seed, epoch, number))
        yield (inputs, wanted) if weights is None else (inputs, wanted, each_class(wanted) @ weights)


def first_inputs(
    source: Source, preprocessing: Preparation, count: int, *, size: tuple[int, ...], batch_size: int, seed: int
) -> np.ndarray:
    """Return what the network takes of the first images of a run's first order, cropped where larger, else unchanged.

    Args:
        source: the images.
        preprocessing: from pixels, or clips of sound, to the network's input.
        count: of them, or all where there are fewer.
        size: as for `training_batches`, like the rest.
        batch_size: images a batch.
        seed: of the run.
    """
    unchanged = SoundAugmentation() if isinstance(preprocessing, Sound) else Augmentation()
    said: Kwargs = {"size": size, "batch_size": batch_size, "seed": seed, "epoch": 0}
    batches = training_batches(source, preprocessing, unchanged, **said)
    needed = -(-count // batch_size)
    return np.concatenate([batch[0] for batch in itertools.islice(batches, needed)])[:count]


def batch_random(seed: int, epoch: int, number: int) -> np.random.Generator:
    """Return what decides the changes of a batch, by its number in the epoch, both counted from 0."""
    # From 1: NumPy takes [seed, epoch, 0] for [seed, epoch], which shuffles.
    return np.random.default_rng([seed, epoch, number + 1])


def evaluation_batches(
    source: Source, preprocessing: Preparation, *, batch_size: int, targets: np.ndarray | None = None
) -> Iterator[Batch]:
    """Yield normalized images and one-hot labels in order; `targets` as for training."""
    table = target_table(source, targets)
    for images, labels in source.batches(batch_size):
        yield preprocessing.normalize(images), table[labels]


def count_batches(source: Source, batch_size: int) -> int:
    """Return the number of batches in an epoch."""
    return -(-len(source) // batch_size)


def class_weights(
    said: Literal["balanced"] | Mapping[str, float] | None, source: Source, targets: np.ndarray
) -> np.ndarray | None:
    """Return how much an image of each of the network's classes counts in the loss, float32; None: all the same.

    Args:
        said: by the recipe.
        source: whose images are counted, or whose classes are named.
        targets: a row for each class of the data.

    Raises:
        SepzooError: a class that the data has not, or data of values.
    """
    if said is None:
        return None
    if source.values is not None:
        raise SepzooError(f"expected classes, to weigh them. Received: class_weights for the values of {source.name}.")
    names = source.class_names
    if said == "balanced":
        counts = np.bincount(source.labels, minlength=len(names))
        each = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        for name in said:
            if name not in names:
                raise unknown("class in class_weights", name, names)
        each = np.array([said.get(name, 1.0) for name in names])
    return (each @ each_class(targets)).astype(np.float32)


def augmentation_for(preprocessing: Preparation, settings: FitSettings) -> Augmentation | SoundAugmentation:
    """Return the settings' random changes of what a network takes.

    Raises:
        SepzooError: changes of the other kind are asked for.
    """
    if isinstance(preprocessing, Features):
        for field in ("augmentation", "sound_augmentation"):
            if getattr(settings, field) != type(getattr(settings, field))():
                raise SepzooError(f"expected no {field} for a network that takes series. Received: some. Leave it out.")
        return Augmentation()
    sound = isinstance(preprocessing, Sound)
    other, default = (
        (settings.augmentation, Augmentation()) if sound else (settings.sound_augmentation, SoundAugmentation())
    )
    if other != default:
        wanted, given = ("sound_augmentation", "augmentation") if sound else ("augmentation", "sound_augmentation")
        raise SepzooError(
            f"expected {wanted} for a network that takes {'sound' if sound else 'pictures'}. Received: {given}: "
            f"{', '.join(name for name, value in default if getattr(other, name) != value)}. Leave it out."
        )
    return settings.sound_augmentation if sound else settings.augmentation


def _changing(
    preprocessing: Preparation, augmentation: Augmentation | SoundAugmentation, size: tuple[int, ...], epoch: int
) -> Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]:
    """Return what makes inputs and targets of a batch of an epoch, by random numbers.

    Raises:
        SepzooError: random changes of pictures for sound, or of sound for pictures.
    """
    if isinstance(preprocessing, Sound) and isinstance(augmentation, SoundAugmentation):
        return lambda clips, wanted, random: (augmentation(clips, preprocessing, random), wanted)
    if isinstance(preprocessing, Features):
        return lambda features, wanted, random: (preprocessing.normalize(features), wanted)
    if isinstance(preprocessing, Sound) or isinstance(augmentation, SoundAugmentation):
        raise SepzooError(
            f"expected augmentation for what the network takes. Received: {type(augmentation).__name__} and "
            f"{type(preprocessing).__name__}. Pass SoundAugmentation for sound, Augmentation for pictures."
        )
    height, width = size
    kerass = _keras_augmentation(augmentation)

    def changed(images: np.ndarray, wanted: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        pixels = augmentation(images, (height, width), random, epoch=epoch)
        if kerass is None:
            return preprocessing.normalize(pixels), wanted
        return kerass.mixed(preprocessing.normalize(kerass.changed(pixels, random)), wanted, random)

    return changed


def _keras_augmentation(augmentation: Augmentation) -> KerasAugmentation | None:
    """Return what Keras's layers do, or None where they do nothing and need not be made."""
    if not (augmentation.operations or augmentation.mixup or augmentation.cutmix):
        return None
    return KerasAugmentation(augmentation)


def target_table(source: Source, targets: np.ndarray | None) -> np.ndarray:
    """Return a row of target outputs for each label of a source."""
    table = np.eye(len(source.class_names), dtype=np.float32) if targets is None else targets
    return table if source.values is None else source.values @ table


def each_class(wanted: np.ndarray) -> np.ndarray:
    """Return targets with a column a class; one sigmoid has the second of two classes alone."""
    return np.concatenate([1 - wanted, wanted], axis=1) if wanted.shape[1] == 1 else wanted
