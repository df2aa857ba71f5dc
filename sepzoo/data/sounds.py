"""Labelled clips of sound: folders of WAV files, and sets of TensorFlow Datasets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from sepzoo.data.class_folders import FileKind, check_every_class, class_files
from sepzoo.data.class_names import check_class_names
from sepzoo.data.clip import Clip, SkippedClipWarning, fitted_clip, is_sound, read_clip, warn_of_changes
from sepzoo.data.picture_files import find_files, readable
from sepzoo.data.source import MEMORY_BUDGET, Source
from sepzoo.data.tfds_builder import examples_in_order, feature_and_label, prepared_builder, require_split
from sepzoo.records.labels import composed
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError

SOUNDS = FileKind("sounds", "WAV", "sounds", lambda folder: find_files(folder, is_sound), is_sound)

_BYTES = 2  # of a sample


class SoundSource(Source):
    """Labelled clips of one length, 16 bits a sample: `images` returns int16 (n, samples).

    Args:
        clips: in memory, int16 (n, samples); or the files of them, which are read whenever they are asked for.
        labels: the class number of each.
        class_names: one name a class.
        name: shown beside every accuracy.
        sound: rate and length of the clips.

    Example:
        >>> clips = np.zeros((3, 16000), "int16")
        >>> source = SoundSource(clips, np.array([0, 1, 1]), ("no", "yes"), name="arrays", sound=Sound())
        >>> len(source), source.images(np.array([2])).shape
        (3, (1, 16000))
    """

    what = "clips"

    def __init__(
        self,
        clips: np.ndarray | Sequence[Path],
        labels: np.ndarray,
        class_names: tuple[str, ...],
        *,
        name: str,
        sound: Sound,
    ) -> None:
        self.clips = clips
        self.class_names = check_class_names(class_names, name)
        self.name = name
        self.sound = sound
        self._labels = labels.astype(np.int64)

    @property
    def labels(self) -> np.ndarray:
        """The class number of every clip."""
        return self._labels

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Return the clips of these numbers.

        Raises:
            SepzooError: a file is missing or damaged.
        """
        if isinstance(self.clips, np.ndarray):
            return self.clips[indices]
        return np.stack([read_clip(self.clips[index], self.sound).samples for index in indices])


def open_sound_folder(
    folder: str | os.PathLike[str], *, split: str = "train", sound: Sound, memory_budget: int = MEMORY_BUDGET
) -> SoundSource:
    """Return the WAV files of a folder that holds one folder a class.

    Every file is read once on opening: what can't be read, and files that are no sound, are left out with a warning
    that counts them and names the first; another counts clips of another rate or length, which are resampled, cut or
    padded. Classes, splits and slices are as in `open_folder`.

    Args:
        folder: the folder, with the class folders in it or in its subfolders `train`, `validation`, `test`.
        split: one of its splits, or a slice of it in percent.
        sound: rate and length of the clips.
        memory_budget: bytes; of more the files are read whenever they are asked for.

    Raises:
        SepzooError: no such folder or split, fewer than two classes, a class without a sound that can be read.
    """
    root = Path(folder)
    found = class_files(root, split, SOUNDS)
    fits = len(found.files) * sound.samples * _BYTES <= memory_budget
    clips = np.empty((len(found.files) if fits else 0, sound.samples), np.int16)
    kept: list[int] = []
    changes: list[str] = []
    attempts = _attempts(found.files, sound)
    for index, clip in readable(attempts, len(found.files), root, "clips", SkippedClipWarning):
        if fits:
            clips[len(kept)] = clip.samples
        kept.append(index)
        if clip.change:
            changes.append(f"{found.files[index]}: {clip.change}")
    warn_of_changes(changes, len(found.files), str(root))
    labels = found.labels[kept]
    check_every_class(labels, found.labels, found.class_names, root, "sound")
    source = clips[: len(kept)] if fits else [found.files[index] for index in kept]
    return SoundSource(source, labels, found.class_names, name=f"{root.name} {split}", sound=sound)


def open_tfds_sounds(
    name: str,
    *,
    split: str = "train",
    sound: Sound,
    data_dir: str | None = None,
    memory_budget: int = 4 * MEMORY_BUDGET,
) -> SoundSource:
    """Return a split of a TFDS set of sounds with classes, such as `speech_commands`, in memory.

    Args:
        name: of the set, or `name/config:version`.
        split: a split or a slice of it, as TFDS writes it.
        sound: rate and length of the clips; others are resampled, cut or padded, and a warning counts them.
        data_dir: where prepared sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.
        memory_budget: bytes that the clips may take.

    Raises:
        SepzooError: no such set or split, no sound or class label in it, or more than the memory may hold.
    """
    import tensorflow_datasets as tfds

    builder = prepared_builder(name, data_dir)
    count = require_split(builder, name, split)
    if count * sound.samples * _BYTES > memory_budget:
        raise SepzooError(
            f"{name}: expected clips of {memory_budget / 2**30:.0f} GiB at most. Received: {count:,} in {split}. Take "
            f"a slice of it: {split.partition('[')[0]}[:10%]."
        )
    audio, label = feature_and_label(builder, "Audio", "sound")
    rate = builder.info.features[audio].sample_rate or sound.rate
    clips, labels = np.zeros((count, sound.samples), np.int16), np.zeros(count, np.int64)
    changes = []
    for number, example in enumerate(tfds.as_numpy(examples_in_order(builder, split))):
        clip = fitted_clip(_of_16_bits(example[audio], name), rate, sound)
        clips[number], labels[number] = clip.samples, example[label]
        if clip.change:
            changes.append(f"clip {number}: {clip.change}")
    warn_of_changes(changes, count, f"{builder.name} {split}")
    names = tuple(map(composed, builder.info.features[label].names))
    return SoundSource(clips, labels, names, name=f"{builder.name} {split}", sound=sound)


def _attempts(files: Iterable[Path], sound: Sound) -> Iterator[Clip | SepzooError]:
    """Yield the clip of every file, or what is wrong with it."""
    for path in files:
        try:
            yield read_clip(path, sound)
        except SepzooError as error:
            yield error


def _of_16_bits(samples: np.ndarray, name: str) -> np.ndarray:
    """Return samples of TFDS, whose type is often wider than they are."""
    if samples.dtype.kind in "iu" and samples.size and max(samples.max(), -1 - samples.min()) < 2**15:
        return samples.astype(np.int16)
    if samples.dtype.kind == "f" or not samples.size:
        return samples
    raise SepzooError(f"{name}: expected sound of 16 bits. Received: {samples.dtype} up to {np.abs(samples).max():,}.")
