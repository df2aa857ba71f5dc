"""`sepzoo train`."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.options import Json

if TYPE_CHECKING:
    from sepzoo.support import types
    from sepzoo.training import Run

SHIPPED = sorted(Path(file.name).stem for file in resources.files("sepzoo").joinpath("training", "recipes").iterdir())
"""The shipped recipes, for the help, which imports nothing heavy."""


def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help=f"A YAML file, or a shipped recipe: {', '.join(SHIPPED)}.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the recipe, such as epochs=3."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; by default runs/RECIPE.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail where an image cannot be read, instead of leaving it out.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train as a recipe says, and export.

    The same command resumes a run that was broken off. With more --set epochs than it had, a finished run goes on.

    Example: sepzoo train finetune --set data=my_photos --out runs/my_photos
    """
    from sepzoo.cli.keras_start import start_keras

    start_keras()
    from sepzoo import training

    chosen = training.Recipe.load(recipe).with_overrides(settings or [])
    run = training.run(chosen, out or Path("runs", chosen.name), strict=strict)
    files = "" if run.exports is None else f"\n{run.exports}"
    typer.echo(json.dumps(summary(run), indent=1) if as_json else f"{run}{files}")


def summary(run: Run) -> dict[str, types.Json]:
    """Return a run and the files that were made of it as JSON can hold them."""
    files = {"files": []} if run.exports is None else run.exports.to_dict()
    return {"folder": str(run.folder), "result": dataclasses.asdict(run.result), **files}
