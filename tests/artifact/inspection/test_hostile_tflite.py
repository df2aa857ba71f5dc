"""Hostile `.tflite` files, one of each kind: what refers to what is not there, or is other than it says, is named."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from sepzoo import inference
from sepzoo.artifact.inspection import check, inspect
from tests.artifact.inspection.refusal import refused

Change = Callable[[schema.ModelT], None]


def tensor(name: str, shape: tuple[int, ...], kind: int = 0) -> schema.TensorT:
    made = schema.TensorT()
    made.name, made.shape, made.type = name.encode(), np.array(shape, np.int32), kind
    return made


def scales(count: int, points: int, axis: int = 0) -> schema.QuantizationParametersT:
    made = schema.QuantizationParametersT()
    made.scale, made.zeroPoint = np.ones(count, np.float32), np.zeros(points, np.int64)
    made.quantizedDimension = axis
    return made


def network() -> schema.ModelT:
    """Return the absolute value of four numbers."""
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.ABS
    code.deprecatedBuiltinCode = schema.BuiltinOperator.ABS
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = np.array([0], np.int32), np.array([1], np.int32)
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [tensor("in", (1, 4)), tensor("out", (1, 4))], [operator]
    graph.inputs, graph.outputs = np.array([0], np.int32), np.array([1], np.int32)
    made = schema.ModelT()
    made.version, made.operatorCodes, made.subgraphs, made.buffers = 3, [code], [graph], [schema.BufferT()]
    return made


def packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def first(**fields: object) -> Change:
    """Return what sets fields of the first tensor."""

    def change(model: schema.ModelT) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].tensors[0], name, value)

    return change


def operator(**fields: object) -> Change:
    """Return what sets fields of the operator."""

    def change(model: schema.ModelT) -> None:
        for name, value in fields.items():
            setattr(model.subgraphs[0].operators[0], name, value)

    return change


def holds(size: int) -> Change:
    """Return what gives the first tensor a buffer of so many bytes."""

    def change(model: schema.ModelT) -> None:
        content = schema.BufferT()
        content.data = np.zeros(size, np.uint8)
        model.buffers.append(content)
        model.subgraphs[0].tensors[0].buffer = 1

    return change


def beyond(model: schema.ModelT) -> None:
    content = schema.BufferT()
    content.offset, content.size = 2000, 10**6
    model.buffers.append(content)


def many(model: schema.ModelT) -> None:
    model.subgraphs[0].tensors += [tensor(f"t{number}", (1024, 1024, 255)) for number in range(5)]


def metadata(model: schema.ModelT) -> None:
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"TFLITE_METADATA", 9
    model.metadata = [entry]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda model: setattr(model, "subgraphs", []), "it has no graph"),
        (beyond, r"its buffer at byte 2,000 goes beyond the end"),
        (metadata, "it refers to buffer 9 of 1"),
        (first(buffer=7), "it refers to buffer 7 of 1"),
        (first(type=99), "its tensor 'in' is of type 99, which is no number"),
        (first(shape=np.array([1, -4], np.int32)), r"its tensor 'in' has shape \(1, -4\)"),
        (first(shape=np.ones(9, np.int32)), r"its tensor 'in' has shape \(1, 1, 1, 1, 1, 1, 1, 1, 1\)"),
        (
            first(shape=np.array([1024, 1024, 1024], np.int32)),
            r"has 4,294,967,296 bytes, of which at most 1,073,741,824",
        ),
        (many, r"its tensors have 5,347,737,632 bytes, of which at most 4,294,967,296 are allowed"),
        (first(sparsity=schema.SparsityParametersT()), "its tensor 'in' is stored sparsely"),
        (holds(12), "its tensor 'in' takes 16 bytes, and its buffer has 12"),
        (first(quantization=scales(3, 3, axis=1)), r"of shape \(1, 4\) has 3 scales along axis 1"),
        (first(quantization=scales(4, 4, axis=2)), r"of shape \(1, 4\) has 4 scales along axis 2"),
        (first(quantization=scales(4, 3, axis=1)), "has 4 scales and 3 zero points"),
        (operator(opcodeIndex=1), "it refers to operator code 1 of 1"),
        (operator(inputs=np.array([2], np.int32)), "it refers to tensor 2 of 2"),
        (operator(outputs=np.array([-1], np.int32)), "it refers to tensor -1 of 2"),
        (operator(intermediates=np.array([5], np.int32)), "it refers to tensor 5 of 2"),
        (lambda model: setattr(model.subgraphs[0], "outputs", np.array([3], np.int32)), "it refers to tensor 3 of 2"),
    ],
)
def test_what_it_says_is_compared_with_what_is_there(tmp_path: Path, change: Change, reason: str) -> None:
    model = network()
    change(model)
    path = tmp_path / "odd.tflite"
    path.write_bytes(packed(model))
    refused(path, reason)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, 10**6, r"it refers to byte 1,000,000 of "),
        ("root", 2**31 - 1, "it refers to byte -"),
        ("length", 1, "is damaged"),
        ("field", 5000, "has fields outside it"),
        ("vector", 10**6, "goes beyond the end"),
    ],
)
def test_offsets(tmp_path: Path, place: int | str, value: int, reason: str) -> None:
    content = bytearray(packed(network()))
    root = struct.unpack_from("<I", content, 0)[0]
    table = root - struct.unpack_from("<i", content, root)[0]  # where the root says which fields it has
    graphs = root + struct.unpack_from("<H", content, table + 4 + 2 * 2)[0]
    vector = graphs + struct.unpack_from("<I", content, graphs)[0]
    at = {"root": root, "length": table, "field": table + 4, "vector": vector}.get(str(place), 0)
    struct.pack_into("<H" if place in ("length", "field") else "<I", content, at, value)
    path = tmp_path / "odd.tflite"
    path.write_bytes(content)
    refused(path, reason)


def test_the_sound_one_passes_and_runs(tmp_path: Path) -> None:
    path = tmp_path / "sound.tflite"
    path.write_bytes(packed(network()))
    check(path)
    found = inspect(path)
    assert [(each.name, each.kind) for each in found.layers] == [("-> 1", "ABS")]
    assert [(each.name, each.shape, each.bytes) for each in found.arrays] == [("in", (1, 4), 16), ("out", (1, 4), 16)]
    answers = inference.open(path).predict(np.array([[-1, 2, -3, 0]], np.float32))
    np.testing.assert_array_equal(answers, [[1, 2, 3, 0]])


def test_an_operator_that_its_tensors_do_not_fit_is_found_by_the_trial(tmp_path: Path) -> None:
    """Indices and sizes are right, and LiteRT alone knows that an absolute value has one input."""
    model = network()
    operator(inputs=np.array([0, 0], np.int32))(model)
    path = tmp_path / "odd.tflite"
    path.write_bytes(packed(model))
    inspect(path)
    refused(path, "damaged")


def test_custom_operators_are_named(tmp_path: Path) -> None:
    model = network()
    code = model.operatorCodes[0]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode = b"MyOperator"
    path = tmp_path / "custom.tflite"
    path.write_bytes(packed(model))
    found = inspect(path)
    assert found.custom == ("MyOperator",)
    assert found.layers[0].kind == "CUSTOM"


def test_an_archive_behind_it_is_looked_into(tmp_path: Path) -> None:

    path = tmp_path / "labels.tflite"
    path.write_bytes(packed(network()))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "a\nb\n")
    assert [(each.name, each.bytes) for each in inspect(path).members] == [("labels.txt", 4)]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../labels.txt", "a")
    refused(path, r"'\.\./labels\.txt' leads out of the archive")
