"""The sections of a recipe, each validated on its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sepzoo.catalog.model_paths import names_file
from sepzoo.catalog.registry import find
from sepzoo.records.family import Takes
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json


class Section(BaseModel):
    """A part of a recipe: its keys are its fields, and there are no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def _pair(value: Json) -> Json:
    return (value, value) if isinstance(value, int) else value


HeadKind = Literal["softmax", "sigmoid", "multilabel", "values"]
"""One of several classes; one of two, by the probability of the second; several independent labels; numbers."""
Positive = Annotated[int, Field(ge=1)]
Side = Annotated[int, Field(ge=1, le=BOUNDS.image_side)]
ImageSize = Annotated[tuple[Side, Side], BeforeValidator(_pair)]
Share = Annotated[float, Field(gt=0, le=1)]


_SAID_ELSEWHERE = {
    "weights": "which model.weights says",
    "input_shape": "which model.image_size and model.channels say",
    "classes": "which the data decides",
    "classifier_activation": "since training takes logits and saves probabilities",
    "include_top": "since training needs the classifier",
    "pooling": "since training needs the classifier",
    "input_tensor": "since training makes its own",
    "model_name": "which model.name says",
    "name": "which model.name says",
}
"""Arguments of `build` that a recipe says in another place, or not at all."""


def takes(name: str) -> Takes:
    """Return what the network of a name takes; pictures where nobody knows it, which `build` then says."""
    try:
        return find(name)[1].takes
    except SepzooError:
        return "image"


class ModelSection(Section):
    """Which network.

    Attributes:
        name: as `sepzoo list` shows it; or a `.keras` or `.h5` file, or a run folder: then this very network goes on,
            with its weights, labels, preprocessing and image size. Of the other keys only `trained` and `classifier`
            go with a file, and `head` with a new classifier.
        arguments: of `sepzoo.applications.build`, for example `conv: bsconv_u` or `alpha: 0.25`.
        weights: what to start from: nothing (initial weights), `imagenet`, a data set that the package has weights of
            (`sepzoo card NAME` says so), or the path of a weight file.
        trained: `all` weights, or those of the `head` alone: the classifier, on features that stay as they were loaded.
        head: what the network is to give: `softmax` over classes, one `sigmoid` for two classes, `multilabel`
            (independent labels), or `values` (regression). The last two take the columns of a CSV file.
        classifier: of a file its `own`, whose classes must be those of the data, or a `new` one in its place, for any.
        image_size: height and width of the input, or one number for both; the name of a network of pictures needs it.
        channels: of the input.
        sound: of a network that takes sound, what differs from its card (`sepzoo card NAME`): fields of
            `sepzoo.records.sound.Sound`, for example `samples: 32000` for clips of two seconds.
        steps: of a network that takes series: those of its input; shorter series are followed by zeros up to them.
            Nothing: all series must have one length, which the data decides.
    """

    name: str
    arguments: dict[str, Json] = {}
    weights: str | None = None
    trained: Literal["all", "head"] = "all"
    head: HeadKind = "softmax"
    classifier: Literal["own", "new"] = "own"
    image_size: ImageSize | None = None
    channels: Literal[1, 3, 4] = 3
    sound: dict[str, Json] = {}
    steps: Positive | None = None

    @property
    def is_file(self) -> bool:
        """Whether the network is read from a file, not built by its name."""
        return names_file(self.name)

    @field_validator("arguments")
    @classmethod
    def _what_is_said_elsewhere_is_no_argument(cls, arguments: dict[str, Json]) -> dict[str, Json]:
        for name, place in _SAID_ELSEWHERE.items():
            if name in arguments:
                raise ValueError(f"expected no argument {name}, {place}")
        return arguments

    @model_validator(mode="after")
    def _a_name_has_a_size_and_a_file_is_as_it_is(self) -> ModelSection:
        kind: Takes = "image" if self.is_file else takes(self.name)
        pictures = kind == "image"
        if not self.is_file and pictures and self.image_size is None:
            raise ValueError("expected an image_size beside a network's name")
        if not pictures and self.image_size is not None:
            place = {
                "audio": "of sound, whose clips model.sound describes",
                "series": "of series, which the data decides",
            }
            raise ValueError(f"expected no image_size beside a network {place[kind]}")
        if self.steps is not None and kind != "series":
            raise ValueError("expected steps beside the name of a network that takes series only")
        if self.sound and kind != "audio":
            raise ValueError("expected sound beside the name of a network that takes sound only")
        if self.is_file and (self.arguments or self.weights is not None or self.image_size is not None):
            raise ValueError("expected neither arguments, weights nor image_size beside a file, which has its own")
        if self.classifier == "new" and not self.is_file:
            raise ValueError("expected classifier=new beside a file only, since a named network gets a new one anyway")
        if self.head != "softmax" and self.is_file and self.classifier == "own":
            raise ValueError("expected a head beside a file with classifier=new only, since the file has its own")
        return self


