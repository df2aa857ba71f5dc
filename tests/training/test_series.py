"""Networks of series train, are saved with what they take, and say what does not go together."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from sepzoo.artifact.model_file import load, metadata_of
from sepzoo.inference import feature_samples
from sepzoo.inference import open as open_file
from sepzoo.inference.feature_splits import feature_splits, open_feature_split
from sepzoo.records.inputs import Features
from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, run
from sepzoo.training.series_pictures import pictures_of_series

STEPS = 24


def write_waves(path: Path, count: int, seed: int) -> None:
    """Write slow and quick waves of several lengths and two channels, as a `.ts` file."""
    random, lines = np.random.default_rng(seed), ["@classLabel true slow quick", "@data"]
    for number in range(count):
        steps = np.arange(random.integers(STEPS - 6, STEPS + 1))
        wave = np.sin((0.3, 1.2)[number % 2] * steps + random.uniform(0, 6))
        channels = [wave + random.normal(0, 0.2, len(steps)), random.normal(0, 1, len(steps))]
        lines.append(":".join([*(",".join(f"{v:.5f}" for v in c) for c in channels), ("slow", "quick")[number % 2]]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    folder = tmp_path_factory.mktemp("waves")
    write_waves(folder / "Waves_TRAIN.ts", 50, seed=1)
    write_waves(folder / "Waves_TEST.ts", 30, seed=2)
    fields = {
        "name": "waves",
        "model": {
            "name": "inceptiontime",
            "steps": STEPS,
            "arguments": {"modules": 1, "channels": 8, "windows": [8, 4], "batch_norm_momentum": 0.5},
        },
        "data": {"name": str(folder / "Waves_TRAIN.ts")},
        "optimizer": {"kind": "adamw", "learning_rate": 0.02},
        "epochs": 4,
        "batch_size": 10,
    }
    return Recipe.from_yaml(yaml.safe_dump(fields))


@pytest.mark.slow
def test_a_run_learns_and_its_files_pad_as_it_did(recipe: Recipe, tmp_path: Path) -> None:
    trained = run(recipe, tmp_path / "run", quiet=True)
    assert trained.result.trained_on == "Waves_TRAIN train[20%:] (40 samples)"
    assert trained.result.tested_on == "Waves_TEST test (30 samples)"
    assert trained.result.test_accuracy is not None
    assert trained.result.test_accuracy > 0.8
    metadata = metadata_of(load(trained.folder / "best.keras"))
    assert metadata is not None
    assert metadata.labels == ("slow", "quick")
    assert metadata.features == Features((STEPS, 2), padded=True)
    assert "Waves_TEST test" in (trained.folder / "report.html").read_text(encoding="utf-8")
    test = str(recipe.data.name).replace("TRAIN", "TEST")
    found = open_file(trained.folder / "best.keras").evaluate(feature_samples(test, steps=STEPS))
    assert found.top1 == pytest.approx(trained.result.test_accuracy)
    file = {"name": str(trained.folder), "steps": None, "arguments": {}}
    again = recipe.model_copy(update={"epochs": 1, "model": recipe.model.model_copy(update=file)})
    assert run(again, tmp_path / "further", quiet=True).result.test_accuracy is not None
    [report] = trained.export(["tflite:int8"], folder=tmp_path).reports
    assert report.comparison.agreement > 0.8
    assert json.loads((tmp_path / "run" / "result.json").read_text())["test_accuracy"] > 0.8


@pytest.mark.parametrize(
    ("override", "text"),
    [
        (
            "model.steps=null",
            "_TRAIN.ts: expected series of one length. Received: 18 … 24 steps. Pad them with zero",
        ),
        ("model.steps=20", "_TRAIN.ts: expected series of at most 20 steps. Received: one of 24."),
        ("model.image_size=32", "for model no image_size beside a network of series, which the data decides"),
        ("model.sound={rate: 8000}", "for model sound beside the name of a network that takes sound only"),
        ("augmentation.flip=true", "expected no augmentation for a network that takes series."),
        (
            "data=digits",
            "expected a file of series: .ts, .npz, or .csv whose first column is series. Received: digits.",
        ),
        ("data.crop_fraction=0.5", "expected no crop_fraction for inceptiontime, which takes no pictures."),
        ("data.train=validation", "unknown split of "),
    ],
)
def test_what_does_not_go_together_is_said(recipe: Recipe, tmp_path: Path, override: str, text: str) -> None:
    with pytest.raises(SepzooError) as raised:
        run(recipe.with_overrides([override]), tmp_path / "run", quiet=True)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "run" / "best.keras").exists()


def test_steps_are_those_of_series_alone() -> None:
    text = "name: x\nmodel: {name: cifar_resnet8, image_size: 32, steps: 4}\ndata: {name: digits}\nepochs: 1\n"
    with pytest.raises(SepzooError, match="for model steps beside the name of a network that takes series only"):
        Recipe.from_yaml(text + "optimizer: {learning_rate: 0.1}\n")


def test_the_files_of_one_name_are_its_splits(tmp_path: Path) -> None:
    for name in ("A_TRAIN.ts", "A_TEST.ts", "A_VAL.ts", "b_train.npz", "b_test.npz", "b_TEST.npz", "c.csv"):
        (tmp_path / name).write_bytes(b"series,x\n")
    found = {name: tuple(feature_splits(str(tmp_path / name))) for name in ("A_TRAIN.ts", "b_train.npz", "c.csv")}
    assert found == {"A_TRAIN.ts": ("train", "val", "test"), "b_train.npz": ("train", "test"), "c.csv": ("train",)}


def test_slices_hold_their_share_of_every_class(tmp_path: Path) -> None:
    x = np.arange(40, dtype="float32").reshape(20, 2, 1)
    np.savez(tmp_path / "x.npz", inputs=x, labels=np.arange(20) % 2)
    path = str(tmp_path / "x.npz")
    whole, *parts = (open_feature_split(path, split=split) for split in ("train", "train[:20%]", "train[20%:]"))
    assert whole.class_names == ("0", "1")
    assert [np.bincount(each.labels).tolist() for each in parts] == [[2, 2], [8, 8]]
    np.testing.assert_array_equal(np.sort(np.concatenate([each.features for each in parts]), axis=0), x)
    np.savez(tmp_path / "bare.npz", inputs=x)
    with pytest.raises(SepzooError, match=r"bare\.npz: expected one array of features, and labels beside it\. Receiv"):
        open_feature_split(str(tmp_path / "bare.npz"))


def test_a_curve_is_where_its_values_are() -> None:
    values = np.random.default_rng(0).normal(size=(2, 9, 2))
    for picture, series in zip(pictures_of_series(values), values, strict=True):
        scaled = np.rint(95 * (series - series.min()) / np.ptp(series)).astype(int)
        for step, heights in enumerate(scaled):
            assert (picture[95 - heights, step, 0] == 255).all()
    assert pictures_of_series(np.zeros((1, 3, 1)))[0, -1].all()
