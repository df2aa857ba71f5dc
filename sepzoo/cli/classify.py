"""`sepzoo classify`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.description import LabelsFile, OutputKinds, PreprocessingText
from sepzoo.cli.network import AnyModelName, Weights, open_classifier
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.inference import Classifier, Prediction
    from sepzoo.support import types

_UNREADABLE = 1
"""The exit code where some pictures were classified and others cannot be read."""


def classify(
    model: AnyModelName,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Picture files, or folders of them.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each picture.")] = 5,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    output_kinds: OutputKinds = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Say what pictures show.

    Labels and preprocessing come out of the model, where it has them. Of a folder all pictures are taken, those of its
    subfolders too. A picture that cannot be read is named, the others are answered for, and the exit code is 1.

    Example: sepzoo classify runs/digits/mobilenet_v1_int8.tflite one.png two.png --top 3
    """
    from sepzoo.inference.images import raise_unreadable
    from sepzoo.support.table import table

    classifier = open_classifier(
        model,
        labels=labels,
        preprocessing=preprocessing,
        output_kinds=output_kinds,
        weights=weights,
        settings=settings,
    )
    classifier.require_pictures()
    classifier.require_labels()
    classifier.require_scores()
    pictures = picture_files(images)
    problems: list[str] = []
    classified = _classified(classifier, pictures, top, problems)
    if not classified:
        raise_unreadable(problems, len(pictures))
    readable, guesses = [image for image, _ in classified], [row for _, row in classified]
    if as_json:
        typer.echo(json.dumps(predicted(readable, guesses), indent=1, ensure_ascii=False))
    else:
        rows = [
            [str(image) if rank == 0 else "", guess.label, f"{guess.probability:.4f}"]
            for image, row in classified
            for rank, guess in enumerate(row)
        ]
        typer.echo(table(["file", "label", "probability"], rows, left=2))
    if problems:
        try:
            raise_unreadable(problems, len(pictures))
        except SepzooError as error:
            typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_UNREADABLE)


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """Return the pictures among files and in folders, those of subfolders too; what else a folder holds is named.

    Raises:
        SepzooError: a folder without pictures.
    """
    from sepzoo.data.picture_files import find_images, named

    pictures: list[Path] = []
    for path in paths:
        if not path.is_dir():
            pictures.append(path)
            continue
        images = find_images(path)
        if not images.found:
            raise SepzooError(f"expected pictures in the folder. Received: {path} with none.")
        if images.left_out:
            typer.echo(f"warning: {path}: left out, since they are no pictures: {named(images.left_out)}", err=True)
        pictures += images.found
    return pictures


def predicted(images: Sequence[Path], guesses: Sequence[Sequence[Prediction]]) -> list[dict[str, types.Json]]:
    """Return each picture's guesses as JSON can hold them."""
    return [
        {"file": str(image), "predictions": [{"label": guess.label, "probability": guess.probability} for guess in row]}
        for image, row in zip(images, guesses, strict=True)
    ]


def _classified(
    classifier: Classifier, pictures: Sequence[Path], top: int, problems: list[str]
) -> list[tuple[Path, list[Prediction]]]:
    """Return the guesses for each picture that can be read; what is wrong with the others goes to `problems`."""
    from sepzoo.inference import load_images
    from sepzoo.support.progress import counted

    found = []
    for path in counted(pictures, len(pictures), "pictures"):
        try:
            image = load_images([path])
        except SepzooError as error:
            problems.append(str(error))
            continue
        [guesses] = classifier.top(classifier.predict(image), top)
        found.append((path, guesses))
    return found
