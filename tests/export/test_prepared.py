"""What several formats of one call share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.data import Samples
from sepzoo.export import prepared
from sepzoo.export.batch_export import export_all
from sepzoo.export.formats import tflite_converter
from sepzoo.export.formats.tflite_modes import MODES
from sepzoo.export.preparation import deployable
from sepzoo.export.prepared import preparing
from sepzoo.export.samples import ExportSamples
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.keras_model import from_model
from tests.extras import needed_by


def test_formats_that_want_the_same_get_the_same(model: keras.Model, calibration: Samples, tmp_path: Path) -> None:
    with preparing(from_model(model), calibration, beside=tmp_path) as preparations:
        plain = preparations.of(calibrated=False, rounds_from=None)
        rounded = preparations.of(calibrated=True, rounds_from=0)
        assert preparations.of(calibrated=False, rounds_from=None) is plain
        assert preparations.of(calibrated=True, rounds_from=0) is rounded
        assert preparations.of(calibrated=True, rounds_from=0, correct_bias=False) is not rounded
        assert plain.values is None
        assert rounded.values is not None
        biases = [
            [weight for weight in each.model.weights if weight.path.endswith("bias")] for each in (plain, rounded)
        ]
        assert any(not np.array_equal(old, new) for old, new in zip(*biases, strict=True))
        assert not list(tmp_path.iterdir())  # nobody asked for a shared file yet


def test_a_network_is_folded_once_and_each_kind_moves_weights_of_its_own(
    model: keras.Model, calibration: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folded: list[keras.Model] = []

    def counted(*given: Any, **options: Any) -> keras.Model:
        folded.append(deployable(*given, **options))
        return folded[-1]

    monkeypatch.setattr(prepared, "deployable", counted)
    with preparing(from_model(model), calibration, beside=tmp_path) as preparations:
        plain = preparations.of(calibrated=False, rounds_from=None).model
        before = plain.get_weights()
        kinds = [preparations.of(calibrated=True, rounds_from=least).model for least in (0, 200)]
    assert folded == [plain]
    for given, kept, *moved in zip(before, plain.get_weights(), *(each.get_weights() for each in kinds), strict=True):
        np.testing.assert_array_equal(kept, given)
        assert all(each.shape == given.shape for each in moved)
    assert not any(set(map(id, plain.weights)) & set(map(id, each.weights)) for each in kinds)


def test_a_shared_file_is_made_once_for_each_and_goes_at_the_end(
    model: keras.Model, calibration: Samples, tmp_path: Path
) -> None:
    with preparing(from_model(model), calibration, beside=tmp_path / "new") as preparations:
        made: list[Path] = []

        def write(path: Path) -> None:
            made.append(path)
            path.write_text("x")

        first = preparations.of(calibrated=False, rounds_from=None)
        second = preparations.of(calibrated=True, rounds_from=0)
        found = [each.once("file", write) for each in (first, second, first, second)]
        assert found == [*made, *made]
        assert len(set(made)) == 2
        assert all(path.exists() for path in made)
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("modes", "count"),
    [
        (("float32", "float16"), 1),
        (("int8", "int8_float_io"), 1),
        (("float32", "float16", "dynamic", "int8", "int16x8"), 4),
        pytest.param(tuple(MODES), 7, marks=pytest.mark.slow),
    ],
    ids=["floats", "integers", "five", "all"],
)
def test_there_is_a_saved_model_for_each_way_to_move_weights(
    modes: tuple[str, ...],
    count: int,
    model: keras.Model,
    calibration: Samples,
    check: Samples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for mode in modes:
        needed_by(f"tflite:{mode}")
    written: list[Path] = []
    save = tflite_converter.save

    def counted(ready: keras.Model, path: Path, **options: Any) -> None:
        written.append(path)
        save(ready, path, **options)

    monkeypatch.setattr(tflite_converter, "save", counted)
    samples = ExportSamples(calibration=calibration, check=check)
    targets = [f"tflite:{mode}" for mode in modes]
    export_all(from_model(model), targets, tmp_path / "m", samples=samples, tolerance=Tolerance())
    assert len(written) == count
    assert {path.name for path in tmp_path.iterdir()} == {f"m_{mode}.tflite" for mode in modes}
