"""A network's card: all that is known of it without building it."""

from __future__ import annotations

import dataclasses
import json

from sepzoo.catalog.index import Counts, index
from sepzoo.catalog.packaged import PackagedWeights, packaged, packaged_names
from sepzoo.catalog.published import BSCONV_PAPER, Published, published
from sepzoo.catalog.registry import find
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.support.arguments import field_types, in_words
from sepzoo.support.types import Json, Kwargs


@dataclasses.dataclass(frozen=True)
class Card:
    """What is known of a network: source, size, input, weights, and what others published.

    Attributes:
        name: registry name.
        family: that it belongs to.
        paper: of the architecture.
        note: what is inferred or unknown of it, or "".
        conv: kind of convolution in the slots, "own" for the family's own form.
        slot: what a kind replaces.
        kinds: legal kinds.
        arguments: that set it apart from the family's defaults.
        takes: the family's own arguments for `build`: what each may be, and what it is by default.
        input: what the network is made for: "image", "audio" or "series".
        dataset: that input and classes are made for.
        input_shape: (height, width, channels), or (steps, channels) of a series.
        classes: number of them.
        counts: parameters and multiply-accumulates, or None for a name that is not listed.
        preprocessing: what an input of pixels expects; empty where features go in.
        sound: how clips become the features of an input of sound; empty for others.
        weights: official weight files that exist for this very form.
        weights_licence: of those, or None.
        published: figures of others, with their sources.
        packaged: trained weights in the package, each with the accuracy that it has here, and how it was trained.
    """

    name: str
    family: str
    paper: Paper
    note: str
    conv: str
    slot: str
    kinds: tuple[str, ...]
    arguments: Kwargs
    takes: dict[str, str]
    input: str
    dataset: str
    input_shape: tuple[int, ...]
    classes: int
    counts: Counts | None
    preprocessing: dict[str, Json]
    sound: dict[str, Json]
    weights: tuple[WeightFile, ...]
    weights_licence: str | None
    published: tuple[Published, ...]
    packaged: tuple[PackagedWeights, ...] = ()

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)


def card(name: str) -> Card:
    """Return the card of a network.

    Raises:
        SepzooError: nobody knows the name; the nearest are offered.

    Example:
        >>> card("mobilenet_v1").counts.params
        4253864
    """
    family, spec = find(name)
    return Card(
        name=spec.name,
        family=family.name,
        paper=family.paper,
        note=family.note,
        conv=spec.conv or "own",
        slot=family.replaces,
        kinds=tuple(family.slots),
        arguments=dict(spec.arguments),
        takes=_takes(family, spec),
        input=spec.takes,
        dataset=spec.dataset,
        input_shape=spec.input_shape,
        classes=spec.classes,
        counts=_counts(spec.name),
        preprocessing=spec.preprocessing.to_dict() if spec.takes == "image" else {},
        sound={} if spec.sound is None else spec.sound.to_dict(),
        weights=weight_files(family, spec),
        weights_licence=family.weights_licence if weight_files(family, spec) else None,
        published=tuple(row for row in published() if _concerns(row, family, spec)),
        packaged=tuple(found for dataset in packaged_names() if (found := packaged(spec.name, dataset)) is not None),
    )


def _counts(name: str) -> Counts | None:
    known = index().get(name)
    return None if known is None else Counts(known.params, known.trainable, known.macs)


def _takes(family: Family, spec: ModelSpec) -> dict[str, str]:
    """Return what each argument of a family may be, in words, with this network's own value."""
    own = {**vars(family.arguments()), **spec.arguments}
    return {name: f"{in_words(hint)} ({own[name]!r})" for name, hint in field_types(family.arguments).items()}


def weight_files(family: Family, spec: ModelSpec) -> tuple[WeightFile, ...]:
    """Return the files for a network's form: those of the family that its fixed arguments do not rule out.

    Example:
        >>> from sepzoo.catalog.registry import find
        >>> [len(weight_files(*find(name))) for name in ("xception", "mobilenetv1_w1")]
        [2, 0]
    """
    if spec.conv is not None or not spec.official:
        return ()
    return tuple(
        file
        for file in family.weights
        if all(spec.arguments.get(name, value) == value for name, value in file.arguments.items())
    )


def _concerns(row: Published, family: Family, spec: ModelSpec) -> bool:
    if row.name:
        return row.name == spec.name
    if row.arxiv == BSCONV_PAPER:
        return (spec.conv or "").startswith("bsconv")
    return spec.official and row.arxiv in (family.paper.arxiv, *family.also_in)
