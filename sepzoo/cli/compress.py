"""`sepzoo compress`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText, attach_description
from sepzoo.cli.keras_file import FittingData, KerasFile, SampleCount, Seed, check_keras_file
from sepzoo.cli.network import ModelName, Weights, open_network
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Model

if TYPE_CHECKING:
    from sepzoo.data.samples import Samples


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
    qat: Annotated[
        str | None,
        typer.Option(
            metavar="SETTINGS",
            help="Train on --data with the rounding of int8: epochs=3[,learning_rate=1e-5][,batch_size=32]"
            "[,targets=labels].",
        ),
    ] = None,
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
    """Make a trained model smaller, its weights kept.

    --prune-channels: fewer channels. Those that must go together are found on the graph. With --data the layers behind
    them are fitted again and batch normalizations get new statistics, without any training. The report names each group
    of channels and what had to stay.

    --qat: layers that round as an int8 file does, trained to answer as before. `sepzoo export FILE --to tflite:int8`
    writes their integers on exactly the steps that were learned.

    Example: sepzoo compress runs/vgg --prune-channels macs=0.5 --data digits --out vgg_half.keras
    """
    from sepzoo.cli.keras_start import start_keras

    check_keras_file(out)
    if (prune_channels is None) == (qat is None):
        raise SepzooError("expected --prune-channels or --qat, one of them. Received: " + ("both." if qat else "none."))
    if qat is not None and data is None:
        raise SepzooError("expected --data to train on with --qat. Received: none.")
    start_keras()
    from sepzoo.artifact import model_file
    from sepzoo.cli.rewrite_options import training_samples

    network = open_network(model, weights=weights, settings=settings)
    attach_description(network, labels=labels, preprocessing=preprocessing)
    drawn = None if data is None else training_samples(network, data, samples, seed)
    if qat is not None and drawn is not None:
        new, told = _trained(network, qat, drawn, as_json=as_json)
    else:
        new, told = _narrowed(network, str(prune_channels), keep or (), drawn, as_json=as_json)
    model_file.save(new, out)
    typer.echo(told if as_json else f"{told}\n\nwritten to {out}")


def _trained(network: Model, settings: str, data: Samples, *, as_json: bool) -> tuple[Model, str]:
    from sepzoo import compression
    from sepzoo.cli.rewrite_options import settings_of

    known = ("data", "labels", "preprocessing", "features", "outputs")
    arguments = settings_of(settings, compression.quantize_aware, "--qat", known)
    found = compression.quantize_aware(network, data, **arguments)
    if as_json:
        return found.model, json.dumps({"samples": len(data), "losses": list(found.losses)})
    losses = ", ".join(f"{loss:.3g}" for loss in found.losses)
    return found.model, f"trained on {len(data)} samples of {data.origin}; loss before and after each epoch: {losses}"


def _narrowed(
    network: Model, settings: str, keep: Sequence[str], data: Samples | None, *, as_json: bool
) -> tuple[Model, str]:
    from sepzoo import surgery
    from sepzoo.cli.rewrite_options import settings_of

    given = settings_of(settings, surgery.prune_channels, "--prune-channels", ("keep", "data", "labels"))
    new, report = surgery.prune_channels(network, **given, keep=keep, data=data)
    return new, report.to_json() if as_json else str(report)
