"""Run by the tests in a process of its own, in which Keras 3, Keras 2 and tensorflow-model-optimization live together.

python -m tests.compression.keras2.program FOLDER CASE …
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sepzoo import compression
from sepzoo.compression import fine_tuning, keras2_training
from sepzoo.compression.keras2.program import work
from sepzoo.support.errors import SepzooError
from tests.compression.keras2 import rounding
from tests.compression.keras2.cases import CASES, MORE, data, settled


def main(folder: Path, names: Sequence[str]) -> None:
    keras2_training.carry_out = lambda place, _steps, _title: work(place, lambda: None)
    fine_tuning.file_sizes = lambda *_given: ((), ())
    told = {}
    for name in names:
        if name == "rounding":
            rounding.main(folder)
            continue
        case = {**CASES, **MORE}[name]
        model = settled(case.build)
        try:
            new, report = getattr(compression, case.operation)(
                model, data(model), outputs=case.outputs, **case.arguments
            )
        except SepzooError as error:
            told[name] = {"error": str(error)}
            continue
        new.save(folder / f"{name}.keras")
        told[name] = {"actions": {each.layer: each.action for each in report.changes if each.action}}
        told[name] |= {"kept": {each.layer: each.skipped for each in report.changes if each.skipped}}
        told[name] |= {"losses": report.losses, "error": ""}
    (folder / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
