"""What tensorflow-model-optimization does to kernels, around layers that it does not know, held against NumPy."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.surgery import sites
from tests.compression.keras2.cases import CASES, MORE, Case, settled
from tests.compression.keras2.process import ROOT, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the process leaves of the cases of CI."""
    place = tmp_path_factory.mktemp("cases")
    run(place, list(CASES))
    return place


def kernels(folder: Path, name: str, case: Case) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return each kernel that was worked on, before and after."""
    told = json.loads((folder / "told.json").read_text())[name]
    assert told["error"] == ""
    before = {site.name: site.layer for site in sites(settled(case.build))}
    after = {site.name: site.layer for site in sites(keras.saving.load_model(folder / f"{name}.keras"))}
    assert before.keys() == after.keys()
    assert all(type(layer).__module__.startswith("keras.") for layer in after.values())
    found = {}
    for layer in told["actions"]:
        arrays = [[w for w in each[layer].get_weights() if w.ndim > 1][-1] for each in (before, after)]
        found[layer] = (arrays[0], arrays[1])
    return found


def least_are_zero(kernel: np.ndarray, share: float) -> np.ndarray:
    expected = kernel.copy().ravel()
    expected[np.argsort(np.abs(expected))[: expected.size - round(expected.size * (1 - share))]] = 0
    return expected.reshape(kernel.shape)


def test_two_of_four_inputs_are_zero(folder: Path) -> None:
    found = kernels(folder, "pattern", CASES["pattern"])
    assert found.keys() == {"stem", "side", "scores", "block/conv", "block/excite"}
    for before, after in found.values():
        expected = before.copy()
        rows = np.moveaxis(expected, -2, -1)  # a view, inputs last
        for place in np.ndindex(rows.shape[:-1]):
            for first in range(0, rows.shape[-1], 4):
                four = np.pad(rows[place][first : first + 4], (0, 4))[:4]
                kept = np.argsort(-np.abs(four), kind="stable")[:2]
                for index in set(range(4)) - set(kept.tolist()):
                    if first + index < rows.shape[-1]:
                        rows[(*place, first + index)] = 0
        np.testing.assert_allclose(after, expected, atol=1e-5)


def test_blocks_are_zero_as_a_whole(folder: Path) -> None:
    found = kernels(folder, "blocks", CASES["blocks"])
    assert found.keys() == {"pointwise", "dense"}
    for before, after in found.values():
        rows, columns = before.shape[-2:]
        blocks = np.abs(before).reshape(rows // 4, 4, columns // 2, 2).mean(axis=(1, 3))
        expected = np.repeat(np.repeat(least_are_zero(blocks, 0.5) > 0, 4, axis=0), 2, axis=1).reshape(before.shape)
        np.testing.assert_allclose(after, before * expected, atol=1e-5)
    told = json.loads((folder / "told.json").read_text())["blocks"]
    assert told["kept"] == {
        "conv": "blocks are for matrices",
        "narrow": "its 10 x 2 weights are too few for blocks of 4 x 2",
    }


def require_nearest(before: np.ndarray, after: np.ndarray) -> None:
    values = np.linspace(before.min(), before.max(), 5)
    nearest = np.abs(before[..., None] - values).argmin(axis=-1)
    np.testing.assert_allclose(after, values[nearest], atol=1e-5)
    assert len(np.unique(after)) <= 5


def test_weights_take_the_nearest_of_the_values(folder: Path) -> None:
    found = kernels(folder, "linear", CASES["linear"])
    assert found.keys() == {"pointwise", "conv", "dense"}
    for before, after in found.values():
        require_nearest(before, after)
    told = json.loads((folder / "told.json").read_text())["linear"]
    assert told["kept"] == {"narrow": "it was to be kept"}


@pytest.mark.nightly
def test_other_layers_and_schedules(tmp_path: Path) -> None:
    told = run(tmp_path, list(MORE))
    assert {name: each["error"] for name, each in told.items()} == dict.fromkeys(MORE, "")
    words = kernels(tmp_path, "words", MORE["words"])
    assert words.keys() == {"embedding", "separable", "shared"}
    for before, after in words.values():
        require_nearest(before, after)
    reason = "tensorflow-model-optimization does not know GRU"
    assert told["words"]["kept"] == {"gru": reason, "score": "it was to be kept"}
    for name, share in (("half", 0.5), ("several", 0.3)):
        for before, after in kernels(tmp_path, name, MORE[name]).values():
            assert (after == 0).sum() == before.size - round(before.size * (1 - share))
    for before, after in kernels(tmp_path, "constant", MORE["constant"]).values():
        np.testing.assert_allclose(after, least_are_zero(before, 0.75), atol=1e-5)
    for name, most in (("kmeans", 6), ("density", 16)):
        for _, after in kernels(tmp_path, name, MORE[name]).values():
            assert 1 < len(np.unique(after)) <= most
    assert told["several"]["kept"] == {"frozen": "it is frozen"}
    new = keras.saving.load_model(tmp_path / "several.keras")
    frozen = settled(MORE["several"].build).get_layer("frozen").get_weights()
    for one, other in zip(frozen, new.get_layer("frozen").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_modules_that_no_test_imports_have_no_examples() -> None:
    files = list((ROOT / "sepzoo" / "compression" / "keras2").glob("*.py"))
    assert len(files) > 2
    assert [path.name for path in files if ">>>" in path.read_text()] == []
