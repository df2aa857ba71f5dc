"""What Keras's augmentation layers do to a batch, decided by the given random numbers alone."""

from __future__ import annotations

import keras
import numpy as np

from sepzoo.data.augment import Augmentation
from sepzoo.support.types import Layer


class KerasAugmentation:
    """RandAugment on pixels, then MixUp or CutMix on normalized images and their targets.

    Each call sets the layers' seeds from the random numbers that it is given, so that a batch is the same whatever came
    before it.

    Args:
        augmentation: of which the fields are used that are Keras's layers.

    Example:
        >>> augment = KerasAugmentation(Augmentation(mixup=0.5))
        >>> images, targets = np.zeros((2, 4, 4, 3), "float32"), np.eye(2, dtype="float32")
        >>> mixed, soft = augment.mixed(images, targets, np.random.default_rng(0))
        >>> mixed.shape, soft.sum(axis=1).tolist()
        ((2, 4, 4, 3), [1.0, 1.0])
    """

    def __init__(self, augmentation: Augmentation) -> None:
        self._augment: Layer | None = None
        if augmentation.operations:
            self._augment = keras.layers.RandAugment(
                num_ops=augmentation.operations, factor=augmentation.strength, seed=0
            )
        self._mixes: list[Layer] = []
        if augmentation.mixup:
            self._mixes.append(keras.layers.MixUp(alpha=augmentation.mixup, seed=0))
        if augmentation.cutmix:
            self._mixes.append(keras.layers.CutMix(factor=augmentation.cutmix, seed=0))

    def changed(self, images: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return uint8 images after RandAugment."""
        if self._augment is None:
            return images
        _seed(self._augment, random)
        changed = keras.ops.convert_to_numpy(self._augment(images.astype("float32"), training=True))
        return np.clip(np.rint(changed), 0, 255).astype(np.uint8)

    def mixed(
        self, images: np.ndarray, targets: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 images and targets, (n, outputs), each mixed with another of the batch."""
        if not self._mixes:
            return images, targets
        layer = self._mixes[int(random.integers(len(self._mixes)))]
        _seed(layer, random)
        mixed = layer({"images": images, "labels": targets}, training=True)
        found = [keras.ops.convert_to_numpy(mixed[name]) for name in ("images", "labels")]
        return found[0].astype("float32"), found[1].astype("float32")


def _seed(layer: Layer, random: np.random.Generator) -> None:
    for variable in layer.variables:
        variable.assign(random.integers(0, 2**31, tuple(variable.shape)).astype(variable.dtype))
