"""Read and write the standard TFLite metadata: FlatBuffers tables, driven by the schema as data.

The schema is TensorFlow Lite's `metadata_schema.fbs`, version 1.1.0, file identifier M001: names and order of the
fields of those tables that describe an image classifier. A field's place in its table is its identity in the file, so
none may be left out before the last one used.
"""

from __future__ import annotations

import flatbuffers
from flatbuffers import number_types
from flatbuffers.table import Table

from sepzoo.support.types import Json

IDENTIFIER = b"M001"

SCHEMA: dict[str, dict[str, str]] = {
    "ModelMetadata": {
        "name": "string",
        "description": "string",
        "version": "string",
        "subgraph_metadata": "[SubGraphMetadata]",
        "author": "string",
        "license": "string",
        "associated_files": "[AssociatedFile]",
        "min_parser_version": "string",
    },
    "SubGraphMetadata": {
        "name": "string",
        "description": "string",
        "input_tensor_metadata": "[TensorMetadata]",
        "output_tensor_metadata": "[TensorMetadata]",
        "associated_files": "[AssociatedFile]",
    },
    "TensorMetadata": {
        "name": "string",
        "description": "string",
        "dimension_names": "[string]",
        "content": "Content",
        "process_units": "[ProcessUnit]",
        "stats": "Stats",
        "associated_files": "[AssociatedFile]",
    },
    "Content": {"content_properties": "ContentProperties"},
    "FeatureProperties": {},
    "ImageProperties": {"color_space": "byte", "default_size": "ImageSize"},
    "ImageSize": {"width": "uint", "height": "uint"},
    "ProcessUnit": {"options": "ProcessUnitOptions"},
    "NormalizationOptions": {"mean": "[float]", "std": "[float]"},
    "Stats": {"max": "[float]", "min": "[float]"},
    "AssociatedFile": {"name": "string", "description": "string", "type": "byte", "locale": "string"},
}

UNIONS: dict[str, tuple[str, ...]] = {
    "ContentProperties": ("FeatureProperties", "ImageProperties"),
    "ProcessUnitOptions": ("NormalizationOptions",),
}
"""Union -> its tables in the order of their numbers, from 1. Such a field takes two places: the number, the table."""

COLOR_SPACES = {1: 2, 3: 1}
"""Channels -> the number of the colour space: grey, RGB."""

TENSOR_AXIS_LABELS = 2
"""The type of an associated file that names the places of an output."""

_SCALARS = {
    "byte": number_types.Int8Flags,
    "uint": number_types.Uint32Flags,
    "float": number_types.Float32Flags,
}

Values = dict[str, Json]


def encode(values: Values) -> bytes:
    """Return a ModelMetadata table as the bytes of a FlatBuffer.

    Args:
        values: field name -> value; tables are dicts, vectors lists, a union a pair (table name, dict).

    Example:
        >>> decode(encode({"name": "tiny", "subgraph_metadata": [{"name": "main"}]}))
        {'name': 'tiny', 'subgraph_metadata': [{'name': 'main'}]}
    """
    builder = flatbuffers.Builder(1024)
    builder.Finish(_write_table(builder, "ModelMetadata", values), IDENTIFIER)
    return bytes(builder.Output())


def decode(data: bytes) -> Values:
    """Return the fields of a ModelMetadata FlatBuffer that are set; the reverse of `encode`.

    Damaged bytes may raise any error that reading beyond them raises.
    """
    root = flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, data, 0)
    return _read_table(Table(data, root), "ModelMetadata")


def _write_table(builder: flatbuffers.Builder, table: str, values: Values) -> int:
    """Write the children, then the table that points to them, and return its offset."""
    scalars: list[tuple[int, Json, type]] = []
    offsets: list[tuple[int, int]] = []
    place = 0
    for field, kind in SCHEMA[table].items():
        value = values.get(field)
        if kind in UNIONS:
            if value is not None:
                member, content = value
                scalars.append((place, UNIONS[kind].index(member) + 1, number_types.Uint8Flags))
                offsets.append((place + 1, _write_table(builder, member, content)))
            place += 1
        elif value is not None and kind in _SCALARS:
            scalars.append((place, value, _SCALARS[kind]))
        elif value is not None:
            offsets.append((place, _write(builder, kind, value)))
        place += 1
    builder.StartObject(place)
    for slot, value, flags in scalars:
        builder.Prepend(flags, value)
        builder.Slot(slot)
    for slot, offset in offsets:
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return builder.EndObject()


def _write(builder: flatbuffers.Builder, kind: str, value: Json) -> int:
    if kind == "string":
        return builder.CreateString(value)
    if not kind.startswith("["):
        return _write_table(builder, kind, value)
    element = kind[1:-1]
    if element in _SCALARS:
        flags = _SCALARS[element]
        builder.StartVector(flags.bytewidth, len(value), flags.bytewidth)
        for each in reversed(value):
            builder.Prepend(flags, each)
    else:
        offsets = [_write(builder, element, each) for each in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _read_table(table: Table, name: str) -> Values:
    values: Values = {}
    place = 0
    for field, kind in SCHEMA[name].items():
        position = table.Offset(4 + 2 * place)
        place += 2 if kind in UNIONS else 1
        if kind in UNIONS:
            number = table.Get(number_types.Uint8Flags, table.Pos + position) if position else 0
            content = table.Offset(4 + 2 * (place - 1))
            if content and 1 <= number <= len(UNIONS[kind]):
                member = UNIONS[kind][number - 1]
                values[field] = (member, _read(table, member, table.Pos + content))
        elif position:
            values[field] = _read(table, kind, table.Pos + position)
    return values


def _read(table: Table, kind: str, position: int) -> Json:
    if kind in _SCALARS:
        return table.Get(_SCALARS[kind], position)
    if kind == "string":
        return table.String(position).decode()
    target = table.Indirect(position)
    if not kind.startswith("["):
        return _read_table(Table(table.Bytes, target), kind)
    count = table.Get(number_types.UOffsetTFlags, target)
    width = 4
    if target + 4 + count * width > len(table.Bytes):
        raise ValueError("a vector is longer than its file")
    return [_read(table, kind[1:-1], target + 4 + index * width) for index in range(count)]
