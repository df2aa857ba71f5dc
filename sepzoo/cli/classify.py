"""`sepzoo classify`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText
from sepzoo.cli.options import Json, ModelFile

if TYPE_CHECKING:
    from sepzoo.inference import Prediction


def classify(
    file: ModelFile,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each picture.")] = 5,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    as_json: Json = False,
) -> None:
    """Say what pictures show.

    Labels and preprocessing come out of the file, where it has them.

    Example: sepzoo classify runs/digits/mobilenet_v1_int8.tflite one.png two.png --top 3
    """
    from sepzoo.cli.opening import open_file
    from sepzoo.support.table import table

    classifier = open_file(file, labels=labels, preprocessing=preprocessing)
    classifier.require_labels()
    guesses = classifier.top(classifier.predict(images), top)
    if as_json:
        typer.echo(json.dumps(answers(images, guesses), indent=1, ensure_ascii=False))
        return
    rows = [
        [str(image) if rank == 0 else "", guess.label, f"{guess.probability:.4f}"]
        for image, row in zip(images, guesses, strict=True)
        for rank, guess in enumerate(row)
    ]
    typer.echo(table(["file", "label", "probability"], rows, left=2))


def answers(images: Sequence[Path], guesses: Sequence[Sequence[Prediction]]) -> list[dict[str, Any]]:
    """Return each picture's guesses as JSON can hold them."""
    return [
        {"file": str(image), "predictions": [{"label": guess.label, "probability": guess.probability} for guess in row]}
        for image, row in zip(images, guesses, strict=True)
    ]
