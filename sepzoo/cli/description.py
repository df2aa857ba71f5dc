"""What a foreign model file does not say of itself and the command line can: labels, preprocessing, kind of output."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.artifact import labels_file
from sepzoo.records.outputs import KINDS, Output, parse_output
from sepzoo.records.preprocessing import NAMED, Preprocessing
from sepzoo.support.errors import SepzooError, unknown

if TYPE_CHECKING:
    import keras

LabelsFile = Annotated[
    Path | None, typer.Option("--labels", help="A text file with one class name a line, for a model that carries none.")
]
PreprocessingText = Annotated[
    str | None,
    typer.Option(
        "--preprocessing",
        metavar="WORDS",
        help=f"How pixels become its input: {', '.join(NAMED)}, a network's name, or mean=0,std=255 and what else a "
        "sepzoo.json says.",
    ),
]

OutputKinds = Annotated[
    list[str] | None,
    typer.Option(
        "--output-kind",
        metavar="[OUTPUT=]KIND",
        help=f"What it gives, where its graph does not show it: {', '.join(KINDS)}. Once for each of several outputs.",
    ),
]

_COMMA_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


def read_labels(path: Path | None) -> tuple[str, ...] | None:
    """Return the names in a label file; None where none was named.

    Raises:
        SepzooError: it is no text; see `sepzoo.artifact.labels_file`.
    """
    return None if path is None else labels_file.read_labels(path)


def parse_outputs(texts: Sequence[str] | None) -> tuple[Output, ...] | None:
    """Read what was said of outputs, each as `[OUTPUT=]KIND`; None where nothing was.

    Raises:
        SepzooError: a kind that is not known.

    Example:
        >>> [output.kind for output in parse_outputs(["logits"])]
        ['logits']
    """
    return tuple(map(parse_output, texts)) if texts else None


def parse_preprocessing(text: str | None) -> Preprocessing | None:
    """Read a name, fields, or a name and the fields that differ from it; None where nothing was said.

    Raises:
        SepzooError: a name, a field or a value that means nothing.

    Example:
        >>> parse_preprocessing("zero_to_one,crop_fraction=1")
        Preprocessing(mean=(0.0,), std=(255.0,), crop_fraction=1, interpolation='bilinear', channel_order='rgb')
        >>> parse_preprocessing("mean=[1,2,3],std=58").mean
        (1, 2, 3)
    """
    if text is None:
        return None
    from sepzoo.support.overrides import parse_overrides

    first, *rest = _COMMA_OUTSIDE_BRACKETS.split(text)
    named = "=" not in first
    if any("=" not in setting for setting in rest):
        raise SepzooError(f"expected one name, then fields as key=value. Received: --preprocessing {text}.")
    settings = parse_overrides(rest if named else [first, *rest], f"--preprocessing {text}")
    legal = [field.name for field in dataclasses.fields(Preprocessing)]
    for name, value in settings.items():
        if name not in legal:
            raise unknown("field of --preprocessing", name, legal)
        if name in ("mean", "std"):
            settings[name] = tuple(value) if isinstance(value, list) else (value,)
    if named:
        return dataclasses.replace(_named(first.strip()), **settings)
    if not {"mean", "std"} <= settings.keys():
        raise SepzooError(
            f"expected a name, or both mean and std. Received: --preprocessing {text}. Write for example zero_to_one, "
            "or mean=0,std=255."
        )
    return Preprocessing(**settings)


@dataclasses.dataclass(frozen=True)
class Description:
    """What the command line says of a model that is then attached to it.

    Attributes:
        labels: class names in the order of the outputs; None: what the model says.
        preprocessing: from pixels to the input; None: what the model says.
    """

    labels: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None

    @classmethod
    def of(cls, labels: Path | None, preprocessing: str | None) -> Description:
        """Read what was said, before a model is.

        Raises:
            SepzooError: no labels are in the file, or words that mean nothing.
        """
        return cls(read_labels(labels), parse_preprocessing(preprocessing))

    def attach(self, model: keras.Model) -> None:
        """Attach it to a model; nothing, where nothing was said.

        Raises:
            SepzooError: labels or preprocessing that don't fit, labels for a model whose preprocessing nobody says, or
                either for what is no image classifier.
        """
        if self == Description():
            return
        from sepzoo.artifact.model_file import attach
        from sepzoo.inference.keras_model import from_model

        told = from_model(model, labels=self.labels, preprocessing=self.preprocessing)
        told.require_preprocessing()
        attach(model, told.metadata)


def _named(name: str) -> Preprocessing:
    if name in NAMED:
        return NAMED[name]
    from sepzoo.catalog.registry import find, list_models

    try:
        return find(name)[1].preprocessing
    except SepzooError:
        raise unknown("preprocessing", name, [*NAMED, *list_models()], hint=f"By name: {', '.join(NAMED)}.") from None
