"""`sepzoo analyse`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.network import ModelName, Weights, open_network, stem_of
from sepzoo.cli.options import Json, NetworkSettings

if TYPE_CHECKING:
    import keras

    from sepzoo.analysis import KernelCorrelations

_KERNELS, _SHARES_CSV, _SHARES, _COSTS_CSV, _COSTS = _FILES = (
    "kernels.png",
    "correlations.csv",
    "correlations.png",
    "costs.csv",
    "costs.png",
)


def analyse(
    model: ModelName,
    plot: Annotated[bool, typer.Option("--plot", help="Write pictures (PNG) and their numbers (CSV).")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for them; by default MODEL_analysis.")] = None,
    layer: Annotated[
        str | None,
        typer.Option(help="Whose kernels are drawn; by default those of the dense layer that most resembles."),
    ] = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Show how a model's kernels correlate.

    For each layer the share of its kernels that one k x k slice explains, along depth (what BSConv keeps) and across
    kernels (what a depthwise separable convolution keeps), beside what chance gives.

    Example: sepzoo analyse mobilenet_v1 --weights imagenet --plot
    """
    from sepzoo.cli.keras_start import start_for_network

    start_for_network(model)
    from sepzoo.analysis import kernel_correlations
    from sepzoo.support.atomic import check_target
    from sepzoo.support.progress import announced

    folder = out or Path(f"{stem_of(model)}_analysis")
    if plot:
        for name in _FILES:
            check_target(folder / name)
    network = open_network(model, weights=weights, settings=settings)
    found = kernel_correlations(network)
    with announced("drawing", terminal_only=True):
        written = _drawn(network, found, layer, folder) if plot else []
    if as_json:
        typer.echo(json.dumps({**json.loads(found.to_json()), "files": [str(path) for path in written]}, indent=1))
        return
    typer.echo(found)
    for path in written:
        typer.echo(f"written to {path}")


def _drawn(network: keras.Model, found: KernelCorrelations, layer: str | None, folder: Path) -> list[Path]:
    """Write all pictures and tables of a network."""
    from sepzoo.analysis import costs_to_csv, plot_costs, plot_kernel_correlations, plot_kernels, profile

    dense = [each for each in found.layers if each.inputs > 1 and len(each.window) == 2]
    if layer is None and dense:
        layer = max(dense, key=lambda each: (each.along_depth or 0.0) - each.chance_along_depth).layer
    kernels = [] if layer is None else [plot_kernels(network, layer, folder / _KERNELS)]
    costs = profile(network)
    return [
        *kernels,
        found.to_csv(folder / _SHARES_CSV),
        plot_kernel_correlations(found, folder / _SHARES),
        costs_to_csv(costs, folder / _COSTS_CSV),
        plot_costs(costs, folder / _COSTS),
    ]
