"""`sepzoo evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.cli.description import LabelsFile, OutputKinds, PreprocessingText
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
    output_kinds: OutputKinds = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Measure a model's accuracy.

    Labels and preprocessing come out of the model, where it has them. An .npz file holds features (or pixels) as
    `inputs` and class numbers as `labels`; a .ts file, or a CSV file whose first column is `series`, holds series and
    their classes; of a TFDS set without images its numbers are taken.

    Example: sepzoo evaluate runs/digits/mobilenet_v1_int8.tflite --data digits
    """
    from sepzoo.cli.keras_start import start_for
    from sepzoo.export.samples import held_out_split, open_split
    from sepzoo.inference.feature_sets import is_feature_set, samples_of
    from sepzoo.inference.features import names_features
    from sepzoo.support.progress import announced

    classifier = open_classifier(
        model,
        labels=labels,
        preprocessing=preprocessing,
        output_kinds=output_kinds,
        weights=weights,
        settings=settings,
    )
    if not names_features(data):
        start_for(data)
    with announced(f"evaluating {classifier.name} on {data}"):
        if names_features(data):
            evaluation = classifier.evaluate(
                samples_of(data, classifier.input_tensors, split=split, padded=classifier.metadata.padded)
            )
        else:
            features = is_feature_set(data, classifier.input_tensors, sound=classifier.sound)
            if not features:
                classifier.require_one_input()
            classifier.require_scores()
            split = split or held_out_split(data)
            evaluation = classifier.evaluate(
                samples_of(data, classifier.input_tensors, split=split)
                if features
                else open_split(classifier, data, split)
            )
    typer.echo(evaluation.to_json() if as_json else evaluation)
