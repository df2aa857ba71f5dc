"""The inputs and outputs of an opened model: names, shapes, types."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from sepzoo.records.inputs import Input
from sepzoo.records.outputs import End, Output

Found = TypeVar("Found")

_PICTURE_AXES = 3
_CHANNELS = (1, 3, 4)
_NO_ARGUMENTS = ("self", "args", "kwargs", "name")
"""What TensorFlow's own functions call their arguments."""


@dataclasses.dataclass(frozen=True)
class InputTensor:
    """One input of a model.

    Attributes:
        name: its key where the model takes a dictionary, else its layer's name; of one input None where it has none.
        shape: of one sample.
        dtype: of the numbers that it takes.

    Example:
        >>> InputTensor("image", (96, 96, 3)).is_picture, InputTensor("age", (1,)).is_picture
        (True, False)
    """

    name: str | None
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def is_picture(self) -> bool:
        """Whether pixels could have its shape: height, width and 1, 3 or 4 channels."""
        return len(self.shape) == _PICTURE_AXES and self.shape[-1] in _CHANNELS


@dataclasses.dataclass(frozen=True)
class OutputTensor:
    """One output of a model.

    Attributes:
        name: its key where the model gives a dictionary, else its layer's name; of one output None where it has none.
        shape: of what it gives for one sample.
        end: what the graph does last to it.
    """

    name: str | None
    shape: tuple[int, ...]
    end: End = "other"


def file_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return what inputs or outputs are called in files of TensorFlow, which takes letters, digits and _ alone.

    TensorFlow also takes names that differ in capitals alone for one; those get a number.

    Example:
        >>> file_names(["age", "pose/left", "pose left", "Age", "2nd"])
        ('age', 'pose_left', 'pose_left_2', 'Age_2', 'x2nd')
    """
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        plain = plain if plain[:1].isalpha() else f"x{plain}"
        new, number = f"{plain}_" if plain in _NO_ARGUMENTS else plain, 1
        while new.lower() in (other.lower() for other in found):
            number += 1
            new = f"{plain}_{number}"
        found.append(new)
    return tuple(found)


def names_of(records: Iterable[Input | Output]) -> list[str]:
    """Return the names that records of inputs or outputs have; those of a model's one have none."""
    return [record.name for record in records if record.name is not None]


def restored(found: Mapping[str, Found], said: Sequence[str]) -> dict[str, Found]:
    """Return what a file holds by its own names under the names that its record says, in the record's order.

    Where the record names other inputs or outputs than the file has, the file's own names stay.

    Example:
        >>> restored({"pose_left": 1, "age": 2}, ["age", "pose/left"])
        {'age': 2, 'pose/left': 1}
    """
    in_file = file_names(said)
    if set(in_file) != set(found):
        return dict(found)
    return {name: found[plain] for name, plain in zip(said, in_file, strict=True)}
