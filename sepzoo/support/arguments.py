"""Arguments declared as a frozen dataclass: each value is checked against its field's type and range."""

from __future__ import annotations

import dataclasses
import math
import numbers
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.printable import printable
from sepzoo.support.types import Options, TypeHint

Record = TypeVar("Record")


@dataclasses.dataclass(frozen=True)
class Interval:
    """Range of a number, as metadata of its type: `Annotated[float, Interval(0, below=1)]`.

    Example:
        >>> 1.0 in Interval(0, below=1), Interval(0, below=1).text
        (False, 'from 0 to below 1')
    """

    at_least: float | None = None
    at_most: float | None = None
    _: dataclasses.KW_ONLY
    above: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    @property
    def text(self) -> str:
        """The range in words."""
        bounds = {"from": self.at_least, "above": self.above, "to": self.at_most, "to below": self.below}
        return " ".join(f"{word} {bound:,.10g}" for word, bound in bounds.items() if bound is not None)


def declared(record: type[Record], values: Options, *, of: str) -> Record:
    """Return a record of these values, the others at their defaults; lists become tuples, whole numbers floats.

    Args:
        record: a dataclass whose fields have types of bool, int, float, str, `Literal`, tuples, other classes, unions
            of these, numbers with an `Interval`.
        values: by name.
        of: whose arguments they are, for the error.

    Raises:
        SepzooError: an unknown name (the nearest known ones are named), or a value of another type or out of range.

    Example:
        >>> declared(Interval, {"at_least": 1}, of="a test")
        Interval(at_least=1.0, at_most=None, above=None, below=None)
        >>> declared(Interval, {"at_least": "x"}, of="a test")
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: a test: expected at_least as a number, or None. Received: at_least='x'.
    """
    hints = field_types(record)
    for name in values:
        if name not in hints:
            raise unknown(f"argument of {of}:", name, hints)
    return record(**{name: checked(value, hints[name], name=name, of=of) for name, value in values.items()})


def checked(value: object, hint: TypeHint, *, name: str, of: str = "") -> Any:
    """Return a value in the form that its type has.

    Raises:
        SepzooError: it has another type, or is out of range.
    """
    try:
        return _fitted(value, hint)
    except (TypeError, ValueError, OverflowError):
        pass
    words = _words(hint)
    if isinstance(value, str) and words:
        raise unknown(f"{name} of {of}:" if of else name, value, words)
    place = f"{of}: " if of else ""
    raise SepzooError(f"{place}expected {name} as {in_words(hint)}. Received: {name}={shortened(value)}.")


def shortened(value: object, length: int = 60) -> str:
    """Return a value as an error shows it: in one line, and not for pages.

    Example:
        >>> shortened([0] * 100, length=12)
        '[0, 0, 0, 0…'
    """
    text = printable(" ".join(repr(value).split()))
    return text if len(text) <= length else f"{text[: length - 1]}…"


def field_types(record: type) -> Mapping[str, TypeHint]:
    """Return the types of a dataclass's fields by name, ranges included."""
    hints = get_type_hints(record, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(record) if field.init}


def marked(record: type, mark: object) -> frozenset[str]:
    """Return the fields whose type bears a mark, as in `Annotated[float, mark]`."""
    return frozenset(
        name
        for name, hint in field_types(record).items()
        if get_origin(hint) is Annotated and any(mark is own for own in hint.__metadata__)
    )


def in_words(hint: TypeHint) -> str:
    """Return what a type takes, in words.

    Example:
        >>> in_words(Annotated[int, Interval(1)] | None), in_words(Literal[16, 19])
        ('a whole number from 1, or None', '16 or 19')
    """
    hint, intervals = _bare(hint), _intervals(hint)
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        shown = [repr(choice) for choice in arguments]
        return " or ".join(shown) if len(shown) <= 4 else f"{', '.join(shown[:4])}, … ({len(shown)} choices)"
    if get_origin(hint) in (Union, types.UnionType):
        return ", or ".join(in_words(member) for member in arguments)
    if get_origin(hint) is tuple:
        each = in_words(arguments[0])
        return (
            f"a sequence, each entry {each}" if arguments[-1] is Ellipsis else f"{len(arguments)} entries, each {each}"
        )
    known = {bool: "True or False", int: "a whole number", float: "a number", str: "text", type(None): "None"}
    word = known.get(hint) or f"a {(get_origin(hint) or hint).__name__}"
    return " ".join([word, *(interval.text for interval in intervals)])


def _words(hint: TypeHint) -> tuple[str, ...]:
    """Return the words of which a value must be one, None aside; none where it may be anything else."""
    hint = _bare(hint)
    union = get_origin(hint) in (Union, types.UnionType)
    members = [_bare(member) for member in (get_args(hint) if union else (hint,)) if member is not type(None)]
    choices = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    closed = all(get_origin(member) is Literal for member in members)
    return tuple(choices) if closed and all(isinstance(choice, str) for choice in choices) else ()


def _bare(hint: TypeHint) -> TypeHint:
    return hint.__origin__ if get_origin(hint) is Annotated else hint


def _intervals(hint: TypeHint) -> list[Interval]:
    return [own for own in getattr(hint, "__metadata__", ()) if isinstance(own, Interval)]


def _fitted(value: object, hint: TypeHint) -> Any:
    """Return a value in its type's form, or raise TypeError or ValueError."""
    hint, intervals = _bare(hint), _intervals(hint)
    arguments = get_args(hint)
    if hint is Any:
        return value
    if get_origin(hint) is Literal:
        if any(type(value) is type(choice) and value == choice for choice in arguments):
            return value
        raise ValueError
    if get_origin(hint) in (Union, types.UnionType):
        for member in arguments:
            try:
                return _fitted(value, member)
            except (TypeError, ValueError):
                continue
        raise ValueError
    if get_origin(hint) is tuple:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise TypeError
        members = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_fitted(entry, member) for entry, member in zip(value, members, strict=True))
    if hint in (int, float):
        return _number(value, hint, intervals)
    kind: TypeHint = get_origin(hint) or hint
    if not isinstance(value, kind):
        raise TypeError
    return value


def _number(value: object, kind: type, intervals: Sequence[Interval]) -> int | float:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral if kind is int else numbers.Real):
        raise TypeError
    number = kind(value)
    if not math.isfinite(number) or any(number not in interval for interval in intervals):
        raise ValueError
    return number
