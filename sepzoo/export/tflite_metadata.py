"""Put labels and preprocessing into a `.tflite` file, as the TFLite metadata standard has it.

The standard metadata are a FlatBuffer inside the model's FlatBuffer; label files are zip members appended behind it. So
mediapipe, Android's task library and the code generators read them, and `sepzoo.json` says what they have no field for.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from sepzoo.export.preparation import Shapes
from sepzoo.inference.tensors import names_of, restored
from sepzoo.inference.tflite_description import METADATA_NAME, tensor_names
from sepzoo.inference.tflite_metadata_tables import COLOR_SPACES, TENSOR_AXIS_LABELS, Values, encode
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import Preprocessing

LABELS_FILE = "labels.txt"

_ALIGNMENT = 16
_MODEL_FIELDS = (
    "version",
    "operator_codes",
    "subgraphs",
    "description",
    "buffers",
    "metadata_buffer",
    "metadata",
    "signature_defs",
)
_EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)


def with_metadata(content: bytes, metadata: Metadata, shapes: Shapes) -> bytes:
    """Return the model's bytes with metadata, labels (if there are any) and `sepzoo.json` inside.

    Args:
        content: a `.tflite` file.
        metadata: name, labels, what it takes and gives.
        shapes: of one sample, such as (height, width, channels); of several inputs by name.
    """
    files = {MEMBER: metadata.to_json()}
    if metadata.labels and sum(output.scores for output in _outputs(metadata)) == 1:
        files[LABELS_FILE] = "".join(f"{' '.join(label.splitlines())}\n" for label in metadata.labels)
    model = schema.Model.GetRootAs(content, 0)
    order = tuple(_order(model, side) for side in ("input", "output"))
    whole = insert_metadata(content, encode(standard_metadata(metadata, shapes, *order)))
    return append_files(whole, files)


def standard_metadata(
    metadata: Metadata, shapes: Shapes, inputs: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Values:
    """Return the fields of the ModelMetadata table; see `sepzoo.inference.tflite_metadata_tables`.

    Args:
        metadata: name, labels, what it takes and gives.
        shapes: of one sample, of several inputs by name.
        inputs: names in the file, in the file's order; of no use where there is one.
        outputs: likewise.
    """
    taken = [_input(metadata.preprocessing, shapes)] if isinstance(shapes, tuple) else _inputs(metadata, shapes, inputs)
    said = _outputs(metadata)
    in_file = restored({name: name for name in outputs}, names_of(said))
    by_own_name = {in_file.get(str(output.name)): output for output in said}
    ordered = [by_own_name[name] for name in outputs] if len(said) > 1 else said
    scores = [output for output in said if output.scores]
    labels = metadata.labels if len(scores) == 1 else None
    graph = {
        "input_tensor_metadata": taken,
        "output_tensor_metadata": [_output(output, labels) for output in ordered],
    }
    classifies = isinstance(shapes, tuple) and metadata.preprocessing and len(scores) == len(said) == 1
    return {
        "name": metadata.name,
        "description": "image classifier" if classifies else "model",
        "subgraph_metadata": [graph],
        "associated_files": [{"name": MEMBER, "description": "labels and preprocessing, with resizing and cropping"}],
        "min_parser_version": "1.0.0",
    }


def _outputs(metadata: Metadata) -> tuple[Output, ...]:
    """Return the records of the outputs; a silent record is one of class scores."""
    return metadata.outputs or (Output("softmax"),)


def _order(model: schema.Model, side: str) -> list[str]:
    """Return the names of a file's inputs or outputs in the order of its graph; an output may stand there twice."""
    graph = model.Subgraphs(0)
    numbers = (graph.InputsAsNumpy() if side == "input" else graph.OutputsAsNumpy()).tolist()
    names = dict(tensor_names(model, side))
    order = []
    for number in numbers:
        name = next((name for name, of in names.items() if of == number), next(iter(names)))
        names.pop(name)
        order.append(name)
    return order


def _inputs(metadata: Metadata, shapes: Mapping[str, tuple[int, ...]], order: Sequence[str]) -> list[Values]:
    """Return the fields of several inputs in the order of the file, each under its own name."""
    said = {each.name: each.takes for each in metadata.several}
    found = {}
    for name, own in restored({name: name for name in order}, list(shapes)).items():
        takes = said.get(name)
        fields = _input(takes if isinstance(takes, Preprocessing) else None, shapes[name])
        found[own] = {**fields, "name": name}
    return [found[own] for own in order]


