"""The standard metadata: our tables against themselves and against a file that other tools wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sepzoo.inference.tflite_description import describe
from sepzoo.inference.tflite_metadata_tables import SCHEMA, UNIONS, decode, encode

words = some.text(max_size=20)
floats = some.lists(some.floats(width=32, allow_nan=False), max_size=4)
normalization = some.fixed_dictionaries({"mean": floats, "std": floats})
images = some.fixed_dictionaries(
    {
        "color_space": some.integers(0, 2),
        "default_size": some.fixed_dictionaries({"width": some.integers(1, 2**32 - 1), "height": some.integers(1, 9)}),
    }
)
tensors = some.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "dimension_names": some.lists(words, max_size=3),
        "content": some.fixed_dictionaries({"content_properties": some.tuples(some.just("ImageProperties"), images)}),
        "process_units": some.lists(
            some.fixed_dictionaries({"options": some.tuples(some.just("NormalizationOptions"), normalization)}),
            max_size=2,
        ),
        "stats": some.fixed_dictionaries({"max": floats, "min": floats}),
        "associated_files": some.lists(
            some.fixed_dictionaries({"name": words, "type": some.integers(1, 5)}), max_size=2
        ),
    },
)
models = some.fixed_dictionaries(
    {},
    optional={
        "name": words,
        "min_parser_version": words,
        "subgraph_metadata": some.lists(
            some.fixed_dictionaries({"input_tensor_metadata": some.lists(tensors, max_size=2)}), max_size=2
        ),
    },
)


@given(models)
def test_what_is_written_is_read(values: dict) -> None:
    assert decode(encode(values)) == values


def test_every_field_type_is_known() -> None:
    kinds = {kind.strip("[]") for fields in SCHEMA.values() for kind in fields.values()}
    members = {member for union in UNIONS.values() for member in union}
    assert kinds - {"string", "byte", "uint", "float"} <= SCHEMA.keys() | UNIONS.keys()
    assert members <= SCHEMA.keys()


def test_the_file_identifier_stands_in_its_place() -> None:
    assert encode({"name": "x"})[4:8] == b"M001"


def test_reads_a_file_that_other_tools_wrote(shared: Path) -> None:
    described = describe((shared / "weights" / "tf2_mobilenet_v2_1.0_224_ptq.tflite").read_bytes())
    assert described.labels is not None
    assert len(described.labels) == 1001
    assert described.labels[:2] == ("background", "tench, Tinca tinca")
    assert described.preprocessing is not None
    assert (described.preprocessing.mean, described.preprocessing.std) == ((127.5,), (127.5,))
    assert [end for _, end in described.ends.values()] == ["softmax"]
    assert described.operators["ADD"] == 10


@pytest.mark.parametrize("cut", [0, 4, 8, 30])
def test_cut_bytes_raise_and_never_hang(cut: int) -> None:
    whole = encode({"name": "tiny", "subgraph_metadata": [{"input_tensor_metadata": [{"stats": {"max": [1.0]}}]}]})
    with pytest.raises(Exception, match=r"."):
        decode(whole[:cut])