class DataSection(Section):
    """Which images.

    Attributes:
        name: `digits`, a folder of class folders, a TFDS name, or a CSV file of paths and values (`sepzoo.data.table`);
            of sound a folder of class folders of WAV files, or a TFDS name; of series a `.ts`, `.npz` or CSV file, of
            whose splits each is a file (`sepzoo.inference.feature_splits`).
        data_dir: where prepared TFDS sets lie; nothing: the variable `TFDS_DATA_DIR`, else TFDS's own place.
        train: the split to train on, or a slice of it such as `train[20%:]`.
        validation: the split measured after every epoch; nothing: the set's own, else a part of `train` is held out.
        test: the split measured once, at the end; nothing: `test` where there is one and it does not validate.
        held_out: percent of `train` to hold out where there is no validation split.
        crop_fraction: share of the short side that the centre crop keeps; nothing: as the network's card says.
    """

    name: str
    data_dir: str | None = None
    train: str = "train"
    validation: str | None = None
    test: str | None = None
    held_out: Annotated[int, Field(ge=1, le=99)] = 20
    crop_fraction: Share | None = None


class OptimizerSection(Section):
    """How gradients become steps.

    Attributes:
        kind: `sgd` as PyTorch's `SGD` (decay is added to the gradient: an L2 penalty of `weight_decay` / 2), `rmsprop`
            (Keras's, decay added likewise), `adamw` (decay apart from the gradient; Adam where it is 0), or `muon`
            (orthogonal steps for kernels over channels but the classifier's, decay apart; `sgd` for the rest).
        learning_rate: before the schedule's factor.
        momentum: of `sgd`, `muon` and `rmsprop`.
        nesterov: of `sgd` and `muon`.
        orthogonal_step: root mean square of the elements of an orthogonal step of `muon`, as a share of the learning
            rate.
        rho: share of the old in the mean of squares of `rmsprop`.
        weight_decay: its strength.
        decayed: `all` parameters, batch norm and biases too (BSConv's program), or `kernels` only.
        clip_norm: longer gradients, all variables together, are shortened to this length; nothing: none is.
        accumulate_steps: batches whose gradients are averaged into one step of the weights, over the end of an epoch
            too. Batch norm sees each batch alone.
        layer_decay: the rate of a layer is that of the next one with a kernel, towards the output, times this; 1: all
            layers have one rate. The decay of `adamw` keeps the whole rate.
    """

    kind: Literal["sgd", "rmsprop", "adamw", "muon"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0)]
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    orthogonal_step: Annotated[float, Field(gt=0)] = 0.03
    rho: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    decayed: Literal["all", "kernels"] = "all"
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    accumulate_steps: Positive = 1
    layer_decay: Share = 1.0


class ScheduleSection(Section):
    """The factor on the learning rate, as time goes by.

    Attributes:
        kind: `constant`, `step` (times `factor` at each milestone), `exponential` (times `factor` after each
            `every_epochs`), `cosine` (half a wave, down to 0 at the end) or `polynomial` (the share of the training
            that is left, to the `power`).
        milestones: epochs, counted from 0, at whose first step a `step` falls.
        factor: of each fall.
        every_epochs: between the falls of `exponential`.
        power: of `polynomial`.
        warmup_epochs: first of all the factor grows linearly to 1; `cosine` and `polynomial` begin after it.
    """

    kind: Literal["constant", "step", "exponential", "cosine", "polynomial"] = "constant"
    milestones: tuple[Positive, ...] = ()
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    every_epochs: Positive = 1
    power: Annotated[float, Field(gt=0)] = 1.0
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _milestones_belong_to_steps(self) -> ScheduleSection:
        if (self.kind == "step") != bool(self.milestones) or list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("expected rising milestones with kind=step, and none with another kind")
        return self


class EarlyStoppingSection(Section):
    """When training ends before its last epoch; the schedule of the learning rate stays that of all epochs.

    Attributes:
        monitor: what must get better, measured after each epoch.
        patience: epochs in a row that bring nothing better, after which it ends.
        min_delta: what is better by no more than this counts as nothing better.
    """

    monitor: Literal["val_accuracy", "val_loss"] = "val_accuracy"
    patience: Positive
    min_delta: Annotated[float, Field(ge=0)] = 0.0


class TeacherSection(Section):
    """A trained network whose answers, and inner outputs, are targets beside the labels (distillation).

    Attributes:
        file: a `.keras` or `.h5` file, or a run folder; it sees the very images that the student sees.
        temperature: by which the logits of both are divided before they are compared.
        weight: of the Kullback-Leibler divergence between the two, times the temperature squared; the loss of the
            labels has the rest.
        blocks: layers of both networks whose outputs are compared too: names, or `rewritten`, which are those where a
            graph that surgery has changed comes back to the layers of its original; nothing: none.
        block_weight: of the mean squared difference of these outputs, as a share of the teacher's mean square.
    """

    file: str
    temperature: Annotated[float, Field(gt=0)] = 1.0
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5
    blocks: Literal["rewritten"] | tuple[str, ...] | None = None
    block_weight: Annotated[float, Field(ge=0)] = 1.0