def _input(preprocessing: Preprocessing | None, shape: tuple[int, ...]) -> Values:
    if preprocessing is None or len(shape) != 3:
        features: tuple[str, Values] = ("FeatureProperties", {})
        text = f"an array of shape {shape}, taken as it is"
        return {"name": "features", "description": text, "content": {"content_properties": features}}
    height, width, channels = shape
    mean, std = ([float(value) for value in numbers] for numbers in (preprocessing.mean, preprocessing.std))
    wide = max(len(mean), len(std))
    ranges = list(zip(mean * (wide // len(mean)), std * (wide // len(std)), strict=True))
    rgb = preprocessing.channel_order == "rgb"  # the standard has no other order, but an unknown colour space
    color_space = COLOR_SPACES.get(channels, 0) if rgb else 0
    image = {"color_space": color_space, "default_size": {"width": width, "height": height}}
    return {
        "name": "image",
        "description": f"{height} x {width} pixels{'' if rgb else ', blue first'}, normalized by (pixel - mean) / std",
        "content": {"content_properties": ("ImageProperties", image)},
        "process_units": [{"options": ("NormalizationOptions", {"mean": mean, "std": std})}],
        "stats": {"max": [(255 - m) / s for m, s in ranges], "min": [-m / s for m, s in ranges]},
    }


def _output(output: Output, labels: Sequence[str] | None) -> Values:
    content: Values = {"content_properties": ("FeatureProperties", {})}
    if not output.scores:
        return {"name": output.name or "output", "description": "values", "content": content}
    file = {"name": LABELS_FILE, "description": "one class a line", "type": TENSOR_AXIS_LABELS}
    return {
        "name": output.name or "probability",
        "description": "of each class",
        "content": content,
        "stats": {"max": [1.0], "min": [0.0]},
        "associated_files": [file] if labels else [],
    }


def insert_metadata(content: bytes, metadata: bytes) -> bytes:
    """Return the model with one more buffer that holds the metadata.

    A FlatBuffer points forward only, so a new root table is put before the old bytes and points into them; nothing is
    unpacked, and the weights stay aligned as the converter aligned them. Buffers that lie behind the FlatBuffer, at
    places that count from the file's beginning, are taken into it.
    """
    old = schema.Model.GetRootAs(content, 0)
    behind = {
        index: content[buffer.Offset() : buffer.Offset() + buffer.Size()]
        for index, buffer in enumerate(map(old.Buffers, range(old.BuffersLength())))
        if buffer.Offset() > 1
    }
    content = content[: min((old.Buffers(index).Offset() for index in behind), default=len(content))]
    builder = flatbuffers.Builder(len(content) + sum(map(len, behind.values())) + len(metadata) + 65536)
    builder.Prep(_ALIGNMENT, 0)
    start = builder.CreateByteVector(content + bytes(-len(content) % _ALIGNMENT)) - 4

    def moved(position: int) -> int:
        """Return the builder's offset (from the end) of what stands at `position` in the old bytes."""
        return start - position

    taken = {index: _buffer(builder, data) for index, data in behind.items()}
    buffers = [taken.get(i) or moved(old.Buffers(i)._tab.Pos) for i in range(old.BuffersLength())]
    buffer = _buffer(builder, metadata)
    name = builder.CreateString(METADATA_NAME)
    schema.MetadataStart(builder)
    schema.MetadataAddName(builder, name)
    schema.MetadataAddBuffer(builder, old.BuffersLength())
    entry = schema.MetadataEnd(builder)
    new = {
        "buffers": _vector(builder, [*buffers, buffer]),
        "metadata": _vector(builder, [*(moved(old.Metadata(i)._tab.Pos) for i in range(old.MetadataLength())), entry]),
    }
    builder.StartObject(len(_MODEL_FIELDS))
    builder.PrependUint32Slot(0, old.Version(), 0)
    for slot, field in enumerate(_MODEL_FIELDS[1:], start=1):
        place = old._tab.Offset(4 + 2 * slot)
        if field in new:
            builder.PrependUOffsetTRelativeSlot(slot, new[field], 0)
        elif place:
            builder.PrependUOffsetTRelativeSlot(slot, moved(old._tab.Indirect(old._tab.Pos + place)), 0)
    builder.Finish(builder.EndObject(), b"TFL3")
    return bytes(builder.Output())


def _buffer(builder: flatbuffers.Builder, data: bytes) -> int:
    """Return the offset of a buffer of data, aligned as weights must be."""
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.Head() : builder.Head() + len(data)] = data
    vector = builder.EndVector()
    schema.BufferStart(builder)
    schema.BufferAddData(builder, vector)
    return int(schema.BufferEnd(builder))


def _vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def append_files(content: bytes, files: Mapping[str, str]) -> bytes:
    """Return the bytes with files behind them as zip members, stored; of a fixed date, so that bytes do not vary."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST_DATE), text.encode(errors="backslashreplace"))
    return stream.getvalue()
