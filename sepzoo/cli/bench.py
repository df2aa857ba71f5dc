"""`sepzoo bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.network import model_path
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.benchmark import LayerCosts


def bench(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET…",
            help="Files and folders of models, run folders, names of networks, timm:NAME or bsconv:NAME (PyTorch).",
        ),
    ],
    threads: Annotated[str, typer.Option(help="Numbers of threads, such as 1,2.")] = "1",
    batches: Annotated[str, typer.Option(help="Samples at a time, such as 1,8,32.")] = "1",
    turns: Annotated[int, typer.Option(help="How often each has its turn.")] = 20,
    seconds: Annotated[float, typer.Option(help="How long a turn is.")] = 0.1,
    layers: Annotated[
        bool, typer.Option("--layers", help="Of .tflite files: each operator beside what this machine could do.")
    ] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the results as a CSV file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (PNG); with --layers the roofline.")] = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Measure time and memory of several things, in turns.

    Each runs on noise in a process of its own. `ms` is the median with its quartiles, `ratio` that to the first target,
    turn by turn: a machine that is slow for a while is so for all. The latest results are kept for this machine.

    Example: sepzoo bench mobilenet_v1 net.tflite timm:mobilenetv2_100 --threads 1,2
    """
    from sepzoo import benchmark
    from sepzoo.benchmark.target import PYTORCH
    from sepzoo.support.atomic import check_target
    from sepzoo.support.overrides import parse_overrides
    from sepzoo.support.progress import announced

    counts, samples = _numbers("--threads", threads), _numbers("--batches", batches)
    for path in (csv, plot):
        if path is not None:
            check_target(path)
    packages = tuple(f"{each}:" for each in PYTORCH)
    named = [each if each.startswith(packages) else _path_or_name(each) for each in targets]
    if layers:
        _layers(named, counts[0], csv=csv, plot=plot, as_json=as_json)
        return
    with announced(f"measuring {len(named)} in turns", terminal_only=True):
        results = benchmark.run(
            named,
            threads=counts,
            batches=samples,
            turns=turns,
            turn_seconds=seconds,
            settings=parse_overrides(settings or (), "--set"),
        )
    benchmark.keep_results(results)
    if csv is not None:
        benchmark.write_results(results, csv)
    if plot is not None:
        benchmark.plot_results(results, plot)
    machine = benchmark.this_machine()
    if as_json:
        typer.echo(json.dumps({"machine": str(machine), "results": [each.to_dict() for each in results]}, indent=1))
        return
    typer.echo(machine)
    typer.echo(benchmark.results_table(results))


def _layers(targets: list[str], threads: int, *, csv: Path | None, plot: Path | None, as_json: bool) -> None:
    from sepzoo import benchmark
    from sepzoo.support.csv_file import write_csv

    if len(targets) > 1 and (csv is not None or plot is not None):
        raise SepzooError(f"expected one file where --layers writes. Received: {len(targets)}, {', '.join(targets)}.")
    for target in targets:
        if Path(target).suffix != ".tflite":
            raise SepzooError(
                f"expected .tflite files beside --layers. Received: {target}. Write one: sepzoo export {target} --to "
                "tflite"
            )
    costs = benchmark.Costs(threads=threads)
    found: list[LayerCosts] = [benchmark.measure_layers(target, costs) for target in targets]
    if plot is not None:
        benchmark.plot_layers(found[0], plot)
    if csv is not None:
        rows = found[0].to_dict()["layers"]
        write_csv(csv, list(rows[0]), [list(each.values()) for each in rows])
    if as_json:
        typer.echo(json.dumps({"machine": str(costs.machine), "files": [each.to_dict() for each in found]}, indent=1))
        return
    typer.echo(costs.machine)
    for each in found:
        typer.echo(benchmark.layers_table(each))


def _path_or_name(text: str) -> str:
    path = model_path(text)
    return text if path is None else str(path)


def _numbers(option: str, text: str) -> list[int]:
    try:
        found = [int(each) for each in text.split(",")]
    except ValueError:
        found = []
    if not found or min(found) < 1:
        raise SepzooError(f"expected numbers from 1 on, such as 1,2, for {option}. Received: {text!r}.")
    return found
