"""`sepzoo train`."""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.options import Json

if TYPE_CHECKING:
    from sepzoo.support import types
    from sepzoo.training import Distribution, Run

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
    distribute: Annotated[
        str | None,
        typer.Option(
            help="`mirrored` over the GPUs of this machine, or `multihost`, which is the same command in each of "
            "several processes; the next three are read from a cluster's variables where they are left out."
        ),
    ] = None,
    coordinator: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Where the process of index 0 listens.")
    ] = None,
    processes: Annotated[int | None, typer.Option(help="How many there are.")] = None,
    index: Annotated[int | None, typer.Option(help="Of this one, from 0; that of 0 writes the run folder.")] = None,
    wait: Annotated[float, typer.Option(help="Seconds until all processes must have come together.")] = 300.0,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Train as a recipe says, and export.

    The same command resumes a run that was broken off. With more --set epochs than it had, a finished run goes on.

    Example: sepzoo train finetune --set data=my_photos --out runs/my_photos
    """
    from sepzoo.training.distribution import distribution_of

    said = distribution_of(distribute, coordinator=coordinator, processes=processes, index=index, wait=wait)
    from sepzoo.training.recipe import Recipe

    chosen = Recipe.load(recipe).with_overrides(settings or [])
    folder = out or Path("runs", chosen.name)
    if said is not None and said.kind == "multihost" and not supervised:
        flags = ["--strict"] * strict + ["--json"] * as_json
        raise typer.Exit(_supervised(recipe, settings or [], folder, said, flags))
    if supervised:
        from sepzoo.training.supervision import follow_parent

        follow_parent()
    else:  # JAX must not have computed anything before its processes have come together
        from sepzoo.cli.keras_start import start_keras

        start_keras()
    from sepzoo import training

    run = training.run(chosen, folder, strict=strict, distribution=said)
    if said is not None and said.index:
        return
    files = "" if run.exports is None else f"\n{run.exports}"
    typer.echo(json.dumps(summary(run), indent=1) if as_json else f"{run}{files}")


def _supervised(recipe: str, settings: list[str], out: Path, said: Distribution, flags: list[str]) -> int:
    """Let another process train as one of several."""
    from sepzoo.artifact.inspection.checking import is_trusted
    from sepzoo.training.supervision import supervise

    command = [sys.executable, "-m", "sepzoo", *["--trust"] * is_trusted(), "train", recipe, "--out", str(out), *flags]
    command += ["--supervised", "--distribute", said.kind, "--wait", str(said.wait)]
    command += ["--processes", str(said.processes), "--index", str(said.index)]
    command += [] if said.coordinator is None else ["--coordinator", said.coordinator]
    return supervise([*command, *(part for setting in settings for part in ("--set", setting))], said)


def summary(run: Run) -> dict[str, types.Json]:
    """Return a run and the files that were made of it as JSON can hold them."""
    files = {"files": []} if run.exports is None else run.exports.to_dict()
    return {"folder": str(run.folder), "result": dataclasses.asdict(run.result), **files}
