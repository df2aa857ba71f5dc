"""`sepzoo build`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.keras_file import KerasFile, check_keras_file
from sepzoo.cli.network import Weights, network_arguments
from sepzoo.cli.options import Name, NetworkSettings, parse_shape


def build(
    name: Name,
    out: KerasFile,
    weights: Weights = None,
    input_shape: Annotated[str | None, typer.Option(help="height,width,channels; by default the name's own.")] = None,
    settings: NetworkSettings = None,
) -> None:
    """Write a network into a file.

    Example: sepzoo build mobilenet_v1 --set alpha=0.5 --set classes=5 --input-shape 96,96,3 --out small.keras
    """
    from sepzoo.catalog.registry import find
    from sepzoo.cli.keras_start import start_keras

    spec = find(name)[1]
    start_keras()
    from sepzoo import applications
    from sepzoo.artifact import model_file
    from sepzoo.records.metadata import Metadata
    from sepzoo.support.progress import announced

    check_keras_file(out)
    shape = None if input_shape is None else parse_shape(input_shape)
    arguments = network_arguments(settings, weights=weights, input_shape=shape)
    with announced(f"building {name}", terminal_only=True):
        network = applications.build(name, **arguments)
    if model_file.metadata_of(network) is None:
        model_file.attach(network, Metadata(name, preprocessing=spec.preprocessing))
    model_file.save(network, out)
    typer.echo(f"{network.name}: {network.count_params():,} parameters, written to {out}")
