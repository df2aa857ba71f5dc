"""`sepzoo evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.description import LabelsFile, PreprocessingText
from sepzoo.cli.options import Data, Json, ModelFile


def evaluate(
    file: ModelFile,
    data: Data,
    split: Annotated[
        str | None, typer.Option(help="A split or a slice, such as train[:20%]; by default what training holds out.")
    ] = None,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    as_json: Json = False,
) -> None:
    """Measure a file's accuracy.

    Labels and preprocessing come out of the file, where it has them.

    Example: sepzoo evaluate runs/digits/mobilenet_v1_int8.tflite --data digits
    """
    from sepzoo.cli.opening import open_file
    from sepzoo.cli.samples import open_for, splits_of

    classifier = open_file(file, labels=labels, preprocessing=preprocessing)
    if split is None:
        splits = splits_of(data)
        split = splits.test or splits.validation
    evaluation = classifier.evaluate(open_for(classifier, data, split))
    typer.echo(evaluation.to_json() if as_json else evaluation)
