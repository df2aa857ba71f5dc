"""What a network's name stands for: records that can be read without building anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sepzoo.layers.heads import pooled_head
from sepzoo.records.preprocessing import MINUS_ONE_TO_ONE, Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.types import Activation, Options, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder


Takes = Literal["image", "audio", "series"]
"""What a network is made for."""


class Head(Protocol):
    """Function from the last feature map to class scores."""

    def __call__(self, net: LayerBuilder, x: Tensor, arguments: Any, *, classes: int, activation: Activation) -> Tensor:
        """Return the class scores (batch, classes)."""


@dataclasses.dataclass(frozen=True)
class Paper:
    """Where an architecture was published."""

    title: str
    authors: str
    venue: str
    arxiv: str


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """One file of trained weights: the variant it belongs to, where it is, what it must hash to.

    Attributes:
        arguments: that set this file apart from the family's others. All arguments that weights depend on must be as
            the official name has them, but for these.
        image_size: of the training images; the network takes any size without its classifier.
        include_top: whether the classifier's weights are inside.
        url: where it can be downloaded.
        file_hash: of the file, or None where nobody published one; then that of the first download is kept beside it.
        hash_algorithm: of that hash.
    """

    arguments: Options
    image_size: int
    include_top: bool
    url: str
    file_hash: str | None = None
    hash_algorithm: Literal["md5", "sha256"] = "md5"


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """A name and what it builds.

    Attributes:
        name: as in `build(name)`.
        arguments: of the family, and conventions, that differ from the defaults.
        conv: kind of convolution in the slots, or None for the family's own form.
        conv_options: the kind's options.
        input_shape: (height, width, channels) by default, or (steps, channels) of a series.
        classes: by default.
        dataset: that the default input and classes are made for.
        minimum_size: least height and width, or steps.
        preprocessing: from pixels to the input, where it takes pictures.
        takes: pictures, or features of sound or of other series, which are (…, channels) and taken as they are.
        sound: how clips become the features of the default input, where it takes those of sound.
        labels: names of the default classes, where the network has weights for just these.
        official: whether this is the form of the family's own paper, whose weights and results are thus this network's;
            not so the forms in the BSConv authors' program.
    """

    name: str
    arguments: Options = dataclasses.field(default_factory=dict)
    conv: str | None = None
    conv_options: Options = dataclasses.field(default_factory=dict)
    input_shape: tuple[int, ...] = (224, 224, 3)
    classes: int = 1000
    dataset: str = "imagenet"
    minimum_size: int = 32
    preprocessing: Preprocessing = MINUS_ONE_TO_ONE
    takes: Takes = "image"
    sound: Sound | None = None
    labels: tuple[str, ...] | None = None
    official: bool = True


@dataclasses.dataclass(frozen=True)
class Family:
    """Networks that one function builds.

    Attributes:
        name: of the family, and of its file in `sepzoo.applications`.
        paper: where it was published.
        arguments: dataclass that declares what `build` takes beside the arguments that all families have; see
            `sepzoo.records.arguments`.
        body: the network up to its last feature map, from a layer builder, the images and the arguments.
        head: the class scores, from a layer builder, the last feature map, the arguments, `classes` and `activation`.
        slots: legal kinds of convolution, each with the options that it has here by default.
        replaces: what a kind replaces, in words.
        listed: the names that `list_models` shows.
        parse: finds the spec of a name that follows the family's grammar but is not listed.
        weights: weights that exist.
        weights_licence: of those.
        note: what is inferred or unknown of the architecture; "" where its source was read in full.
        also_in: arXiv numbers of further papers with results on these networks.
    """

    name: str
    paper: Paper
    arguments: type[Any]
    body: Callable[[LayerBuilder, Tensor, Any], Tensor]
    slots: Mapping[str, Options]
    replaces: str
    listed: tuple[ModelSpec, ...]
    head: Head = pooled_head
    parse: Callable[[str], ModelSpec | None] = lambda name: None
    weights: tuple[WeightFile, ...] = ()
    weights_licence: str | None = None
    note: str = ""
    also_in: tuple[str, ...] = ()
