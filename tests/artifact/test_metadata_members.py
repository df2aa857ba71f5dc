"""The member `sepzoo.json` of a file that somebody else wrote."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from sepzoo.artifact.model_file import read_metadata
from sepzoo.records.metadata import Metadata
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line
from tests.artifact.inspection.files import archive

SOUND: dict[str, Any] = json.loads(Metadata("net", labels=("a", "b")).updated(outputs="softmax").to_json())
VALUES: list[Any] = [
    None, True, -1, 0, 1, 2.5, 1e308, 1e-308, 10**30, float("nan"), float("inf"), "", "x", "\x1b[2J", [], [None], [[1]],
    ["a", 1], [float("nan")], [0], {}, {"kind": "softmax"}, [{"kind": "x"}], {"shape": [-1]}, {"shape": "ab"},
    {"shape": [1], "dtype": 3}, {"shape": [4], "low": "a", "high": "b"}, {"mean": 1}, {"mean": [0], "std": [0]},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def outcome(text: str) -> tuple[Metadata | None, str]:
    try:
        return Metadata.from_json(text), ""
    except SepzooError as error:
        return None, str(error)


def test_any_value_in_any_place_is_a_record_or_one_line() -> None:
    draw = random.Random(10)
    read = refused = 0
    for _ in range(2000):
        fields = SOUND | draw.choice([{}, {"features": draw.choice(VALUES), "preprocessing": None}])
        text = json.dumps(replaced(fields, draw.choice(places(fields)), draw.choice(VALUES)))
        record, error = outcome(text)
        if record is None:
            refused += 1
            assert is_one_line(error)
        else:
            read += 1
            assert record.labels is None or all(isinstance(label, str) for label in record.labels)
            assert Metadata.from_json(record.to_json()) == record
    assert min(read, refused) > 50  # both ends are met often


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"name": ' * 5000, "\xff", "[]", "", '{"name": 1, "name": 2}', "1" * 9000]
)
def test_what_is_no_member_ends_in_one_line_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = archive(tmp_path / "odd.keras", {"sepzoo.json": text.encode("latin-1"), "config.json": b"{}"})
    with pytest.raises(SepzooError) as error:
        read_metadata(path)
    assert str(error.value).startswith(f"{path}: expected a sepzoo.json")
    assert "\n" not in str(error.value)


def test_a_member_larger_than_a_label_file_is_not_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path / "bomb.keras", {"sepzoo.json": bytes(BOUNDS.labels + 1)}, compression=8)
    with pytest.raises(SepzooError, match=r"has 16,777,217 bytes, of which at most 16,777,216 are allowed"):
        read_metadata(path)
