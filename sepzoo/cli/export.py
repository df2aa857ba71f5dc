"""`sepzoo export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.description import (
    LabelsFile,
    OutputKinds,
    PreprocessingText,
    parse_outputs,
    parse_preprocessing,
    read_labels,
)
from sepzoo.cli.network import ModelName, Weights, model_path, open_network, open_run
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.cli.tflite_options import (
    Agreement,
    BatchSizes,
    CArray,
    EdgesText,
    KeepFloat,
    LayerReport,
    MaxDrop,
    tflite_options,
)
from sepzoo.export.target_names import TARGET_NAMES, wanted_targets
from sepzoo.support.errors import SepzooError


def export(
    model: ModelName,
    to: Annotated[
        str,
        typer.Option(
            help=f"Formats, with commas between: {', '.join(row.name for row in TARGET_NAMES)}; or `all`. Of several "
            "one that fails is a row, and says why; the others go on. If it was named, the exit code is 2."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write to, report.json and report.html too; by default beside the model."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="To calibrate and check on: `digits`, a folder, a TFDS name, or an .npz file of features."),
    ] = None,
    calibration: Annotated[int, typer.Option(min=1, help="How many of them set the ranges of integers.")] = 200,
    seed: Annotated[int | None, typer.Option(min=0, help="Decides which; by default the run's own, else 0.")] = None,
    least_accuracy: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="A share such as 0.9: exit code 1 where a file has less, or was refused for its answers. Formats that "
            "`all` can't write are counted, not failed, as long as there is a file.",
        ),
    ] = None,
    embed_preprocessing: Annotated[
        bool,
        typer.Option(
            "--embed-preprocessing", help="Files take pixels of 0 … 255, or a clip's samples, and do the rest."
        ),
    ] = False,
    edges: EdgesText = None,
    keep_float: KeepFloat = None,
    agreement: Agreement = None,
    max_drop: MaxDrop = None,
    batch_sizes: BatchSizes = None,
    c_array: CArray = False,
    layer_report: LayerReport = False,
    weights: Weights = None,
    settings: NetworkSettings = None,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    output_kinds: OutputKinds = None,
    as_json: Json = False,
) -> None:
    """Write files that run elsewhere.

    Each is compared with the network before it may stand. A run folder knows its data. Other models need --data where
    integers are calibrated or accuracy is wanted. A model of another program says neither its labels nor what its input
    expects: --labels, --preprocessing; an .npz file of features, with `labels` where they are known, needs neither.

    Example: sepzoo export runs/digits --to tflite:int8,onnx,stablehlo --out files --least-accuracy 0.9
    """
    from sepzoo.cli.keras_start import start_for_network

    targets = [name.strip() for name in to.strip("[] ").split(",")]
    several = len(wanted_targets(targets)) > 1
    options = tflite_options(
        edges, keep_float, agreement, max_drop, batch_sizes, c_array=c_array, layer_report=layer_report
    )
    names, prepared, outputs = read_labels(labels), parse_preprocessing(preprocessing), parse_outputs(output_kinds)
    start_for_network(model)
    from sepzoo.export.batch_export import export_all
    from sepzoo.export.results_page import check_report, write_report
    from sepzoo.export.samples import samples_of_data
    from sepzoo.inference.keras_model import from_model

    if out is not None:
        check_report(out)
    run = open_run(model, weights=weights, settings=settings)
    if run is not None:
        results = run.export(
            targets,
            folder=out,
            data=data,
            calibration=calibration,
            seed=seed,
            labels=names,
            preprocessing=prepared,
            outputs=outputs,
            tflite_options=options,
            least_accuracy=least_accuracy,
            embed_preprocessing=embed_preprocessing,
            keep_going=several,
        )
    else:
        network = open_network(model, weights=weights, settings=settings)
        classifier = from_model(network, labels=names, preprocessing=prepared, outputs=outputs)
        saved = model_path(model)
        stem = Path(classifier.name) if saved is None else saved.with_suffix("")
        results = export_all(
            classifier,
            targets,
            stem if out is None else out / stem.name,
            samples=None if data is None else samples_of_data(classifier, data, count=calibration, seed=seed or 0),
            saved=saved,
            tflite_options=options,
            least_accuracy=least_accuracy,
            embed_preprocessing=embed_preprocessing,
            keep_going=several,
        )
    if out is not None:
        write_report(results, out)
    typer.echo(json.dumps(results.to_dict(), indent=1) if as_json else results)
    if results.lacking:
        raise SepzooError(
            f"expected a file of each format. Received: none of {', '.join(results.lacking)}. The results say why."
        )
    if not results.passed:
        raise typer.Exit(1)
