"""`sepzoo export`."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText, parse_preprocessing, read_labels
from sepzoo.cli.options import Json, NetworkSettings

if TYPE_CHECKING:
    from sepzoo.cli.exporting import Network


def export(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="A .keras or whole-model .h5 file, a run folder, or a network's name."),
    ],
    to: Annotated[str, typer.Option(help="Formats, with commas between: tflite:int8,tflite:float32,xla.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; by default beside the model.")] = None,
    data: Annotated[
        str | None, typer.Option(help="Images to calibrate and check on: `digits`, a folder, a TFDS name.")
    ] = None,
    calibration: Annotated[int, typer.Option(min=1, help="How many images set the ranges of integers.")] = 200,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Decides which images; by default the run's own, else 0.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="Of a named network: `imagenet`, or a weight file.")] = None,
    settings: NetworkSettings = None,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    as_json: Json = False,
) -> None:
    """Write files that run elsewhere.

    Each is compared with the network before it may stand. A run folder knows its data. Other models need --data where
    integers are calibrated or accuracy is wanted. A model of another program says neither its labels nor what its input
    expects: --labels, --preprocessing.

    Example: sepzoo export runs/digits --to tflite:int8,tflite:float32,xla
    """
    from sepzoo.cli.keras_start import start_keras

    start_keras()
    from sepzoo.cli.exporting import export_network, parse_targets

    targets = parse_targets([name.strip() for name in to.split(",")])
    said: dict[str, Any] = {"labels": read_labels(labels), "preprocessing": parse_preprocessing(preprocessing)}
    network = _open(model, weights, settings or [])
    network = dataclasses.replace(network, classifier=network.classifier.updated(**said))
    if out is not None:
        network = dataclasses.replace(network, stem=out / network.stem.name)
    exported = export_network(network, targets, data=data, calibration=calibration, seed=seed)
    typer.echo(json.dumps(exported.to_dict(), indent=1) if as_json else exported)


def _open(model: str, weights: str | None, settings: list[str]) -> Network:
    from sepzoo.applications import build
    from sepzoo.artifact import model_file
    from sepzoo.cli.exporting import Network
    from sepzoo.inference.keras_model import from_model
    from sepzoo.support.errors import SepzooError
    from sepzoo.support.overrides import parse_override

    path = Path(model)
    if not (path.is_dir() or model_file.names_file(path)):
        arguments = dict(parse_override(setting) for setting in settings)
        classifier = from_model(build(model, weights=weights, **arguments))
        return Network(classifier, saved=None, stem=Path(classifier.name))
    if weights is not None or settings:
        raise SepzooError(f"expected --weights and --set beside a network's name. Received: {path}, which is built.")
    if path.is_dir():
        return _open_run(path)
    return Network(from_model(model_file.load(path)), saved=path, stem=path.with_suffix(""))


def _open_run(folder: Path) -> Network:
    from sepzoo.cli.exporting import Network
    from sepzoo.support.errors import SepzooError
    from sepzoo.training.record import RunFolder

    if not (folder / "recipe.yaml").is_file():
        raise SepzooError(f"expected a run folder. Received: {folder}, which has no recipe.yaml.")
    run = RunFolder(folder).finished()
    if run is None:
        raise SepzooError(
            f"expected a finished run. Received: {folder}, which was broken off. Finish it: "
            f"sepzoo train {folder / 'recipe.yaml'} --out {folder}"
        )
    return Network.of_run(run)
