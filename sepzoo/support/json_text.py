"""JSON that others wrote."""

from __future__ import annotations

import json

from sepzoo.support.bounds import BOUNDS
from sepzoo.support.types import Json


def parse_json(text: str | bytes) -> Json:
    """Return what a JSON text holds.

    Raises:
        ValueError: it is no JSON, no UTF-8, too long or too deep, or names a key of an object twice.

    Example:
        >>> parse_json('{"a": [1, 2]}')
        {'a': [1, 2]}
        >>> parse_json("[" * 300 + "]" * 300)
        Traceback (most recent call last):
        ...
        ValueError: its JSON is nested more than 200 deep
    """
    if len(text) > BOUNDS.json:
        raise ValueError(f"its JSON has {len(text):,} characters, of which at most {BOUNDS.json:,} are allowed")
    too_deep = f"its JSON is nested more than {BOUNDS.json_depth} deep"
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError(too_deep) from None
    level = [value]
    for _ in range(BOUNDS.json_depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    if level:
        raise ValueError(too_deep)
    return value


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Refuse a key that comes twice: two readers might take one each."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("its JSON names a key twice")
    return fields
