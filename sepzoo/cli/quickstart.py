"""`sepzoo quickstart`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.classify import predicted
from sepzoo.cli.options import Json
from sepzoo.cli.train import summary

if TYPE_CHECKING:
    from sepzoo.inference import Classifier

_SCANS = 3


def quickstart(
    out: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs", "quickstart"),
    as_json: Json = False,
) -> None:
    """Train, export and use a first network.

    A small network learns to read scanned digits, becomes a file for phones, is checked, and reads three scans. That
    takes a minute or two, and nothing is downloaded.

    Example: sepzoo quickstart --out runs/quickstart
    """
    from sepzoo.cli.keras_start import start_keras

    start_keras()
    from sepzoo import inference, training

    run = training.run(training.Recipe.load("digits"), out)
    assert run.exports is not None  # the recipe asks for a file
    file = run.exports.reports[0].path
    classifier = inference.open(file)
    scans = _write_scans(out / "scans", classifier)
    guesses = classifier.top(classifier.predict(scans), k=1)
    if as_json:
        typer.echo(json.dumps({**summary(run), "scans": predicted(scans, guesses)}, indent=1))
        return
    typer.echo(f"\n{run.exports}\n\n{file.name} reads scans that it has never seen:")
    for scan, (guess,) in zip(scans, guesses, strict=True):
        typer.echo(f"  {scan}: {guess.label} ({guess.probability:.3f})")
    typer.echo(f"\nAll files are in {out}. Go on with: sepzoo classify {file} {scans[0]}")


def _write_scans(folder: Path, classifier: Classifier) -> list[Path]:
    """Write a few scans of the test split as pictures, named by what they show."""
    import numpy as np
    from PIL import Image

    from sepzoo.data import open_source
    from sepzoo.support.atomic import atomic_write

    height, width, _ = classifier.input_shape
    source = open_source("digits", split="test", image_size=(height, width), channels=1)
    chosen = np.random.default_rng(0).choice(len(source), _SCANS, replace=False)
    folder.mkdir(exist_ok=True)
    paths = []
    for number, (pixels, label) in enumerate(zip(source.images(chosen), source.labels[chosen], strict=True), start=1):
        paths.append(folder / f"scan{number}_of_a_{source.class_names[label]}.png")
        with atomic_write(paths[-1]) as temporary:
            Image.fromarray(pixels[..., 0]).save(temporary)
    return paths
