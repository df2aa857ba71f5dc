"""`sepzoo train`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.options import Json


def train(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name, or a YAML file.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Replace a value of the recipe, such as epochs=3."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; by default runs/RECIPE.")] = None,
    as_json: Json = False,
) -> None:
    """Train as a recipe says, and export.

    The same command resumes a run that was broken off.

    Example: sepzoo train finetune --set data=my_photos --out runs/my_photos
    """
    from sepzoo.cli.keras_start import start_keras

    start_keras()
    from sepzoo import training
    from sepzoo.cli.exporting import Network, export_network, parse_targets, summary

    chosen = training.Recipe.load(recipe).with_overrides(settings or [])
    targets = parse_targets(chosen.export)
    run = training.run(chosen, out or Path("runs", chosen.name))
    exported = export_network(Network.of_run(run), targets)
    typer.echo(json.dumps(summary(run, exported), indent=1) if as_json else f"{run}\n{exported}")
