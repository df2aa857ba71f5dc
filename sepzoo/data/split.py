"""Which part of a data set: names of splits, slices of them, and which one validates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sepzoo.data.overlap import overlap, parts_of
from sepzoo.support.errors import SepzooError, unknown

VALIDATION_NAMES = ("validation", "val", "valid")
_SLICE = re.compile(r"(?P<name>[\w-]+)(\[((?P<start>\d+)%)?:((?P<stop>\d+)%)?\])?")


@dataclass(frozen=True)
class Split:
    """A named split or a slice of it in percent, written as TFDS does: `train`, `train[20%:]`, `train[:20%]`.

    Attributes:
        name: the split.
        start: first percent taken.
        stop: percent at which the slice ends.
    """

    name: str
    start: int = 0
    stop: int = 100

    @classmethod
    def parse(cls, text: str) -> Split:
        """Read `name` or `name[a%:b%]`.

        Raises:
            SepzooError: it is neither.

        Example:
            >>> Split.parse("train[:20%]")
            Split(name='train', start=0, stop=20)
        """
        match = _SLICE.fullmatch(text)
        if match:
            split = cls(match["name"], int(match["start"] or 0), int(match["stop"] or 100))
            if split.start < split.stop <= 100:
                return split
        raise SepzooError(
            f"expected a split as a name or a slice in percent, such as train or train[20%:]. Received: split={text!r}."
        )

    def indices(self, labels: np.ndarray) -> np.ndarray:
        """Return the numbers of the images in this slice, rising.

        The slice holds its percentage of every class, in an order that never changes, so `[:20%]` and `[20%:]` are
        disjoint and together all. A class of two images or more has at least one on each side of every inner border.

        Raises:
            SepzooError: the slice is empty.

        Example:
            >>> labels = np.repeat([0, 1], 5)
            >>> Split.parse("train[:20%]").indices(labels).tolist()
            [2, 7]
        """
        parts = []
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            order = members[np.random.default_rng(0).permutation(len(members))]
            parts.append(order[_border(len(order), self.start) : _border(len(order), self.stop)])
        chosen = np.sort(np.concatenate(parts)) if parts else np.array([], np.int64)
        if not len(chosen):
            raise SepzooError(
                f"expected images in the split. Received: {self.name} from {self.start} % to {self.stop} % of "
                f"{len(labels)} images, which is none. Add images, two of a class at least."
            )
        return chosen


def _border(count: int, percent: int) -> int:
    if percent == 100:
        return count
    if percent == 0 or count < 2:  # a single image trains
        return 0
    return min(max(round(count * percent / 100), 1), count - 1)


@dataclass(frozen=True)
class SplitChoice:
    """What to train, validate and test on; `test` is None where the data set has nothing left for it."""

    train: str
    validation: str
    test: str | None


def choose_splits(
    known: Sequence[str],
    *,
    train: str = "train",
    validation: str | None = None,
    test: str | None = None,
    held_out: int = 20,
    sizes: Mapping[str, int] | None = None,
    shards: Mapping[str, Sequence[int]] | None = None,
) -> SplitChoice:
    """Fill in the splits that a recipe leaves open.

    Validation is the data set's own validation split; where there is none, `held_out` percent of the training split,
    which then does not train. The test split never validates unless it is named as validation.

    Args:
        known: the splits that the data set has.
        train: the split to train on, or a slice of it.
        validation: the split to validate on; None: as above.
        test: the split to test on, once, at the end; None: `test` where there is one and it does not validate.
        held_out: percent of `train`, 1 … 99.
        sizes: the number of images of each split; needed where slices in percent meet slices in images.
        shards: the numbers of images in the files of each split; needed for slices in shards.

    Raises:
        SepzooError: a split is not there, or images would be used twice, to train and validate, train and test, or
            validate and test.

    Example:
        >>> choose_splits(["train", "validation", "test"])
        SplitChoice(train='train', validation='validation', test='test')
        >>> choose_splits(["train"])
        SplitChoice(train='train[20%:]', validation='train[:20%]', test=None)
        >>> choose_splits(["train", "test"], validation="test")
        SplitChoice(train='train', validation='test', test=None)
    """
    for asked in (train, validation, test):
        for part in parts_of(asked) if asked is not None else ():
            if part.name not in known:
                raise unknown("split", part.name, known, hint=f"The data set has: {', '.join(known)}.")
    if validation is None:
        own = [name for name in VALIDATION_NAMES if name in known]
        if own:
            validation = own[0]
        elif train in known:
            train, validation = f"{train}[{held_out}%:]", f"{train}[:{held_out}%]"
        else:
            raise SepzooError(
                f"expected a validation split beside a sliced one. Received: train={train!r}, validation=None. "
                "Name a slice that it leaves out."
            )
    if validation == train:
        raise SepzooError(
            "expected different images to train and to validate. Received: "
            f"train={train!r}, validation={validation!r}. "
            f"Leave validation out, and {held_out} % of train are held out for it."
        )
    used = {part.name for part in (*parts_of(train), *parts_of(validation))}
    if test is None and "test" in known and "test" not in used:
        test = "test"
    roles = {"train": train, "validation": validation, "test": test}
    for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
        one, other = roles[first], roles[second]
        common = overlap(one, other, sizes, shards=shards) if one is not None and other is not None else None
        if common is not None:
            raise SepzooError(
                f"expected different images as {first} and {second}. Received: {first}={one!r}, {second}={other!r}, "
                f"which have {common} in common. Move a border."
            )
    return SplitChoice(train=train, validation=validation, test=test)
