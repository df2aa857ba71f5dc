"""How a network is trained, whatever network and images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sepzoo.data.augment import Augmentation
from sepzoo.data.sound_augment import SoundAugmentation
from sepzoo.training.recipe_sections import (
    EarlyStoppingSection,
    OptimizerSection,
    Positive,
    ScheduleSection,
    Section,
    TeacherSection,
)


class FitSettings(Section):
    """How a network is trained, whatever network and images: what `sepzoo.training.fit` takes.

    Attributes:
        augmentation: random changes of the training images.
        sound_augmentation: those of clips of sound, where the network takes these.
        optimizer: how gradients become steps.
        schedule: of the learning rate.
        epochs: passes over the training split.
        batch_size: images a step; the last step of an epoch takes what is left.
        label_smoothing: share of each target that is spread over all classes.
        ema: 0, or the decay of a moving average of the weights, which is then what is measured and saved.
        precision: in which the layers compute: `float32`, or half of it but for the weights and the last layer;
            `mixed_float16` scales the loss (Keras's `LossScaleOptimizer`). What is measured and saved is float32.
        class_weights: `balanced` (images / (classes x images of the class)), or the weight of each class by its name,
            1 where none is said: how much an image of it counts in the loss.
        teacher: a network to learn from beside the labels; nothing: none.
        early_stopping: when training ends before its last epoch; nothing: never.
        unfreeze_epoch: counted from 0, from which layers train too that are frozen at first (`model.trained: head`),
            with an optimizer that begins anew; nothing: they stay frozen.
        whitened: training images whose patches the first convolution's filters whiten at the start
            (`sepzoo.training.whitening`); 0: they keep their initial weights.
        recalibrate: training images on which batch norm gets its statistics anew at the end, in the saved networks of
            the best and the last epoch; 0: it keeps its moving averages.
        mirrored_views: whether the last network is measured once more at the end, by the mean of its answers to each
            image and to its mirror image; no other figure and no file changes by it.
        on_device: whether the training images lie on the device and many steps are one call (JAX backend); the numbers
            are those of the ordinary way, to rounding, which `muon` enlarges.
        checkpoint_minutes: within an epoch the state is kept whenever so much time has passed.
        deterministic: whether only operations are used that add in one order; what that costs is in docs/training.md.
        seed: decides initial weights, order and augmentation.

    Example:
        >>> FitSettings(optimizer=OptimizerSection(learning_rate=0.1), epochs=3).batch_size
        128
    """

    augmentation: Augmentation = Augmentation()
    sound_augmentation: SoundAugmentation = SoundAugmentation()
    optimizer: OptimizerSection
    schedule: ScheduleSection = ScheduleSection()
    epochs: Positive
    batch_size: Positive = 128
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(ge=0)]] | None = None
    teacher: TeacherSection | None = None
    early_stopping: EarlyStoppingSection | None = None
    unfreeze_epoch: Positive | None = None
    whitened: Annotated[int, Field(ge=0)] = 0
    recalibrate: Annotated[int, Field(ge=0)] = 0
    mirrored_views: bool = False
    on_device: bool = False
    deterministic: bool = False
    checkpoint_minutes: Annotated[float, Field(gt=0)] = 10.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
