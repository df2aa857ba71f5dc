"""`sepzoo compress`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText, attach_description
from sepzoo.cli.keras_file import FittingData, KerasFile, SampleCount, Seed, check_keras_file
from sepzoo.cli.network import ModelName, Weights, open_network
from sepzoo.cli.options import Json, NetworkSettings


def compress(
    model: ModelName,
    out: KerasFile,
    prune_channels: Annotated[
        str,
        typer.Option(
            metavar="SETTINGS",
            help="Take channels out: macs=0.5 | ratios=0.5[,importance=taylor][,allocation=uniform][,multiple_of=8].",
        ),
    ],
    keep: Annotated[list[str] | None, typer.Option(help="Layers whose outputs stay; wildcards too.")] = None,
    data: FittingData = None,
    samples: SampleCount = 256,
    seed: Seed = 0,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Make a trained model smaller: fewer channels, its layers and the rest of its weights kept.

    Channels that must go together are found on the graph. With --data the layers behind them are fitted again and batch
    normalizations get new statistics, without any training. The report names each group of channels and what had to
    stay.

    Example: sepzoo compress runs/vgg --prune-channels macs=0.5 --data digits --out vgg_half.keras
    """
    from sepzoo.cli.keras_start import start_keras

    start_keras()
    from sepzoo import surgery
    from sepzoo.artifact import model_file
    from sepzoo.cli.rewrite_options import settings_of, training_samples

    check_keras_file(out)
    given = settings_of(prune_channels, surgery.prune_channels, "--prune-channels", ("keep", "data", "labels"))
    network = open_network(model, weights=weights, settings=settings)
    attach_description(network, labels=labels, preprocessing=preprocessing)
    drawn = None if data is None else training_samples(network, data, samples, seed)
    new, report = surgery.prune_channels(network, **given, keep=keep or (), data=drawn)
    model_file.save(new, out)
    typer.echo(report.to_json() if as_json else f"{report}\n\nwritten to {out}")
