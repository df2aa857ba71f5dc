"""`sepzoo profile`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sepzoo.cli.network import ModelName, open_network
from sepzoo.cli.options import Json, NetworkSettings, parse_shape


def profile(
    model: ModelName,
    input_shape: Annotated[str | None, typer.Option(help="height,width,channels to count at.")] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Show every layer.")] = False,
    as_json: Json = False,
    settings: NetworkSettings = None,
) -> None:
    """Count parameters, MACs and bytes.

    MACs are multiply-accumulates, bytes those of the activations, both for one image. Nothing is run.

    Example: sepzoo profile mobilenet_v1 --set alpha=0.5 --set conv=bsconv_u --input-shape 96,96,3
    """
    from sepzoo.cli.keras_start import start_for_network

    start_for_network(model)
    from sepzoo import analysis
    from sepzoo.catalog.model_paths import names_file
    from sepzoo.support.progress import announced
    from sepzoo.support.table import table

    shape = None if input_shape is None else parse_shape(input_shape)
    built = names_file(model)  # what is not is built for the shape
    network = open_network(model, settings=settings, options="--set", input_shape=None if built else shape)
    with announced(f"counting {network.name}", terminal_only=True):
        found = analysis.profile(network, input_shape=shape if built else None)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1))
    elif layers:
        typer.echo(found)
    else:
        counts = (found.params, found.trainable_params, found.macs, found.bytes)
        sizes = " ".join("x".join(map(str, shape)) for shape in found.input_shapes)
        header = ["network", "input", "params", "trainable", "MACs", "activation bytes"]
        typer.echo(table(header, [[found.name, sizes, *(f"{count:,}" for count in counts)]], left=2))
        if found.orthonormal:
            typer.echo(f"kernels with an orthonormal penalty: {found.orthonormal}")
