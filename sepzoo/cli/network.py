"""The one way from what a command line calls a model to the model: a name, a file, or a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.artifact.model_format import described_folder, folder_format
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json

if TYPE_CHECKING:
    import keras

    from sepzoo.inference import Classifier
    from sepzoo.training import Run

ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="A .keras or whole-model .h5 file, a run folder, or a network's name.")
]
AnyModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A .keras, .h5, .tflite or .onnx file, a run folder, that of a SavedModel or OpenVINO model, or a name.",
    ),
]
Weights = Annotated[
    str | None, typer.Option(help="Of a named network: `imagenet` or what its card says, or a weight file.")
]

_RECIPE = "recipe.yaml"


def model_path(text: str) -> Path | None:
    """Return the file of a model, or the folder of a SavedModel; of a run its best network; None for a name.

    Raises:
        SepzooError: a run that was broken off, or a folder of something else.
    """
    from sepzoo.catalog.model_paths import names_file

    if not names_file(text):
        return None
    run = open_run(text)
    return Path(text).expanduser() if run is None else run.folder / "best.keras"


def open_run(text: str, *, weights: str | None = None, settings: Sequence[str] | None = None) -> Run | None:
    """Return the run of a folder; None where the text names no folder, or that of a model.

    Raises:
        SepzooError: the folder is none of a run, or the run was broken off, or settings are given.
    """
    folder = Path(text).expanduser()
    if not folder.is_dir() or folder_format(folder) is not None:
        return None
    _refuse_settings(folder, weights, settings)
    from sepzoo.training.run_folder import RunFolder

    if not (folder / _RECIPE).is_file():
        raise SepzooError(f"expected a run folder. Received: {folder}, which has no {_RECIPE}.")
    run = RunFolder(folder).finished()
    if run is None:
        best = folder / "best.keras"
        so_far = f" Its best network so far is {best}." if best.is_file() else ""
        raise SepzooError(
            f"expected a finished run. Received: {folder}, which was broken off.{so_far} Finish it: "
            f"sepzoo train {folder / _RECIPE} --out {folder}"
        )
    return run


def open_network(
    text: str,
    *,
    weights: str | None = None,
    settings: Sequence[str] | None = None,
    input_shape: tuple[int, int, int] | None = None,
    options: str = "--weights and --set",
) -> keras.Model:
    """Return the Keras model that a text names.

    Args:
        text: a network's name, a `.keras` or `.h5` file, or a run folder (its best network).
        weights: of a named network.
        settings: of a named network, each `key=value`.
        input_shape: of a named network; None: the name's own.
        options: by which the command takes weights and settings, for its message.

    Raises:
        SepzooError: there is no such thing, or weights or settings are given to what is built already.
    """
    from sepzoo.applications import build
    from sepzoo.artifact import model_file
    from sepzoo.support.progress import announced

    path = model_path(text)
    if path is None:
        arguments = network_arguments(settings, weights=weights, input_shape=input_shape)
        with announced(f"building {text}", terminal_only=True):
            return build(text, **arguments)
    _refuse_settings(path, weights, settings, options)
    if path.is_dir():
        raise SepzooError(
            f"expected a Keras model's file, a run folder, or a network's name. Received: {path}, "
            f"{described_folder(path)}."
        )
    with announced(f"opening {path}", terminal_only=True):
        return model_file.load(path)


def network_arguments(
    settings: Sequence[str] | None, *, weights: str | None = None, input_shape: tuple[int, int, int] | None = None
) -> dict[str, Json]:
    """Return what a named network is built with: its settings, and what has an option of its own.

    Raises:
        SepzooError: a setting that is no `key=value`, or one that an option says too.
    """
    from sepzoo.support.overrides import parse_overrides

    arguments = parse_overrides(settings or (), "--set")
    for name, value in (("weights", weights), ("input_shape", input_shape)):
        if value is not None and name in arguments:
            option = f"--{name.replace('_', '-')}"
            raise SepzooError(f"expected {name} once. Received: {option} and --set {name}=… Leave one out.")
        arguments.setdefault(name, value)
    return arguments


def open_classifier(
    text: str,
    *,
    labels: Path | None,
    preprocessing: str | None,
    output_kinds: Sequence[str] | None = None,
    weights: str | None = None,
    settings: Sequence[str] | None = None,
) -> Classifier:
    """Return the classifier that a text names; the framework's greetings are held back, warnings are not.

    Args:
        text: as `open_network` takes it, or a file or folder that `sepzoo.inference.open` reads.
        labels: a file of labels, instead of the model's own.
        preprocessing: as `parse_preprocessing` reads it, instead of the model's own.
        output_kinds: each as `[OUTPUT=]KIND`, instead of what the model says or shows.
        weights: of a named network.
        settings: of a named network.
    """
    from sepzoo import inference
    from sepzoo.cli.description import parse_outputs, parse_preprocessing, read_labels
    from sepzoo.support.progress import announced
    from sepzoo.support.quiet import quiet, warnings_after

    names, prepared, outputs = read_labels(labels), parse_preprocessing(preprocessing), parse_outputs(output_kinds)
    path = model_path(text)
    if path is not None:
        _refuse_settings(path, weights, settings)
        with announced(f"opening {path}", terminal_only=True), warnings_after(), quiet():
            return inference.open(path, labels=names, preprocessing=prepared, outputs=outputs)
    from sepzoo.cli.keras_start import start_for_network

    start_for_network(text)
    from sepzoo.inference.keras_model import from_model

    network = open_network(text, weights=weights, settings=settings)
    return from_model(network, labels=names, preprocessing=prepared, outputs=outputs)


def stem_of(text: str) -> str:
    """Return what files that are made of a network are called after."""
    path = Path(text)
    return path.name if path.is_dir() else path.stem


def _refuse_settings(
    path: Path, weights: str | None, settings: Sequence[str] | None, options: str = "--weights and --set"
) -> None:
    if weights is not None or settings:
        raise SepzooError(f"expected {options} beside a network's name. Received: {path}, which is built.")
