"""`sepzoo predict`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sepzoo.cli.description import LabelsFile, OutputKinds, PreprocessingText
from sepzoo.cli.network import AnyModelName, Weights, open_classifier
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from sepzoo.data import Source
    from sepzoo.inference import Classifier

_SHOWN = 12
"""So many numbers of a sample fit into a line."""


def predict(
    model: AnyModelName,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="An .npy or .npz file of features, or of pixels as uint8, one sample a row; several inputs by name. "
            "A .ts file of series, or a CSV file whose first column is `series`. Or the TFDS name of a set of arrays. "
            "Of a network that takes sound a WAV file too, or a set of sounds.",
        ),
    ],
    split: Annotated[
        str | None, typer.Option(help="Of a TFDS set: a split or a slice; by default what training holds out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="An .npz file to write instead of a table.")] = None,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    output_kinds: OutputKinds = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Print what a model gives for arrays.

    Of class scores these are probabilities, else the outputs as they are. The .npz file of --out holds `outputs`, and
    `labels` where the model has them. A model of several inputs takes an .npz file with one array for each, by the
    inputs' names; of several outputs the .npz file of --out holds one array each, by the outputs' names.

    Example: sepzoo predict keywords_int8.tflite runs/keywords/test.npz --out answers.npz
    """
    from sepzoo.cli.keras_start import start_for
    from sepzoo.data.clip import is_sound
    from sepzoo.data.opening import is_folder
    from sepzoo.export.samples import held_out_split, open_split
    from sepzoo.inference.feature_sets import is_feature_set, samples_of
    from sepzoo.inference.features import check_readable, names_features
    from sepzoo.inference.pixel_range import pixels_in_range
    from sepzoo.support.atomic import check_target
    from sepzoo.support.progress import announced

    file = names_features(data)
    sounds = is_sound(Path(data))
    pictures = data == "digits" or (Path(data).suffix and ":" not in data)
    if not file and not sounds and not is_folder(data) and pictures:
        raise _no_arrays(data)
    if out is not None:
        if out.suffix != ".npz":
            raise SepzooError(f"expected a file name that ends in .npz. Received: --out {out}.")
        check_target(out)
    if file:
        check_readable(Path(data))
    elif not sounds:
        start_for(data)
    classifier = open_classifier(
        model,
        labels=labels,
        preprocessing=preprocessing,
        output_kinds=output_kinds,
        weights=weights,
        settings=settings,
    )
    inputs = classifier.input_tensors
    heard = classifier.sound is not None and not file
    if not file and not heard and (sounds or is_folder(data) or not is_feature_set(data, inputs)):
        raise _no_arrays(data)
    with announced(f"running {classifier.name} on {data}", terminal_only=True):
        held_out = split if file or sounds or split is not None else held_out_split(data)
        if heard:
            predicted = classifier.predict(data if sounds else _all(open_split(classifier, data, str(held_out))))
        else:
            samples = samples_of(data, inputs, split=held_out, padded=classifier.metadata.padded)
            predicted = classifier.predict(pixels_in_range(classifier, samples).images)
    several = len(classifier.output_tensors) > 1
    outputs = predicted if several else {"outputs": predicted}
    records = dict(zip(outputs, classifier.outputs, strict=True))
    if out is not None:
        _write(out, outputs, classifier.labels)
    if as_json:
        found = [
            {"output": records[name].kind, "labels": _labels(classifier, name), "outputs": rows.tolist()}
            for name, rows in outputs.items()
        ]
        typer.echo(json.dumps(dict(zip(outputs, found, strict=True)) if several else found[0], ensure_ascii=False))
    elif out is not None:
        given = [f"{records[name].kind} of shape {rows.shape[1:]}" for name, rows in outputs.items()]
        named = [f"{name}: {text}" for name, text in zip(outputs, given, strict=True)] if several else given
        count = len(next(iter(outputs.values())))
        typer.echo(f"{count} samples, {'; '.join(named)}, written to {out}")
    else:
        tables = [_table(rows, _labels(classifier, name)) for name, rows in outputs.items()]
        titles = [f"{name}: {records[name].kind}\n" for name in outputs] if several else [""]
        typer.echo("\n\n".join(title + text for title, text in zip(titles, tables, strict=True)))


def _all(source: Source) -> np.ndarray:
    import numpy as np

    return source.images(np.arange(len(source)))


def _no_arrays(data: str) -> SepzooError:
    return SepzooError(
        f"expected an .npy or .npz file, or a TFDS set of arrays. Received: {data}. Pictures go to sepzoo classify."
    )


def _labels(classifier: Classifier, name: str) -> tuple[str, ...] | None:
    """Return the names of the numbers of an output: of several outputs, those that give class scores have them."""
    if len(classifier.output_tensors) == 1:
        return classifier.labels
    scores = {each.name: each.scores for each in classifier.outputs}
    return classifier.labels if scores[name] else None


def _write(out: Path, outputs: Mapping[str, np.ndarray], labels: tuple[str, ...] | None) -> None:
    """Write the arrays under their names, whatever those are, and the labels beside them."""
    import zipfile

    import numpy as np

    from sepzoo.support.atomic import atomic_write

    arrays = dict(outputs) if labels is None else {"labels": np.array(labels), **outputs}
    with atomic_write(out) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def _table(outputs: np.ndarray, labels: tuple[str, ...] | None) -> str:
    """Return a line for each sample: all its numbers, or the first ones."""
    from sepzoo.support.table import table

    size = math.prod(outputs.shape[1:])
    names = labels if labels is not None and len(labels) == size else [str(number) for number in range(size)]
    more = ["…"] if size > _SHOWN else []
    rows = [
        [str(number), *(f"{value:.4g}" for value in row[:_SHOWN]), *more]
        for number, row in enumerate(outputs.reshape(len(outputs), -1))
    ]
    return table(["sample", *names[:_SHOWN], *more], rows)
