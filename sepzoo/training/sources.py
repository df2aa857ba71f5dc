"""The data sets of a run."""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator

from sepzoo.data.augment import Augmentation
from sepzoo.data.opening import open_sounds, open_source, split_names, split_shards
from sepzoo.data.photo import SkippedImageWarning
from sepzoo.data.source import Source
from sepzoo.data.split import choose_splits
from sepzoo.inference.feature_splits import feature_splits, open_feature_split
from sepzoo.records.inputs import Features, Preparation
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from sepzoo.training.recipe_sections import DataSection


@dataclasses.dataclass(frozen=True)
class Sources:
    """What a network is trained, validated and tested on.

    Attributes:
        train: at the size that augmentation crops from.
        validation: at the network's input size.
        test: likewise; None where the data has nothing for it.
    """

    train: Source
    validation: Source
    test: Source | None = None

    @property
    def train_name(self) -> str:
        """Data set, split and number of images."""
        return _described(self.train)

    @property
    def validation_name(self) -> str:
        """Data set, split and number of images."""
        return _described(self.validation)

    @property
    def test_name(self) -> str | None:
        """Data set, split and number of images."""
        return _described(self.test) if self.test is not None else None


def open_sources(
    data: DataSection,
    input_shape: tuple[int, ...],
    preprocessing: Preparation,
    *,
    augmentation: Augmentation,
) -> Sources:
    """Open a recipe's data as a network wants its images, its clips of sound, or its series.

    Args:
        data: which images.
        input_shape: (height, width, channels) of a network of pictures.
        preprocessing: its crop fraction and interpolation are used, of sound the rate and length of clips.
        augmentation: what is cropped at random is opened larger.

    Raises:
        SepzooError: no such data set or split, or one that cannot be used.
    """
    series = isinstance(preprocessing, Features)
    splits = choose_splits(
        tuple(feature_splits(data.name)) if series else split_names(data.name, data_dir=data.data_dir),
        train=data.train,
        validation=data.validation,
        test=data.test,
        held_out=data.held_out,
        shards={} if series else split_shards(data.name, data_dir=data.data_dir),
    )

    chosen = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    named = {role: split for role, split in chosen.items() if split is not None}
    if isinstance(preprocessing, Features):
        steps = preprocessing.shape[0] if preprocessing.padded else None
        return Sources(**{role: open_feature_split(data.name, split=named[role], steps=steps) for role in named})
    if isinstance(preprocessing, Sound):
        return Sources(
            **{
                role: open_sounds(data.name, split=split, sound=preprocessing, data_dir=data.data_dir)
                for role, split in named.items()
            }
        )
    height, width, channels = input_shape
    size = height, width

    def opened(split: str, image_size: tuple[int, int], crop_fraction: float) -> Source:
        return open_source(
            data.name,
            split=split,
            image_size=image_size,
            data_dir=data.data_dir,
            channels=channels,
            crop_fraction=crop_fraction,
            interpolation=preprocessing.interpolation,
        )

    crop, enlarge = preprocessing.crop_fraction, augmentation.enlarge
    return Sources(
        # What is cropped at random may come from all that the centre crop leaves out.
        train=opened(splits.train, augmentation.source_size(size), min(1.0, crop * enlarge)),
        validation=opened(splits.validation, size, crop),
        test=opened(splits.test, size, crop) if splits.test is not None else None,
    )


@contextlib.contextmanager
def all_images_readable(*, required: bool) -> Iterator[None]:
    """Let the first image that is left out end the opening of data sets, where that is required.

    Raises:
        SepzooError: an image cannot be read, or is no image of a class.
    """
    if not required:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error", SkippedImageWarning)
        try:
            yield
        except SkippedImageWarning as skipped:
            raise SepzooError(
                f"{str(skipped).removesuffix(' It is left out.')} Mend it, or leave strict out."
            ) from None


def _described(source: Source) -> str:
    return f"{source.name} ({len(source)} {source.what})"
