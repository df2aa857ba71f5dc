"""The sizes that a report says are those of the files that are exported, but for their metadata."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from sepzoo.compression.file_sizes import file_sizes
from sepzoo.export.pipeline import write
from sepzoo.export.prepared import Prepared
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import from_model
from sepzoo.records.preprocessing import CAFFE, IMAGENET, MINUS_ONE_TO_ONE, Preprocessing
from tests.export.networks import samples, separable

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("preprocessing", [MINUS_ONE_TO_ONE, IMAGENET, CAFFE], ids=["one mean", "three", "blue first"])
def test_they_are_those_of_the_exported_files(preprocessing: Preprocessing, tmp_path: Path) -> None:
    model = separable()
    given, data = from_model(model, preprocessing=preprocessing), samples(model, 40)
    sizes, unmeasured = file_sizes(given, given, data)
    assert not unmeasured
    for size in sizes:
        target, converted = TARGETS[size.target], list[int]()

        def convert(prepared: Prepared, path: Path) -> None:
            target.convert(prepared, path)  # noqa: B023
            converted.append(path.stat().st_size)  # noqa: B023

        write(given, dataclasses.replace(target, convert=convert), tmp_path / "m.tflite", calibration=data)
        assert converted == [size.before] == [size.after]
