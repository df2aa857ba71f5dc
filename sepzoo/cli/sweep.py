"""`sepzoo sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.options import Json


def sweep(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A YAML file of networks, seeds and values.")],
    out: Annotated[Path | None, typer.Option(help="The folder of run folders; by default runs/STUDY.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="The CSV file of finished runs; by default the study's name, beside its file.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at once; they share the cores.")] = 1,
    only_report: Annotated[
        bool, typer.Option("--report", help="Show what the finished runs say, and run none.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a study: networks by seeds by values, each an ordinary run, and compare them with intervals.

    Beside the file of results goes a picture of accuracy against multiply-accumulates.

    Runs whose rows are in the file of results are not repeated; the same command goes on where it was broken off.

    Example: sepzoo sweep training/studies/bsconv_cifar10.yaml
    """
    import dataclasses
    import json

    from sepzoo.training.study import Study
    from sepzoo.training.study_plot import plot_study
    from sepzoo.training.study_rows import read_rows
    from sepzoo.training.study_table import averages_of, differences_of, foreword, report
    from sepzoo.training.sweeping import rows_of
    from sepzoo.training.sweeping import sweep as run_all

    loaded = Study.load(study)
    file = results or study.with_name(f"{loaded.name}.csv")
    if only_report:
        rows = rows_of(loaded, read_rows(file))
    else:
        typer.echo(foreword(loaded), err=True)
        folder = out or Path("runs", loaded.name)
        rows = run_all(loaded, file, folder, jobs=jobs, say=lambda line: typer.echo(line, err=True))
    picture = file.with_suffix(".png")
    if plot_study(loaded, rows, picture):
        typer.echo(f"accuracy against cost: {picture}", err=True)
    if as_json:
        differences = differences_of(loaded, rows)
        tables = {"differences": differences, "averages": averages_of(loaded, differences) if loaded.cases else []}
        found = {
            "rows": [dataclasses.asdict(row) for row in rows],
            **{
                name: [{**dataclasses.asdict(pair), "verdict": pair.verdict} for pair in pairs]
                for name, pairs in tables.items()
            },
        }
        typer.echo(json.dumps(found, indent=1))
    else:
        typer.echo(report(loaded, rows))
