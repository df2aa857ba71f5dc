"""Metadata are put in without touching the model."""

from __future__ import annotations

import io
import zipfile

import flatbuffers
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from sepzoo.export.tflite_metadata import append_files, insert_metadata, standard_metadata, with_metadata
from sepzoo.inference.tflite_description import describe
from sepzoo.inference.tflite_metadata_tables import TENSOR_AXIS_LABELS
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.quiet import quiet


@pytest.fixture(scope="module")
def content(model: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file as TensorFlow's converter writes it."""
    folder = tmp_path_factory.mktemp("saved_model")
    model.export(folder, verbose=False, input_signature=[keras.InputSpec(shape=(1, 16, 16, 3), dtype="float32")])
    with quiet():
        return tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()


def weights(content: bytes) -> list[bytes]:
    model = schema.Model.GetRootAs(content, 0)
    buffers = (model.Buffers(index) for index in range(model.BuffersLength()))
    return [buffer.DataAsNumpy().tobytes() if buffer.DataLength() else b"" for buffer in buffers]


def places(content: bytes) -> list[int]:
    """Return where each buffer's data begin."""
    model = schema.Model.GetRootAs(content, 0)
    buffers = (model.Buffers(index) for index in range(model.BuffersLength()))
    return [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in buffers if buffer.DataLength()]


def test_every_buffer_stays_and_one_comes(content: bytes) -> None:
    after = insert_metadata(content, b"twelve bytes")
    assert weights(after) == [*weights(content), b"twelve bytes"]


def test_weights_stay_aligned_as_they_were(content: bytes) -> None:
    shifts = {new - old for old, new in zip(places(content), places(insert_metadata(content, b"odd")), strict=False)}
    (shift,) = shifts
    assert shift > 0
    assert shift % 16 == 0


def test_the_other_entries_stay(content: bytes) -> None:
    before, after = (schema.Model.GetRootAs(each, 0) for each in (content, insert_metadata(content, b"more")))
    old = [before.Metadata(index).Name() for index in range(before.MetadataLength())]
    new = [after.Metadata(index).Name() for index in range(after.MetadataLength())]
    assert b"min_runtime_version" in old
    assert new == [*old, b"TFLITE_METADATA"]
    assert after.Version() == before.Version() == 3
    assert after.SignatureDefsLength() == before.SignatureDefsLength()


def test_the_file_runs_as_before(content: bytes) -> None:
    answers = []
    for each in (content, insert_metadata(content, bytes(1000))):
        interpreter = Interpreter(model_content=each)
        interpreter.allocate_tensors()
        image = np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)).astype(np.float32)
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(*answers)


def test_files_behind_the_model_are_stored_and_dated_alike(content: bytes) -> None:
    once, twice = (append_files(content, {"a.txt": "é\n", "b.txt": ""}) for _ in range(2))
    assert once == twice
    assert once.startswith(content[:100])
    with zipfile.ZipFile(io.BytesIO(append_files(b"no zip", {"a.txt": "é\n"}))) as archive:
        assert archive.read("a.txt").decode() == "é\n"
        assert archive.getinfo("a.txt").compress_type == zipfile.ZIP_STORED


def test_all_comes_back_from_the_bytes(content: bytes) -> None:
    preprocessing = Preprocessing(mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0), crop_fraction=0.5, interpolation="bicubic")
    metadata = Metadata("näme", ("one", "two words", "drei", "vier"), preprocessing)
    described = describe(with_metadata(content, metadata, (16, 16, 3)))
    assert (described.name, described.labels) == (metadata.name, metadata.labels)
    assert described.preprocessing == preprocessing


def test_standard_fields() -> None:
    preprocessing = Preprocessing(mean=(0.0, 51.0, 102.0), std=(51.0,))
    fields = standard_metadata(Metadata("net", ("a",), preprocessing), (32, 48, 3))
    (graph,) = fields["subgraph_metadata"]
    (source,), (target,) = graph["input_tensor_metadata"], graph["output_tensor_metadata"]
    kind, image = source["content"]["content_properties"]
    assert (kind, image) == ("ImageProperties", {"color_space": 1, "default_size": {"width": 48, "height": 32}})
    assert source["process_units"][0]["options"][1] == {"mean": [0.0, 51.0, 102.0], "std": [51.0]}
    assert source["stats"] == {"max": [5.0, 4.0, 3.0], "min": [0.0, -1.0, -2.0]}
    assert target["name"] == "probability"
    assert target["associated_files"][0]["type"] == TENSOR_AXIS_LABELS


def test_grey_and_unlabelled() -> None:
    fields = standard_metadata(Metadata("net"), (8, 8, 1))
    (graph,) = fields["subgraph_metadata"]
    assert graph["input_tensor_metadata"][0]["content"]["content_properties"][1]["color_space"] == 2
    assert graph["output_tensor_metadata"][0]["associated_files"] == []


def test_a_label_of_two_lines_stays_one_line(content: bytes) -> None:
    metadata = Metadata("net", ("a\nb", "c", "d", "e"))
    whole = with_metadata(content, metadata, (16, 16, 3))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.read("labels.txt") == b"a b\nc\nd\ne\n"
    assert describe(whole).labels == metadata.labels


def test_a_label_that_is_no_unicode_text_is_written_out(content: bytes) -> None:
    metadata = Metadata("net", ("caf\udce9", "c", "d", "e"))
    whole = with_metadata(content, metadata, (16, 16, 3))
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        assert archive.read("labels.txt") == b"caf\\udce9\nc\nd\ne\n"
    assert describe(whole).labels == metadata.labels


def test_a_byte_order_mark_belongs_to_no_label(content: bytes) -> None:
    whole = with_metadata(content, Metadata("net", ("\ufeffa", "c", "d", "e")), (16, 16, 3))
    others = whole.replace(b"sepzoo.json", b"others.json")  # as a file of other people, which the label file speaks for
    assert describe(others).labels == ("a", "c", "d", "e")


def test_buffers_behind_the_flatbuffer_are_taken_into_it(content: bytes) -> None:
    """A quantizer puts large buffers behind, at places that count from the beginning, which metadata would move."""
    inside = schema.Model.GetRootAs(content, 0)
    outside = with_buffers_behind(content)
    assert any(schema.Model.GetRootAs(outside, 0).Buffers(i).Offset() > 1 for i in range(inside.BuffersLength()))
    found = schema.Model.GetRootAs(insert_metadata(outside, b"x" * 333), 0)
    for index in range(inside.BuffersLength()):
        buffer, original = found.Buffers(index), inside.Buffers(index)
        assert buffer.Offset() <= 1
        assert buffer.DataLength() == original.DataLength()
        if original.DataLength():
            assert buffer.DataAsNumpy().tobytes() == original.DataAsNumpy().tobytes()
    assert found.Buffers(inside.BuffersLength()).DataAsNumpy().tobytes() == b"x" * 333


def with_buffers_behind(content: bytes) -> bytes:
    """Return a model whose buffers of weights stand behind its FlatBuffer."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    data = [None if buffer.data is None else bytes(bytearray(buffer.data)) for buffer in model.buffers]
    large = [index for index, each in enumerate(data) if each is not None and len(each) > 64]
    for index in large:
        model.buffers[index].data, model.buffers[index].offset, model.buffers[index].size = None, 2**31, 2**31

    def packed() -> bytes:
        builder = flatbuffers.Builder(len(content))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    place = len(packed())
    for index in large:
        model.buffers[index].offset, model.buffers[index].size = place, len(data[index] or b"")
        place += len(data[index] or b"")
    return packed() + b"".join(data[index] or b"" for index in large)
