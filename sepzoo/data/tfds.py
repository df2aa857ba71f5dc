"""Any image classification set of TensorFlow Datasets."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sepzoo.data.arrays import ArraySource
from sepzoo.data.source import MEMORY_BUDGET, WHOLE, Batch, Source
from sepzoo.data.tfds_builder import feature_and_label, prepared_builder, require_split
from sepzoo.records.labels import composed
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import TfDataset, TfdsBuilder

_READ_AHEAD = 256
_SHUFFLED_AT_ONCE = 8192


class TfdsSource(Source):
    """A split of a prepared TFDS set, read from its files in every epoch.

    Reading by numbers (`images`) goes through the files once: meant for drawing a few hundred samples.

    Args:
        builder: the prepared builder.
        split: a split or a slice of it, as TFDS writes it.
        image_size: (height, width) that each image is resized and centre-cropped to.
        channels: 1, 3 or 4.
        preprocessing: its crop fraction and interpolation are used.
    """

    def __init__(
        self,
        builder: TfdsBuilder,
        *,
        split: str,
        image_size: tuple[int, int],
        channels: int = 3,
        preprocessing: Preprocessing = WHOLE,
    ) -> None:
        self.builder = builder
        self.split = split
        self.name = f"{builder.name} {split}"
        self.image_size = image_size
        self.channels = channels
        self.preprocessing = preprocessing
        self._image, self._label = feature_and_label(builder, "Image", "an image")
        self.class_names = tuple(map(composed, builder.info.features[self._label].names))
        self._pool = ThreadPoolExecutor(os.cpu_count())

    def __len__(self) -> int:
        return int(self.builder.info.splits[self.split].num_examples)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The class number of every image; the first call reads the files once, without decoding."""
        import tensorflow_datasets as tfds

        examples = self._examples(decoders={self._image: tfds.decode.SkipDecoding()})
        return np.array([label for _, label in tfds.as_numpy(examples)], np.int64)

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Return the images of these numbers, after one walk through the files."""
        found = np.empty((len(indices), *self.image_size, self.channels), np.uint8)
        start = 0
        for images, _ in self.batches(_READ_AHEAD):
            inside = np.flatnonzero((indices >= start) & (indices < start + len(images)))
            found[inside] = images[indices[inside] - start]
            start += len(images)
        return found

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """Yield (images, labels) in the order of the files; the last batch may be smaller."""
        return self._batched(self._examples(), batch_size)

    def shuffled(self, batch_size: int, *, seed: int, epoch: int) -> Iterator[Batch]:
        """Yield all images once in an order that `seed` and `epoch` alone decide (files, then 8,192 at a time)."""
        drawn = int(np.random.default_rng([seed, epoch]).integers(2**31))
        return self._batched(self._examples(shuffle_seed=drawn).shuffle(_SHUFFLED_AT_ONCE, seed=drawn), batch_size)

    def _examples(self, *, decoders: object = None, shuffle_seed: int | None = None) -> TfDataset:
        import tensorflow_datasets as tfds

        config = tfds.ReadConfig(shuffle_seed=shuffle_seed, try_autocache=False)
        config.options.deterministic = True
        examples = self.builder.as_dataset(
            split=self.split, shuffle_files=shuffle_seed is not None, decoders=decoders, read_config=config
        )
        return examples.map(lambda example: (example[self._image], example[self._label]))

    def _batched(self, examples: TfDataset, batch_size: int) -> Iterator[Batch]:
        import tensorflow_datasets as tfds

        if None not in self.builder.info.features[self._image].shape:  # TensorFlow batches images of one size fastest
            for images, labels in tfds.as_numpy(examples.batch(batch_size).prefetch(2)):
                yield self._resized(images), labels.astype(np.int64)
            return
        stream = iter(tfds.as_numpy(examples.prefetch(batch_size)))
        while batch := list(itertools.islice(stream, batch_size)):
            images, labels = zip(*batch, strict=True)
            yield self._resized(images), np.array(labels, np.int64)

    def _resized(self, images: Iterable[np.ndarray]) -> np.ndarray:
        resize = functools.partial(self.preprocessing.resize, size=self.image_size, channels=self.channels)
        return np.stack(list(self._pool.map(resize, images)))


def tfds_splits(name: str, data_dir: str | None = None) -> tuple[str, ...]:
    """Return the splits of a TFDS set, which is downloaded and prepared where it is not yet.

    Raises:
        SepzooError: no such set, or it is not prepared and cannot be had.
    """
    return tuple(prepared_builder(name, data_dir).info.splits)


def tfds_sizes(name: str, data_dir: str | None = None) -> dict[str, int]:
    """Return the number of images of each split of a TFDS set.

    Raises:
        SepzooError: as `tfds_splits`.
    """
    return {split: int(info.num_examples) for split, info in prepared_builder(name, data_dir).info.splits.items()}


def tfds_shards(name: str, data_dir: str | None = None) -> dict[str, tuple[int, ...]]:
    """Return the numbers of images in the files of each split of a TFDS set.

    Raises:
        SepzooError: as `tfds_splits`.
    """
    return {
        split: tuple(map(int, info.shard_lengths))
        for split, info in prepared_builder(name, data_dir).info.splits.items()
    }


def open_tfds(
    name: str,
    *,
    split: str = "train",
    image_size: tuple[int, int] | None = None,
    data_dir: str | None = None,
    channels: int | None = None,
    preprocessing: Preprocessing = WHOLE,
    memory_budget: int = MEMORY_BUDGET,
) -> Source:
    """Return a split of a TFDS set; no network is needed for one that is prepared.

    Args:
        name: such as `cifar10`, or `name/config:version`.
        split: a split or a slice of it, as TFDS writes it.
        image_size: (height, width) that each image is resized and centre-cropped to; None: that of the set's images.
        data_dir: where prepared sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.
        channels: 1, 3 or 4; None: those of the set.
        preprocessing: its crop fraction and interpolation are used.
        memory_budget: bytes; a split whose pixels take more is read from its files in every epoch.

    Raises:
        SepzooError: no such set or split, no image or class label in it, images of many sizes and none asked.
    """
    builder = prepared_builder(name, data_dir)
    require_split(builder, name, split)
    shape = builder.info.features[feature_and_label(builder, "Image", "an image")[0]].shape
    if image_size is None and None in shape[:2]:
        raise SepzooError(f"expected an image_size for {name}, whose images differ in size. Received: image_size=None.")
    source = TfdsSource(
        builder,
        split=split,
        image_size=image_size or shape[:2],
        channels=channels or shape[2] or 3,
        preprocessing=preprocessing,
    )
    height, width = source.image_size
    if len(source) * height * width * source.channels > memory_budget:
        return source
    pixels = np.empty((len(source), height, width, source.channels), np.uint8)
    labels = np.empty(len(source), np.int64)
    filled = 0
    for images, targets in source.batches(_READ_AHEAD):
        pixels[filled : filled + len(images)], labels[filled : filled + len(images)] = images, targets
        filled += len(images)
    return ArraySource(pixels, labels, source.class_names, source.name)
