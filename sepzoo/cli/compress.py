"""`sepzoo compress`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sepzoo.cli.description import Description, LabelsFile, PreprocessingText
from sepzoo.cli.keras_file import FittingData, KerasFile, SampleCount, Seed, check_keras_file
from sepzoo.cli.network import ModelName, Weights, open_network
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import announced


def compress(
    model: ModelName,
    out: KerasFile,
    prune_channels: Annotated[
        str | None,
        typer.Option(
            metavar="SETTINGS",
            help="Take channels out: macs=0.5 | ratios=0.5[,importance=taylor][,allocation=uniform][,multiple_of=8].",
        ),
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option(
            metavar="SETTINGS",
            help="Train on --data while the least weights become zero: 0.5 | 2:4 [,schedule=constant]"
            "[,block_size=4x1][,epochs=4][,learning_rate=1e-3][,batch_size=32][,targets=labels].",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="SETTINGS",
            help="Train on --data while weights take a few values: 16[,initialization=linear][,epochs=3]"
            "[,learning_rate=1e-4][,batch_size=32][,targets=labels].",
        ),
    ] = None,
    qat: Annotated[
        str | None,
        typer.Option(
            metavar="[SETTINGS]",
            help="Train on --data with the rounding of int8: [epochs=3][,learning_rate=1e-5][,batch_size=32]"
            "[,targets=labels][,by=tfmot]. Alone: 3 epochs.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Layers whose outputs, or weights, stay; wildcards too.")
    ] = None,
    data: FittingData = None,
    samples: SampleCount = 256,
    seed: Seed = 0,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Make a trained model smaller.

    --prune-channels: fewer channels. Those that must go together are found on the graph. With --data the layers behind
    them are fitted again and batch normalizations get new statistics, without any training. The report names each group
    of channels and what had to stay.

    --prune, --cluster: files that deflate better, for downloads; they are no faster. The report has their sizes, as
    they are and deflated.

    --qat: layers that round as an int8 file does, trained to answer as before. `sepzoo export FILE --to tflite:int8`
    writes their integers on exactly the steps that were learned, or, with by=tfmot, on those that
    tensorflow-model-optimization finds. After --prune or --cluster zeros stay zero, and equal weights equal.

    Example: sepzoo compress runs/vgg --prune-channels macs=0.5 --data digits --out vgg_half.keras
    Example: sepzoo compress runs/vgg --prune 0.5 --qat epochs=2 --data digits --samples 1000 --out vgg_sparse.keras
    """
    from sepzoo.cli.keras_start import start_for_network

    check_keras_file(out, model=model)
    asked = _asked({"--prune-channels": prune_channels, "--prune": prune, "--cluster": cluster, "--qat": qat})
    for option in asked:
        if data is None and option != "--prune-channels":
            raise SepzooError(f"expected --data to train on with {option}. Received: none.")
    description = Description.of(labels, preprocessing)
    start_for_network(model)
    from sepzoo.artifact import model_file
    from sepzoo.cli.compress_options import compressed
    from sepzoo.cli.rewrite_options import training_samples

    network = open_network(model, weights=weights, settings=settings)
    description.attach(network)
    drawn = None if data is None else training_samples(network, data, samples, seed)
    told: list[str] = []
    found: dict[str, object] = {}
    for option, words in asked.items():
        with announced(f"compressing {network.name} ({option})", terminal_only=True):
            step = compressed(network, option, words, keep=keep or (), data=drawn)
        network = step.model
        told.append(step.text)
        found |= step.values
    model_file.save(network, out)
    typer.echo(json.dumps(found, indent=2) if as_json else "\n\n".join([*told, f"written to {out}"]))


def _asked(given: dict[str, str | None]) -> dict[str, str]:
    """Return what was asked for, in the order in which it is done.

    Raises:
        SepzooError: nothing, or things that don't go together.
    """
    asked = {option: settings for option, settings in given.items() if settings is not None}
    if len(asked) != 1 and tuple(asked) not in (("--prune", "--qat"), ("--cluster", "--qat")):
        raise SepzooError(
            "expected one of --prune-channels, --prune, --cluster and --qat, or --qat with --prune or --cluster. "
            f"Received: {', '.join(asked) or 'none'}."
        )
    return asked
