"""What a model takes: pixels, an array of features, of sound perhaps, or several of either by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.arguments import Interval, checked, field_types
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import ArrayLike, Json

if TYPE_CHECKING:
    import numpy as np


@dataclasses.dataclass(frozen=True)
class Features:
    """An array that a model takes as it is: spectrograms, sensor windows, series, vectors.

    Attributes:
        shape: of one sample.
        dtype: of its numbers.
        low, high: their range, where it is known; random samples are drawn from it.
        sound: how clips of sound become them, where that is what they come from.
        padded: whether they are series that may have fewer steps than the shape, and get zeros behind them.

    Raises:
        SepzooError: a field of another type, low that is not below high, sound whose features have another shape, or
            padding of what is no series (steps, channels).

    Example:
        >>> Features.from_dict(Features((49, 10, 1), low=-1.0, high=1.0).to_dict()).shape
        (49, 10, 1)
    """

    shape: tuple[Annotated[int, Interval(1)], ...]
    dtype: str = "float32"
    low: float | None = None
    high: float | None = None
    sound: Sound | None = None
    padded: bool = False

    def __post_init__(self) -> None:
        for name, hint in field_types(Features).items():
            checked(getattr(self, name), hint, name=name, of="features")
        if (self.low is None) != (self.high is None) or (self.low is not None and not self.low < self.high):  # type: ignore[operator]
            raise SepzooError(f"expected low < high, or neither. Received: low={self.low}, high={self.high}.")
        if self.sound is not None and self.sound.shape != self.shape:
            raise SepzooError(
                f"expected sound whose features have the shape {self.shape}. Received: {self.sound.shape}."
            )
        if self.padded and (len(self.shape) != 2 or self.sound is not None):
            raise SepzooError(f"expected series (steps, channels), to pad them. Received: features of {self.shape}.")

    def normalize(self, values: ArrayLike) -> np.ndarray:
        """Return samples as the model takes them: as they are, in float32.

        Raises:
            SepzooError: samples of another shape.
        """
        import numpy as np

        found = np.asarray(values)
        if found.shape[1:] != self.shape:
            raise SepzooError(f"expected features of shape {('n', *self.shape)}. Received: shape {found.shape}.")
        return found.astype(np.float32)

    def to_dict(self) -> dict[str, Json]:
        """Return the fields as JSON can hold them."""
        fields = {**dataclasses.asdict(self), "shape": list(self.shape)}
        return {name: value for name, value in fields.items() if value or name not in ("sound", "padded")}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> Features:
        """Return the record that `to_dict` described."""
        sound = fields.get("sound")
        return cls(
            **{**fields, "shape": tuple(fields["shape"]), "sound": None if sound is None else Sound.from_dict(sound)}
        )


Inputs: TypeAlias = Preprocessing | Features
"""Pixels, which are normalized, or features, which are taken as they are."""

Preparation: TypeAlias = Preprocessing | Sound | Features
"""What makes a network's input of pixels or of clips of sound, or leaves features as they are; all by `normalize`."""


@dataclasses.dataclass(frozen=True)
class Input:
    """One of the inputs of a model that has several.

    Attributes:
        name: of the input: its key where the model takes a dictionary, else its layer's name.
        takes: pixels with their preprocessing, or features.

    Example:
        >>> age = Input("age", Features((1,), low=0.0, high=120.0))
        >>> Input.from_dict(age.to_dict()) == age
        True
    """

    name: str
    takes: Inputs

    def to_dict(self) -> dict[str, Json]:
        """Return name and record as JSON can hold them."""
        kind = "features" if isinstance(self.takes, Features) else "preprocessing"
        return {"name": self.name, kind: self.takes.to_dict()}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> Input:
        """Return the record that `to_dict` described."""
        if "features" in fields:
            return cls(str(fields["name"]), Features.from_dict(fields["features"]))
        return cls(str(fields["name"]), Preprocessing.from_dict(fields["preprocessing"]))
