"""What an inspection finds."""

from __future__ import annotations

import dataclasses
import json

from sepzoo.support.table import table
from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class Member:
    """A file in an archive or a folder: its name, and its bytes when unpacked."""

    name: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer of a Keras model, or an operator of another: its name, its class, and whose that is if not Keras's."""

    name: str
    kind: str
    package: str = ""


@dataclasses.dataclass(frozen=True)
class Array:
    """An array of numbers: its name, shape, NumPy's name of its type, and the bytes that it takes in memory."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is in a model's file or folder.

    Attributes:
        path: of the file.
        format: such as ".keras", "whole-model .h5", "weights .h5", ".npz", ".tflite", "SavedModel", or "unknown".
        bytes: of the file, or of all files of a folder.
        keras_version: that wrote it, where it says so.
        members: of an archive or a folder.
        layers: of a model, nested ones behind their model; the operators of a `.tflite` or SavedModel.
        arrays: with their shapes and types.
        runs_code: what in it would run code of its writer's choice when it is loaded; each is refused.
        reads_files: what in it would read other files; each is refused.
        custom: classes and functions that are not Keras's: they must be defined before it is loaded.
    """

    path: str
    format: str
    bytes: int
    keras_version: str | None = None
    members: tuple[Member, ...] = ()
    layers: tuple[Layer, ...] = ()
    arrays: tuple[Array, ...] = ()
    runs_code: tuple[str, ...] = ()
    reads_files: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        """Return the record as what JSON holds."""
        return dataclasses.asdict(self)

    def to_json(self) -> str:
        """Return the record as JSON."""
        return json.dumps(self.to_dict(), indent=1)

    @classmethod
    def from_dict(cls, fields: Json) -> Inspection:
        """Return the record that `to_dict` wrote."""
        made = dict(fields)
        for name, kind in (("members", Member), ("layers", Layer)):
            made[name] = tuple(kind(**entry) for entry in made[name])
        made["arrays"] = tuple(Array(**{**entry, "shape": tuple(entry["shape"])}) for entry in made["arrays"])
        for name in ("runs_code", "reads_files", "custom"):
            made[name] = tuple(made[name])
        return cls(**made)

    def __str__(self) -> str:
        """Return tables of what there is."""
        values = sum(array.bytes for array in self.arrays)
        head = [
            ["format", self.format],
            ["size", f"{self.bytes:,} bytes"],
            ["keras", self.keras_version or ""],
            ["arrays", f"{len(self.arrays):,}, of {values:,} bytes" if self.arrays else ""],
            ["runs code", "; ".join(self.runs_code) or "no"],
            ["reads other files", "; ".join(self.reads_files) or "no"],
            ["needs", ", ".join(self.custom)],
        ]
        texts = [table(["file", self.path], [row for row in head if row[1]], left=2)]
        if self.members:
            texts.append(table(["member", "bytes"], [[each.name, f"{each.bytes:,}"] for each in self.members], left=1))
        if self.layers:
            rows = [[layer.name, layer.kind, layer.package] for layer in self.layers]
            texts.append(table(["layer", "class", "package"], rows, left=3))
        if self.arrays:
            rows = [[array.name, _shape(array), array.dtype, f"{array.bytes:,}"] for array in self.arrays]
            texts.append(table(["array", "shape", "type", "bytes"], rows, left=3))
        return "\n\n".join(texts)


def _shape(array: Array) -> str:
    return "x".join(map(str, array.shape)) or "scalar"
