"""`sepzoo rewrite`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.description import Description, LabelsFile, PreprocessingText
from sepzoo.cli.keras_file import FittingData, KerasFile, SampleCount, Seed, check_keras_file
from sepzoo.cli.network import ModelName, Weights, open_network
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.layers.factorization import PRESETS
from sepzoo.support.errors import SepzooError


def rewrite(
    model: ModelName,
    out: KerasFile,
    decouple: Annotated[
        str | None,
        typer.Option(
            metavar="SETTINGS", help="As sums of separable ones: macs=0.5 | terms=3 | energy=0.95[,order=dw_pw]."
        ),
    ] = None,
    replace: Annotated[
        str | None,
        typer.Option(
            metavar="KIND", help=f"By another kind, untrained: {', '.join(PRESETS)}; with options: bsconv_s,p=0.5."
        ),
    ] = None,
    kernel_sizes: Annotated[
        str | None,
        typer.Option(metavar="SIZES", help="What --replace takes: 3x3,5x1, over series 9 | all. [default: 3x3,5x5]"),
    ] = None,
    blueprint: Annotated[
        bool, typer.Option("--blueprint", help="By their best blueprints, to fine-tune from.")
    ] = False,
    p: Annotated[float | None, typer.Option(help="Share of mid channels of --blueprint; without it BSConv-U.")] = None,
    fold: Annotated[bool, typer.Option("--fold", help="Fold batch norm and linear 1 x 1 pairs; comes first.")] = False,
    fuse_branches: Annotated[
        bool, typer.Option("--fuse-branches", help="Fuse parallel branches of one input, as MobileOne has; before all.")
    ] = False,
    spatial: Annotated[float | None, typer.Option(help="Split in columns and rows, weights shrunk by this.")] = None,
    channels: Annotated[float | None, typer.Option(help="Reduce channels inside, weights shrunk by this.")] = None,
    any_cost: Annotated[
        bool, typer.Option("--any-cost", help="Let --replace and --blueprint take layers that they make no cheaper.")
    ] = False,
    keep: Annotated[list[str] | None, typer.Option(help="Layers that stay; wildcards too.")] = None,
    data: FittingData = None,
    samples: SampleCount = 256,
    seed: Seed = 0,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Separate a trained model's convolutions.

    Weights are kept where the operation can (all but --replace). The report names each layer, what was done to it or
    why not, and its costs.

    Example: sepzoo rewrite runs/vgg --decouple macs=0.5 --data digits --out vgg_half.keras
    """
    from sepzoo.cli.keras_start import start_for_network

    check_keras_file(out, model=model)
    if p is not None and not blueprint:
        raise SepzooError("expected --p beside --blueprint. Received: --p alone. Write --replace bsconv_s,p=… else.")
    if kernel_sizes is not None and replace is None:
        raise SepzooError(f"expected --kernel-sizes beside --replace. Received: --kernel-sizes {kernel_sizes} alone.")
    if any_cost and replace is None and not blueprint:
        raise SepzooError("expected --any-cost beside --replace or --blueprint. Received: --any-cost alone.")
    if (
        keep
        and (fold or fuse_branches)
        and (decouple, replace, spatial, channels, blueprint) == (None, None, None, None, False)
    ):
        alone = "--fold" if fold else "--fuse-branches"
        raise SepzooError(
            f"expected --keep beside what replaces layers. Received: {alone} alone, which takes all it can."
        )
    description = Description.of(labels, preprocessing)
    start_for_network(model)
    from sepzoo.artifact import model_file
    from sepzoo.cli.rewrite_options import RewriteOptions, rewritten, training_samples
    from sepzoo.support.progress import announced

    network = open_network(model, weights=weights, settings=settings)
    description.attach(network)
    options = RewriteOptions(
        fuse_branches=fuse_branches,
        fold=fold,
        spatial=spatial,
        channels=channels,
        replace=replace,
        kernel_sizes=kernel_sizes,
        blueprint=blueprint,
        p=p,
        decouple=decouple,
        only_if_cheaper=not any_cost,
        keep=keep or (),
        samples=None if data is None else training_samples(network, data, samples, seed),
    )
    with announced(f"rewriting {network.name}", terminal_only=True):
        new, report = rewritten(network, options)
    model_file.save(new, out)
    typer.echo(report.to_json() if as_json else f"{report}\n\nwritten to {out}")
