"""`key=value`, as the command line takes it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json
from sepzoo.support.yaml_text import parse_yaml

_EXPONENT = re.compile(r"[+-]?\d+(\.\d*)?[eE][+-]?\d+")


def parse_override(text: str) -> tuple[str, Json]:
    """Return key and value of `key=value`, the value read as YAML.

    Raises:
        SepzooError: there is no `=`, or nothing before it.

    Example:
        >>> parse_override("alpha=0.5"), parse_override("strides=[1, 2]"), parse_override("rate=1e-3")
        (('alpha', 0.5), ('strides', [1, 2]), ('rate', 0.001))
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise SepzooError(f"expected an override as key=value, such as epochs=3. Received: {text!r}.")
    return key.strip(), _value(value)


def parse_overrides(texts: Iterable[str], option: str) -> dict[str, Json]:
    """Return keys and values of several `key=value`, each key once.

    Args:
        texts: each as `parse_override` reads it.
        option: what they were said by, for the error.

    Raises:
        SepzooError: one is no `key=value`, or a key is said twice.

    Example:
        >>> parse_overrides(["p=0.5", "order=dw_pw"], "--replace")
        {'p': 0.5, 'order': 'dw_pw'}
    """
    found: dict[str, Json] = {}
    for name, value in map(parse_override, texts):
        if name in found:
            raise SepzooError(f"expected {name} once in {option}. Received: it twice. Leave one out.")
        found[name] = value
    return found


def _value(text: str) -> Json:
    if _EXPONENT.fullmatch(text.strip()):  # YAML 1.1 takes 1e-3 for a word
        return float(text)
    try:
        value = parse_yaml(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int | float | list | dict) else text
