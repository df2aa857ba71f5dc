"""`sepzoo classify`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.description import LabelsFile, OutputKinds, PreprocessingText
from sepzoo.cli.network import AnyModelName, Weights, open_classifier
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.data import FoundImages
    from sepzoo.inference import Classifier, Prediction
    from sepzoo.support import types

_UNREADABLE = 1
"""The exit code where some pictures were classified and others cannot be read."""


def classify(
    model: AnyModelName,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Pictures, or WAV files for a network that takes sound; or folders of them."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show for each file.")] = 5,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    output_kinds: OutputKinds = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Say what pictures show, or what is heard in sound.

    Labels and preprocessing come out of the model, where it has them. Of a folder all pictures, or all sounds, are
    taken, those of its subfolders too. One that cannot be read is named, the others are answered for, and the exit code
    is 1. A clip of another rate or length than the model takes is resampled, cut or padded, and that is said.

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
    if classifier.sound is None:
        classifier.require_pictures()
    classifier.require_labels()
    classifier.require_scores()
    files = picture_files(images) if classifier.sound is None else sound_files(images)
    what = "images" if classifier.sound is None else "clips"
    problems: list[str] = []
    classified = _classified(classifier, files, top, problems)
    if not classified:
        raise_unreadable(problems, len(files), what=what)
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
            raise_unreadable(problems, len(files), what=what)
        except SepzooError as error:
            typer.echo(f"error: {error}", err=True)
        raise typer.Exit(_UNREADABLE)


def picture_files(paths: Iterable[Path]) -> list[Path]:
    """Return the pictures among files and in folders, those of subfolders too; what else a folder holds is named.

    Raises:
        SepzooError: a folder without pictures.
    """
    from sepzoo.data.picture_files import find_images

    return _files(paths, find_images, "pictures")


def sound_files(paths: Iterable[Path]) -> list[Path]:
    """Return the sounds among files and in folders, those of subfolders too; what else a folder holds is named.

    Raises:
        SepzooError: a folder without sounds.
    """
    from sepzoo.data.sounds import SOUNDS

    return _files(paths, SOUNDS.found, SOUNDS.files)


def _files(paths: Iterable[Path], find: Callable[[Path], FoundImages], what: str) -> list[Path]:
    from sepzoo.data.picture_files import named

    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = find(path)
        if not inside.found:
            raise SepzooError(f"expected {what} in the folder. Received: {path} with none.")
        if inside.left_out:
            typer.echo(f"warning: {path}: left out, since they are no {what}: {named(inside.left_out)}", err=True)
        files += inside.found
    return files


def predicted(images: Sequence[Path], guesses: Sequence[Sequence[Prediction]]) -> list[dict[str, types.Json]]:
    """Return each picture's guesses as JSON can hold them."""
    return [
        {"file": str(image), "predictions": [{"label": guess.label, "probability": guess.probability} for guess in row]}
        for image, row in zip(images, guesses, strict=True)
    ]


def _classified(
    classifier: Classifier, files: Sequence[Path], top: int, problems: list[str]
) -> list[tuple[Path, list[Prediction]]]:
    """Return the guesses for each file that can be read; what is wrong with the others goes to `problems`."""
    from sepzoo.inference import load_images
    from sepzoo.inference.clips import read_clips
    from sepzoo.support.progress import counted

    sound, found = classifier.sound, []
    for path in counted(files, len(files), "pictures" if sound is None else "sounds"):
        try:
            data = load_images([path]) if sound is None else read_clips([path], sound)
        except SepzooError as error:
            problems.append(str(error))
            continue
        [guesses] = classifier.top(classifier.predict(data), top)
        found.append((path, guesses))
    return found
