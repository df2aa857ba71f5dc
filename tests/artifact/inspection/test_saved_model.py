"""SavedModels by their protocol buffers: which operators are refused, and what else TensorFlow would read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sepzoo.artifact.inspection import check, inspect
from sepzoo.artifact.inspection.protobuf import fields
from sepzoo.artifact.inspection.saved_model import reads_or_writes
from sepzoo.support.errors import SepzooError
from tests.artifact.inspection.test_inspect import field, varint

NAMED_FOR_FILES = re.compile(r"file|path|dir$|prefix|address|url|pattern$")
"""What operators call an argument that says where to read or write."""

HARMLESS = {
    "RegexFullMatch", "RegexReplace", "StaticRegexFullMatch", "StaticRegexReplace",  # a pattern of text
    "CudnnRNNBackprop", "RiscSort",
    "SaveV2", "RestoreV2", "MergeV2Checkpoints", "DTensorRestoreV2",  # a SavedModel's own variables
}  # fmt: skip


def saved_model(folder: Path, operator: bytes) -> Path:
    graph = field(1, field(1, b"node") + field(2, operator))
    (folder / "saved_model.pb").write_bytes(varint(8) + varint(1) + field(2, field(2, graph)))
    return folder


def test_every_operator_of_tensorflow_that_takes_a_place_to_read_or_write_is_refused() -> None:
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    operators = op_def_pb2.OpList()
    operators.ParseFromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    text = 7
    assert len(operators.op) > 1000
    missed = []
    for operator in operators.op:
        names = [each.name for each in operator.input_arg if each.type == text]
        names += [each.name for each in operator.attr if each.type == "string"]
        if any(NAMED_FOR_FILES.search(name) for name in names) and not reads_or_writes(operator.name):
            missed.append(operator.name)
    assert set(missed) <= HARMLESS


@pytest.mark.parametrize("operator", ["ReadFile", "InitializeTableFromTextFileV2", "TFRecordDatasetV2", "RpcCall"])
def test_refused_by_name(tmp_path: Path, operator: str) -> None:
    with pytest.raises(SepzooError, match=f"operator {operator}"):
        check(saved_model(tmp_path, operator.encode()))


@pytest.mark.parametrize("operator", ["PyFunc", "EagerPyFunc", "XlaHostCompute"])
def test_python_is_refused_by_name(tmp_path: Path, operator: str) -> None:
    with pytest.raises(SepzooError, match=f"layers alone. Received: operator {operator}"):
        check(saved_model(tmp_path, operator.encode()))


def test_an_operator_behind_a_tag_of_more_than_32_bits_is_not_overlooked(tmp_path: Path) -> None:
    """Other readers take the lower 32 bits of a tag: field 2 for them, an unknown one for who takes all."""
    with pytest.raises(ValueError, match="damaged at byte"):
        list(fields(memoryview(varint(1 << 35 | 2 << 3 | 2) + varint(2) + b"ok")))
    path = saved_model(tmp_path, b"PyFunc")
    content = (path / "saved_model.pb").read_bytes()
    (path / "saved_model.pb").write_bytes(content.replace(field(2, b"PyFunc"), varint(1 << 35 | 18) + b"\x06PyFunc"))
    with pytest.raises(SepzooError, match="damaged"):
        check(path)


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb"])
def test_a_second_graph_is_refused(tmp_path: Path, name: str) -> None:
    (saved_model(tmp_path, b"Conv2D") / name).write_bytes(b"")
    with pytest.raises(SepzooError, match=f"it has a {name} beside its saved_model.pb"):
        inspect(tmp_path)


def test_a_file_beside_the_graph_that_is_none(tmp_path: Path) -> None:
    (saved_model(tmp_path, b"Conv2D") / "variables").symlink_to("/etc")
    with pytest.raises(SepzooError, match="'variables' is a link out of the folder"):
        check(tmp_path)
