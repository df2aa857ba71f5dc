"""JSON and YAML of others: what they may hold, and that bombs end in one line before they grow."""

from __future__ import annotations

import pytest

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.json_text import parse_json
from sepzoo.support.yaml_text import parse_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "more than 10,000 values"),
        ("a: &a [*a]", "nested more than 20 deep"),
        ("a: &a {b: *a, c: *a}", "more than 10,000 values|nested more than 20 deep"),
        ("[" * 21 + "]" * 21, "nested more than 20 deep"),
        ("[" * 30_000, "nested more than 20 deep|expected the node content"),
        ("{a: " * 5_000 + "1" + "}" * 5_000, "nested more than 20 deep"),
        ("a: " + "9" * 50, "an integer of 50 digits"),
        ("a: " + ":".join(["59"] * 200), "an integer of"),
        ("a: " + "x" * BOUNDS.yaml, "of which at most 65,536 are allowed"),
        ("a: !!python/object/apply:os.system [echo]", "could not determine a constructor"),
        ("a: !!bool perhaps", "a value that its type does not fit"),
        ("a: !!int [1]", "expected a scalar node"),
        ("a: !!binary é", "failed to convert base64 data"),
        ("a: 2026-13-45", "month must be in"),
        ("? {a: 1}\n: 2", "found unhashable key"),
        ("a: *b", "found undefined alias"),
        ("--- 1\n--- 2", "expected a single document"),
        ("a: \x00", "special characters are not allowed"),
    ],
)
def test_yaml_that_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: &a [1, 2]\nb: *a", {"a": [1, 2], "b": [1, 2]}),
        ("base: &base {x: 1}\nmore: {<<: *base, y: 2}", {"base": {"x": 1}, "more": {"x": 1, "y": 2}}),
        ("a: -9223372036854775808", {"a": -(2**63)}),
    ],
)
def test_yaml_that_is_read(text: str, value: object) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested more than 200 deep|Expecting value"),
        ("[" * 201 + "]" * 201, "nested more than 200 deep"),
        ('{"a": ' * 5_000 + "1" + "}" * 5_000, "nested more than 200 deep"),
        ('{"a": 1, "a": 2}', "names a key twice"),
        (b"\xff\xfe\xff", "can't decode|codec"),
        ("1" * 5_000, "limit"),
        ("{", "Expecting property name"),
    ],
)
def test_json_that_is_refused(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_json_as_deep_as_allowed_is_read() -> None:
    assert parse_json("[" * 199 + "1" + "]" * 199) is not None


def test_sizes_are_compared_before_anything_is_made() -> None:
    with pytest.raises(ValueError, match=r"unpacks to 4,294,967,297 bytes, of which at most 4,294,967,296 are"):
        BOUNDS.check_unpacked(2**32 + 1, 2**31)
    BOUNDS.check_unpacked(2**32, 2**31)
    with pytest.raises(ValueError, match="100,001 layers, of which at most 100,000 are"):
        BOUNDS.check_count("layers", 100_001)
