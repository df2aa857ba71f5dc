"""The results of a study: a row for each finished run, in one CSV file that is kept with the study."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sepzoo.support.csv_file import write_csv
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json
from sepzoo.training.finished_run import Run
from sepzoo.training.study import Metric, StudyRun


@dataclasses.dataclass(frozen=True)
class Row:
    """A finished run in a study's file.

    Attributes:
        arm: of which it is a run.
        seed: of the run.
        values: what the study varied beside the arms, as JSON.
        choosing: whether it was there to choose a value.
        best_epoch: with the highest validation accuracy.
        best_accuracy: its validation accuracy.
        last_accuracy: validation accuracy after the last epoch.
        test_accuracy: of the best epoch's weights; None where the data has no further split.
        epochs: trained.
        seconds: all epochs together.
        params: of the network.
        macs: multiply-accumulates for one image.
        trained_on: data set, split and number of images.
        validated_on: likewise.
        versions: of the libraries.
        fingerprint: of all that decides the numbers.
    """

    arm: str
    seed: int
    values: str
    choosing: bool
    best_epoch: int
    best_accuracy: float
    last_accuracy: float
    test_accuracy: float | None
    epochs: int
    seconds: float
    params: int
    macs: int
    trained_on: str
    validated_on: str
    versions: str
    fingerprint: str

    def measured(self, metric: Metric) -> float:
        """Return the accuracy that a study compares by.

        Raises:
            SepzooError: the run has no such.
        """
        value: float | None = getattr(self, metric)
        if value is None:
            raise SepzooError(f"expected runs with a {metric}. Received: {self.arm}, seed {self.seed}, which has none.")
        return value


_ROW = TypeAdapter(Row)


def row_of(run: StudyRun, done: Run) -> Row:
    """Return the row of a run that has ended."""
    from sepzoo.analysis import profile

    costs, result = profile(done.model()), done.result
    return Row(
        arm=run.arm,
        seed=run.seed,
        values=as_json(run.values),
        choosing=run.choosing,
        best_epoch=result.best_epoch,
        best_accuracy=result.best_accuracy,
        last_accuracy=result.last_accuracy,
        test_accuracy=result.test_accuracy,
        epochs=len(done.history),
        seconds=round(result.seconds, 1),
        params=costs.params,
        macs=costs.macs,
        trained_on=result.trained_on,
        validated_on=result.validated_on,
        versions="; ".join(f"{name} {version}" for name, version in (done.recipe.versions or {}).items()),
        fingerprint=run.fingerprint,
    )


def as_json(values: dict[str, Json]) -> str:
    """Return what a study varies as the text of a cell."""
    return json.dumps(values, sort_keys=True)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of a file, or none where there is no file yet.

    Raises:
        SepzooError: no CSV file of UTF-8 text, a file with other columns, or a cell that is not what its column holds.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            header, lines = reader.fieldnames, [(reader.line_num, line) for line in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SepzooError(f"{path}: expected a CSV file of UTF-8 text. Received: {error}.") from None
    fields, rows = dataclasses.fields(Row), []
    if header != [field.name for field in fields]:
        raise SepzooError(f"{path}: expected the columns of a study's results. Received: {header}.")
    for number, line in lines:
        try:
            rows.append(_ROW.validate_python({**line, "test_accuracy": line["test_accuracy"] or None}))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise SepzooError(
                f"{path}, line {number}: expected a result. Received: {first['loc'][0]}={first['input']!r}."
            ) from None
    return rows


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the rows, in place of what was there."""
    write_csv(path, [field.name for field in dataclasses.fields(Row)], map(dataclasses.astuple, rows))
