"""What a model gives: class scores of one form or another, or values that nobody classifies by."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Json

OutputKind = Literal["softmax", "logits", "sigmoid", "multilabel", "values", "map"]
"""Probabilities of classes; scores before their softmax (or, one alone, before its sigmoid); one probability, of the
second of two classes; independent probabilities; numbers (regression, landmarks, embeddings); a map (segmentation)."""

End = Literal["softmax", "sigmoid", "linear", "other"]
"""What a graph does last to its values, as far as that is certain."""

KINDS: tuple[OutputKind, ...] = get_args(OutputKind)
_SCORES = ("softmax", "logits", "sigmoid", "multilabel")


@dataclasses.dataclass(frozen=True)
class Output:
    """One output of a model.

    Attributes:
        kind: what its numbers are.
        name: of the output, where a model has several; None otherwise.
        reason: how the kind is known, in words.

    Example:
        >>> Output("softmax").scores, Output("values").scores
        (True, False)
    """

    kind: OutputKind
    name: str | None = None
    reason: str = dataclasses.field(default="as was said", compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("kind of output", str(self.kind), KINDS)

    @property
    def scores(self) -> bool:
        """Whether samples can be classified by it."""
        return self.kind in _SCORES

    @property
    def end(self) -> End:
        """What a graph of this kind does last."""
        return {"softmax": "softmax", "sigmoid": "sigmoid", "multilabel": "sigmoid"}.get(self.kind, "other")  # type: ignore[return-value]

    def to_dict(self) -> dict[str, str]:
        """Return kind and name as JSON can hold them."""
        return {"kind": self.kind} if self.name is None else {"kind": self.kind, "name": self.name}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> Output:
        """Return the record that `to_dict` described."""
        return cls(fields["kind"], fields.get("name"), reason="as the file says")


def parse_output(text: str) -> Output:
    """Return the output that `[NAME=]KIND` names, as `--output-kind` takes it.

    Raises:
        SepzooError: the kind is not known.

    Example:
        >>> parse_output("logits"), parse_output("pose=values").name
        (Output(kind='logits', name=None, reason='as was said'), 'pose')
    """
    name, _, kind = text.rpartition("=")
    return Output(kind.strip(), name.strip() or None)  # type: ignore[arg-type]


Said: TypeAlias = "str | Output | Sequence[str | Output] | Mapping[str, str] | None"
"""What a caller may say of outputs: one kind, or of several outputs each by its name."""


def said_outputs(said: Said) -> tuple[Output, ...] | None:
    """Return what a caller said of a model's outputs as records: one kind, or one record for each of several.

    Example:
        >>> said_outputs("logits") == (Output("logits"),)
        True
        >>> said_outputs({"pose": "values", "class": "softmax"}) == said_outputs(["pose=values", "class=softmax"])
        True
    """
    if said is None:
        return None
    if isinstance(said, Mapping):
        return tuple(Output(kind, name) for name, kind in said.items())  # type: ignore[arg-type]
    each = (said,) if isinstance(said, str | Output) else said
    return tuple(parse_output(one) if isinstance(one, str) else one for one in each)


def read_output(end: End, shape: tuple[int, ...], labels: int) -> Output:
    """Return what an output is where nobody said: what its graph shows for certain, else values.

    Args:
        end: what the graph does last.
        shape: of the output, without the batch.
        labels: how many class names the model has; 0: none.

    Example:
        >>> read_output("linear", (10,), labels=10).kind, read_output("linear", (10,), labels=0).kind
        ('logits', 'values')
    """
    size = math.prod(shape)
    if is_map(shape):
        return Output("map", reason=f"by its shape, {shape}")
    if end == "softmax" and size > 1:
        return Output("softmax", reason="read off the graph")
    if end == "sigmoid":
        return Output("sigmoid" if size == 1 else "multilabel", reason="read off the graph")
    if end == "linear" and size == labels > 1:
        return Output("logits", reason="linear outputs, as many as there are labels")
    return Output("values", reason="the graph ends in neither softmax nor sigmoid, and nobody said what it gives")


def check_output(output: Output, end: End, shape: tuple[int, ...], model: str) -> None:
    """See that what was said of an output can be true.

    Args:
        output: what was said.
        end: what the graph does last.
        shape: of the output, without the batch.
        model: its name, for errors.

    Raises:
        SepzooError: another shape than such an output has, or logits that went through a softmax or sigmoid already.
    """
    size = math.prod(shape)
    wanted = {"softmax": "two classes or more", "sigmoid": "one probability", "multilabel": "two classes or more"}
    wrong = (output.kind == "sigmoid") != (size == 1) if output.kind in wanted else False
    if wrong or (output.scores and is_map(shape)):
        raise SepzooError(
            f"{model}: expected {wanted.get(output.kind, 'one score a class')} as {output.kind}. Received: outputs of "
            f"shape {shape}. Say another kind: {', '.join(KINDS)}."
        )
    if output.kind == "logits" and end in ("softmax", "sigmoid"):
        raise SepzooError(
            f"{model}: expected logits, as was said. Received: a model that ends in a {end}, which would be applied "
            "twice. Leave the kind out."
        )


def check_names(outputs: Sequence[Output], names: Sequence[str | None], model: str) -> None:
    """See that what was said of outputs is said of those that a model has.

    Args:
        outputs: what was said.
        names: of the model's outputs; None where its one output has none.
        model: its name, for errors.

    Raises:
        SepzooError: kinds of more outputs than there are, of an output of another name, of one twice, or without a name
            where there are several.
    """
    received = ", ".join(each.kind if each.name is None else f"{each.name}={each.kind}" for each in outputs)
    if len(names) > 1:
        known = ", ".join(map(str, names))
        said = [output.name for output in outputs]
        if not set(said) <= set(names) or len(set(said)) < len(said):
            raise SepzooError(
                f"{model}: expected the kinds of its outputs, {known}, each by its name and once, such as "
                f"{names[0]}=values. Received: {received}."
            )
        return
    if len(outputs) > 1:
        raise SepzooError(f"{model}: expected the kind of its one output. Received: {received}.")
    for output in outputs:
        if output.name not in (None, names[0]):
            known = "which has no name" if names[0] is None else repr(names[0])
            raise SepzooError(
                f"{model}: expected the kind of its output, {known}. Received: that of {output.name!r}. Leave the name "
                "out."
            )


def replaced(old: Sequence[Output] | None, said: Sequence[Output] | None) -> tuple[Output, ...] | None:
    """Return what a model's outputs are once a caller has said more: what has the same name gives way.

    Example:
        >>> [output.kind for output in replaced([Output("values", "a"), Output("map", "b")], [Output("logits", "a")])]
        ['logits', 'map']
        >>> replaced([Output("values")], [Output("logits")]) == (Output("logits"),)
        True
    """
    if said is None or old is None or any(output.name is None for output in (*old, *said)):
        return tuple(said) if said is not None else None if old is None else tuple(old)
    new = {output.name: output for output in said}
    kept = tuple(new.pop(output.name) if output.name in new else output for output in old)
    return (*kept, *(output for output in said if output.name in new))


def is_map(shape: tuple[int, ...]) -> bool:
    """Return whether an output has more than one axis, those of length 1 not counted."""
    return sum(size != 1 for size in shape) > 1
