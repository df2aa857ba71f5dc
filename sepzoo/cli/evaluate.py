"""`sepzoo evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText
from sepzoo.cli.network import AnyModelName, Weights, open_classifier
from sepzoo.cli.options import Data, Json, NetworkSettings


def evaluate(
    model: AnyModelName,
    data: Data,
    split: Annotated[
        str | None, typer.Option(help="A split or a slice, such as train[:20%]; by default what training holds out.")
    ] = None,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Measure a model's accuracy.

    Labels and preprocessing come out of the model, where it has them.

    Example: sepzoo evaluate runs/digits/mobilenet_v1_int8.tflite --data digits
    """
    from sepzoo.cli.keras_start import start_for
    from sepzoo.export.samples import default_splits, open_split
    from sepzoo.support.progress import announced

    classifier = open_classifier(model, labels=labels, preprocessing=preprocessing, weights=weights, settings=settings)
    start_for(data)
    with announced(f"evaluating {classifier.name} on {data}"):
        if split is None:
            splits = default_splits(data)
            split = splits.test or splits.validation
        evaluation = classifier.evaluate(open_split(classifier, data, split))
    typer.echo(evaluation.to_json() if as_json else evaluation)
