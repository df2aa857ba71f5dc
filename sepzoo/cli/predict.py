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
    import numpy as np

    from sepzoo.inference import Classifier

_SHOWN = 12
"""So many numbers of a sample fit into a line."""


def predict(
    model: AnyModelName,
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA", help="An .npy or .npz file of features, or of pixels as uint8, one sample a row."
        ),
    ],
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
    `labels` where the model has them.

    Example: sepzoo predict keywords_int8.tflite runs/keywords/test.npz --out answers.npz
    """
    from sepzoo.inference.features import feature_samples, names_features
    from sepzoo.support.atomic import atomic_write, check_target

    if not names_features(data):
        raise SepzooError(f"expected an .npy or .npz file. Received: {data}. Pictures go to sepzoo classify.")
    if out is not None:
        if out.suffix != ".npz":
            raise SepzooError(f"expected a file name that ends in .npz. Received: --out {out}.")
        check_target(out)
    samples = feature_samples(data)
    classifier = open_classifier(
        model,
        labels=labels,
        preprocessing=preprocessing,
        output_kinds=output_kinds,
        weights=weights,
        settings=settings,
    )
    outputs = classifier.predict(samples.images)
    if out is not None:
        import numpy as np

        names = {} if classifier.labels is None else {"labels": np.array(classifier.labels)}
        with atomic_write(out) as temporary:
            np.savez_compressed(temporary, allow_pickle=False, outputs=outputs, **names)
    if as_json:
        found = {"output": classifier.output.kind, "labels": classifier.labels, "outputs": outputs.tolist()}
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif out is not None:
        typer.echo(f"{len(outputs)} samples, {classifier.output.kind} of shape {outputs.shape[1:]}, written to {out}")
    else:
        typer.echo(_table(classifier, outputs))


def _table(classifier: Classifier, outputs: np.ndarray) -> str:
    """Return a line for each sample: all its numbers, or the first ones."""
    from sepzoo.support.table import table

    size = math.prod(outputs.shape[1:])
    named = classifier.labels is not None and len(classifier.labels) == size
    names = classifier.labels if named and classifier.labels else [str(number) for number in range(size)]
    more = ["…"] if size > _SHOWN else []
    rows = [
        [str(number), *(f"{value:.4g}" for value in row[:_SHOWN]), *more]
        for number, row in enumerate(outputs.reshape(len(outputs), -1))
    ]
    return table(["sample", *names[:_SHOWN], *more], rows)
