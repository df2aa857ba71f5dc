"""Data sets of labelled images: the embedded digits, folders of photographs, arrays, TensorFlow Datasets.

Nothing here imports Keras, and TensorFlow only for TFDS sets.
"""

from __future__ import annotations

from sepzoo.data.arrays import ArraySource
from sepzoo.data.augment import Augmentation
from sepzoo.data.clip import ChangedClipWarning
from sepzoo.data.digits import open_digits
from sepzoo.data.folder import FolderSource, open_folder
from sepzoo.data.opening import open_features, open_sounds, open_source, split_names, split_shards, split_sizes
from sepzoo.data.photo import SkippedImageWarning, read_image
from sepzoo.data.picture_files import FoundImages, find_images
from sepzoo.data.samples import Samples, draw_samples
from sepzoo.data.sounds import SoundSource
from sepzoo.data.source import MEMORY_BUDGET, Source
from sepzoo.data.split import Split, SplitChoice, choose_splits
from sepzoo.data.tfds import TfdsSource, open_tfds

__all__ = [
    "MEMORY_BUDGET",
    "ArraySource",
    "Augmentation",
    "ChangedClipWarning",
    "FolderSource",
    "FoundImages",
    "Samples",
    "SkippedImageWarning",
    "SoundSource",
    "Source",
    "Split",
    "SplitChoice",
    "TfdsSource",
    "choose_splits",
    "draw_samples",
    "find_images",
    "open_digits",
    "open_features",
    "open_folder",
    "open_sounds",
    "open_source",
    "open_tfds",
    "read_image",
    "split_names",
    "split_shards",
    "split_sizes",
]
