"""`key=value`, as the command line takes it."""

from __future__ import annotations

import re

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


def _value(text: str) -> Json:
    if _EXPONENT.fullmatch(text.strip()):  # YAML 1.1 takes 1e-3 for a word
        return float(text)
    try:
        value = parse_yaml(text)
    except ValueError:
        return text
    return value if value is None or isinstance(value, bool | int | float | list | dict) else text
