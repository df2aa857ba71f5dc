"""`sepzoo shrink`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.description import (
    Description,
    LabelsFile,
    OutputKinds,
    PreprocessingText,
    parse_outputs,
)
from sepzoo.cli.keras_file import SampleCount, Seed, check_keras_file
from sepzoo.cli.network import ModelName, Weights, open_network
from sepzoo.cli.options import Json, NetworkSettings
from sepzoo.support.errors import SepzooError

COMPARED = 512
"""Images at most on which the best choices are compared: by 64 a worse one was taken."""


def shrink(
    model: ModelName,
    data: Annotated[
        str, typer.Option("--data", help="To fit and check on: `digits`, a folder, a TFDS name, or an .npz file.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The .tflite file to write.")],
    latency: Annotated[str | None, typer.Option(metavar="LIMIT", help="For one sample, one thread: 50% | 2ms.")] = None,
    macs: Annotated[str | None, typer.Option(metavar="LIMIT", help="Multiply-accumulates: 50% | 6000000.")] = None,
    size: Annotated[str | None, typer.Option(metavar="LIMIT", help="Of the file: 50% | 300KiB.")] = None,
    ram: Annotated[str | None, typer.Option(metavar="LIMIT", help="Of the activations: 50% | 64KiB.")] = None,
    techniques: Annotated[
        str | None,
        typer.Option(help="With commas between: decouple, bsconv, spatial, lowrank, smaller, channels. [default: all]"),
    ] = None,
    runtime: Annotated[str, typer.Option(help="Whose file it is: tflite:int8 or tflite:float32.")] = "tflite:int8",
    rule: Annotated[
        str, typer.Option(help="best, solved for; or, to compare it with, for one limit: even, equal_level, greedy.")
    ] = "best",
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit a factor for each layer to the random choices that are measured.")
    ] = False,
    keep: Annotated[list[str] | None, typer.Option(help="Layers that stay; wildcards too.")] = None,
    scores: Annotated[
        Path | None, typer.Option(help="A file for what is measured: with it, another budget is a matter of seconds.")
    ] = None,
    costs: Annotated[
        str, typer.Option(help="measured, or macs: these stand for time, as on a machine too uneven to measure on.")
    ] = "measured",
    curve: Annotated[bool, typer.Option("--curve", help="Show the best choices for other budgets too.")] = False,
    distil: Annotated[
        int, typer.Option(min=0, metavar="EPOCHS", help="Then learn to answer as before, on --lessons images.")
    ] = 0,
    lessons: Annotated[int, typer.Option(min=1, help="How many images --distil learns from.")] = 5000,
    resume: Annotated[
        Path | None, typer.Option(help="A folder for finished steps: interrupted, the same command goes on there.")
    ] = None,
    keras_file: Annotated[
        Path | None, typer.Option("--keras", help="A .keras file for the network, to train on.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="An .html or .json file for the report.")] = None,
    samples: SampleCount = 256,
    seed: Seed = 0,
    labels: LabelsFile = None,
    preprocessing: PreprocessingText = None,
    output_kinds: OutputKinds = None,
    weights: Weights = None,
    settings: NetworkSettings = None,
    as_json: Json = False,
) -> None:
    """Make a trained model fit a budget, without training.

    For each layer one of many ways is chosen, and for each group of channels a width, all together: what is expected to
    change the answers least. The file is measured; none is written that misses the budget. A share, such as 50%, is of
    what the original's own file costs in the same runtime.

    Example: sepzoo shrink runs/dense --macs 50% --data digits --out small.tflite
    """
    from sepzoo.cli.keras_start import start_for_network
    from sepzoo.shrinking.budget import Budget, parse_limit
    from sepzoo.shrinking.settings import TECHNIQUES, check_asked, check_runtime
    from sepzoo.support.atomic import atomic_write, check_target
    from sepzoo.support.packages import require_installed

    for path, suffixes in ((out, (".tflite",)), (report, (".html", ".json"))):
        if path is not None and path.suffix not in suffixes:
            raise SepzooError(f"expected a file name that ends in {' or '.join(suffixes)}. Received: {path}.")
    if keras_file is not None:
        check_keras_file(keras_file, "--keras", model=model)
    if report is not None:
        check_target(report)
    if report is not None and report.suffix == ".html":
        require_installed("--report as a page", ["matplotlib"])
    if scores is not None and not scores.is_file():  # a file that is there is only read
        check_target(scores)
    budget = Budget(
        latency_ms=parse_limit(latency, "--latency", "latency_ms"),
        macs=parse_limit(macs, "--macs", "macs"),
        kib=parse_limit(size, "--size", "kib"),
        ram_kib=parse_limit(ram, "--ram", "ram_kib"),
    )
    chosen = TECHNIQUES if techniques is None else tuple(each.strip() for each in techniques.split(","))
    check_runtime(runtime)
    asked = {"techniques": chosen, "rule": rule, "costs": costs, "distil": distil, "out": out}
    check_asked(budget, **asked)  # type: ignore[arg-type]  # any text; it refuses others
    description, said = Description.of(labels, preprocessing), parse_outputs(output_kinds)
    start_for_network(model)
    from sepzoo import shrinking
    from sepzoo.artifact import model_file
    from sepzoo.export.samples import samples_of_data
    from sepzoo.inference.keras_model import from_model
    from sepzoo.shrinking.given import HELD_OUT
    from sepzoo.shrinking.page import write_page

    network = open_network(model, weights=weights, settings=settings)
    description.attach(network)
    count = max(samples + COMPARED, lessons if distil else 0)  # at once: what is learned from must not be checked on
    drawn = samples_of_data(from_model(network, outputs=said), data, count=count, seed=seed)
    others = drawn.calibration.taken(slice(samples, samples + COMPARED))
    new, told = shrinking.shrink(
        network,
        budget=budget,
        samples=drawn.calibration.taken(slice(samples)),
        check=drawn.check,
        runtime=runtime,
        keep=keep or (),
        outputs=said,
        scores=scores,
        resume=resume,
        curve=curve,
        refit=refit,
        lessons=drawn.calibration.taken(slice(lessons)) if distil else None,
        compare=others if HELD_OUT * len(others) > samples else None,  # fewer than `shrink` would hold out say less
        **asked,  # type: ignore[arg-type]  # as above
    )
    if keras_file is not None:
        model_file.save(new, keras_file)
    if report is not None:
        if report.suffix == ".html":
            write_page(report, told)
        else:
            with atomic_write(report) as temporary:
                temporary.write_text(f"{told.to_json()}\n", encoding="utf-8")
    written = ", ".join(str(each) for each in (out, keras_file, report) if each is not None)
    typer.echo(told.to_json() if as_json else f"{told}\n\nwritten to {written}")
