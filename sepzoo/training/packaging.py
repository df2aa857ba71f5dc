"""A finished run becomes trained weights of the package: `python -m sepzoo.training.packaging RUN --labels FILE`."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.applications import build
from sepzoo.artifact.labels_file import read_labels
from sepzoo.artifact.model_file import metadata_of
from sepzoo.catalog.packaged import FOLDER, PackagedWeights, files_of
from sepzoo.catalog.registry import find
from sepzoo.data.opening import is_folder
from sepzoo.data.table import is_table
from sepzoo.export.samples import held_out_split, open_split
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.evaluation import Evaluation
from sepzoo.inference.keras_model import from_model
from sepzoo.records.family import ModelSpec
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.training.finished_run import Run
from sepzoo.training.run_folder import RunFolder
from sepzoo.weights.loading import load_weights
from sepzoo.weights.reading import Arrays, named_arrays

PATH = Path(str(FOLDER))
PART = "5%"
"""Of the test images: those that are looked at again whenever the package is tested."""


def package(
    run: Run, *, labels: Sequence[str] | None = None, data: str | None = None, out: Path = PATH
) -> PackagedWeights:
    """Write the last epoch's weights of a run in half precision, beside them how they were made and what they reach.

    The accuracy is measured anew, with the weights as they will be read, on the images that the data set holds out: its
    test split. Statistics of batch normalization are among the weights.

    Args:
        run: of a network by its name, as that name says, on a data set that has a name.
        labels: names of the classes; None: those of the data, which may be mere numbers.
        data: the set by its name, where the run read its pictures from a folder that holds them; None: as the run says.
        out: the folder of packaged weights.

    Raises:
        SepzooError: a run of another network, or of a folder of pictures without a name; weights that half precision
            does not hold.
    """
    data = data or run.recipe.data.name
    spec = _checked(run, data)
    trained = run.model("last")
    network = build(spec.name)
    halves = _halves(named_arrays(trained), run)
    load_weights(network, {name: array.astype(np.float32) for name, array in halves.items()})
    metadata = metadata_of(trained)
    assert metadata is not None  # the run has attached it
    before = from_model(trained, labels=labels or metadata.labels)
    preprocessing = before.require_preprocessing()
    ours = from_model(network, labels=before.labels, preprocessing=preprocessing)
    split = held_out_split(data)
    measured = _measured(ours, data, split)
    recipe = run.recipe.model_dump(mode="json")
    recipe["data"] |= {"name": data, "data_dir": None}  # no place on one machine
    content = _content(halves)
    made = PackagedWeights(
        name=spec.name,
        dataset=data,
        labels=tuple(ours.labels or ()),
        preprocessing=preprocessing.to_dict(),
        correct=measured.correct,
        images=measured.count,
        part=f"{split}[:{PART}]",
        correct_of_part=_measured(ours, data, f"{split}[:{PART}]").correct,
        tested_on=measured.data,
        accuracy_before=_measured(before, data, split).top1,
        seed=run.recipe.seed,
        epochs=len(run.history),
        seconds=run.result.seconds,
        recipe=recipe,
        log=tuple(map(dataclasses.asdict, run.history)),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    weights, record = files_of(spec.name, data)
    with atomic_write(out / weights) as temporary:
        temporary.write_bytes(content)
    with atomic_write(out / record) as temporary:
        temporary.write_text(made.to_json(), encoding="utf-8")
    return made


def _checked(run: Run, data: str) -> ModelSpec:
    """Return what the run's network is by name, after seeing that it is that and nothing else."""
    model = run.recipe.model
    if is_folder(data) or is_table(data):
        raise SepzooError(
            f"expected a run on a data set by its name. Received: {data} in {run.folder}. Where these are the pictures "
            "of a set, name it by --data."
        )
    if model.is_file or model.arguments or model.head != "softmax":
        raise SepzooError(
            f"expected a run of a network by its name alone, which ends in softmax. Received: name={model.name}, "
            f"arguments={model.arguments}, head={model.head} in {run.folder}."
        )
    spec, shape = find(model.name)[1], (*(model.image_size or ()), model.channels)
    if shape != spec.input_shape:
        raise SepzooError(
            f"expected a run of {spec.name} on pictures of {spec.input_shape}. Received: {shape} in {run.folder}."
        )
    return spec


def _halves(arrays: Arrays, run: Run) -> Arrays:
    with np.errstate(over="ignore"):  # said below
        found = {name: array.astype(np.float16) for name, array in arrays.items()}
    beyond = [name for name, array in found.items() if not np.isfinite(array).all()]
    if beyond:
        raise SepzooError(
            f"expected weights that half precision holds, up to {np.finfo(np.float16).max}. Received: {beyond[0]} of "
            f"{run.folder}, which is beyond."
        )
    return found


def _content(arrays: Arrays) -> bytes:
    """Return the bytes of an `.npz` file, which are the same for the same arrays."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def _measured(classifier: Classifier, data: str, split: str) -> Evaluation:
    return classifier.evaluate(open_split(classifier, data, split))


def main() -> None:
    """Package the run that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run folder")
    parser.add_argument("--labels", type=Path, help="a text file with one class name a line, where the data has none")
    parser.add_argument("--data", help="the data set's name, where the run read its pictures from a folder")
    parser.add_argument("--out", type=Path, default=PATH, help="the folder of packaged weights")
    options = parser.parse_args()
    try:
        run = RunFolder(options.run).finished()
        if run is None:
            raise SepzooError(f"expected a finished run. Received: {options.run}, which is none.")
        labels = None if options.labels is None else read_labels(options.labels)
        made = package(run, labels=labels, data=options.data, out=options.out)
    except SepzooError as error:
        parser.exit(2, f"{error}\n")
    sys.stdout.write(
        f"{made.name}: accuracy {made.accuracy:.4f} on {made.tested_on} ({made.accuracy_before:.4f} before half "
        f"precision), {made.size:,} bytes in {options.out / made.dataset}\n"
    )


if __name__ == "__main__":
    main()
