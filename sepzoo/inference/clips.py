"""Read sound files, or arrays of samples, as the clips that a network takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from sepzoo.data.clip import read_clip, warn_of_changes
from sepzoo.inference.images import raise_unreadable
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError

_AXES = 2


def read_clips(paths: Iterable[str | os.PathLike[str]], sound: Sound) -> np.ndarray:
    """Return the clips of some files, int16 (n, samples); a warning says which were changed.

    Raises:
        SepzooError: some files can't be read; they are counted, and the first five are named.
    """
    clips, changes, problems = [], [], []
    for path in paths:
        try:
            clip = read_clip(path, sound)
        except SepzooError as error:
            problems.append(str(error))
            continue
        clips.append(clip.samples)
        if clip.change:
            changes.append(f"{path}: {clip.change}")
    raise_unreadable(problems, len(clips) + len(problems), what="clips")
    warn_of_changes(changes, len(clips))
    return np.stack(clips) if clips else np.zeros((0, sound.samples), np.int16)


def as_clips(data: object, sound: Sound) -> np.ndarray | None:
    """Return data as clips (n, samples), or None where they are no sound but features.

    Args:
        data: the path of a WAV file, several of these, or samples of the right rate: whole numbers of 16 bits, or
            floats of -1 … 1, unless they have the shape of features.
        sound: what the network takes.

    Raises:
        SepzooError: files that can't be read.

    Example:
        >>> as_clips(np.zeros((2, 49, 10, 1), "float32"), Sound()) is None
        True
        >>> as_clips(np.zeros((2, 16000), "int16"), Sound()).shape
        (2, 16000)
    """
    if isinstance(data, str | os.PathLike):
        return read_clips([data], sound)
    if isinstance(data, Sequence) and all(isinstance(each, str | os.PathLike) for each in data):
        return read_clips(data, sound)
    if not isinstance(data, np.ndarray) or data.ndim != _AXES:
        return None
    floats = np.issubdtype(data.dtype, np.floating)
    return None if floats and data.shape[1:] == sound.shape else data
