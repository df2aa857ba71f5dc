"""Networks of sound train, resume, are saved with what they take, and say what does not go together."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from sepzoo.artifact.model_file import load, metadata_of
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, run
from sepzoo.training.batches import augmentation_for
from sepzoo.training.clip_pictures import pictures_of
from tests.tones import PITCHES, tone, write_tones

SAMPLES = 4_000


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A small network on tones of three pitches."""
    folder = tmp_path_factory.mktemp("tones")
    for seed, (split, count) in enumerate({"train": 20, "validation": 5, "test": 5}.items()):
        write_tones(folder / split, count, seed=seed, seconds=0.25)
    fields = {
        "name": "tones",
        "model": {
            "name": "ds_cnn_s",
            "arguments": {"channels": 8, "units": 1, "batch_norm_momentum": 0.5},
            "sound": {"samples": SAMPLES},
        },
        "data": {"name": str(folder)},
        "sound_augmentation": {"shift": 0.02, "noise": 0.01, "time_masks": 1, "time_width": 2},
        "optimizer": {"kind": "adamw", "learning_rate": 0.01},
        "epochs": 4,
        "batch_size": 10,
    }
    return Recipe.from_yaml(yaml.safe_dump(fields))


@pytest.fixture(scope="module")
def trained(recipe, tmp_path_factory):
    return run(recipe, tmp_path_factory.mktemp("runs") / "tones", quiet=True)


def test_a_run_learns_and_saves_what_it_takes(trained):
    assert trained.result.test_accuracy > 0.8
    assert trained.result.trained_on.endswith(" train (60 clips)")
    metadata = metadata_of(load(trained.folder / "best.keras"))
    assert metadata.labels == tuple(PITCHES)
    assert metadata.preprocessing is None
    assert metadata.sound == Sound(window=640, fft=1024, samples=SAMPLES)
    assert "Worst mistakes" in (trained.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_a_resumed_run_ends_in_the_same_bits(recipe, trained, tmp_path):
    run(recipe.with_overrides(["epochs=2", "schedule.kind=constant"]), tmp_path / "again", quiet=True)
    longer = run(recipe, tmp_path / "again", quiet=True)
    ours, theirs = (load(each.folder / "last.keras") for each in (longer, trained))
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.nightly
def test_a_teacher_hears_what_the_student_hears(recipe, trained, tmp_path):
    teacher = f"teacher={{file: {trained.folder}, temperature: 2}}"
    taught = run(
        recipe.with_overrides([teacher, "model.arguments.channels=4", "epochs=1"]), tmp_path / "taught", quiet=True
    )
    assert np.isfinite(taught.history[-1].val_loss)
    other = recipe.with_overrides([teacher, "model.sound.low=30.0"])
    with pytest.raises(
        SepzooError, match=r"a teacher that takes what ds_cnn_s does, .*low=30\.0.*Received: .*low=20\.0"
    ):
        run(other, tmp_path / "other", quiet=True)


def test_the_run_s_own_clips_calibrate_its_files(trained, tmp_path):
    [report] = trained.export(["tflite:int8"], folder=tmp_path).reports
    assert report.calibration.endswith("train, seed 0")
    assert report.comparison.agreement > 0.8


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (["model.image_size=49"], r"no image_size beside a network of sound, whose clips model\.sound describes"),
        (
            ["model.name=mobilenet_v1", "model.image_size=32"],
            r"sound beside the name of a network that takes sound only",
        ),
        (
            ["data.crop_fraction=0.5"],
            r"no crop_fraction for ds_cnn_s, which takes no pictures\. Received: data\.crop_fraction",
        ),
        (
            ["augmentation.flip=true"],
            r"sound_augmentation for a network that takes sound\. Received: augmentation: flip\.",
        ),
        (["model.sound.hop=3"], r"unknown argument of model\.sound: 'hop'"),
        (["model.sound.rate=4000"], r"low < high <= 2000, half the rate"),
        (["data=digits"], r"expected sound: .*Received: digits, of pictures"),
    ],
)
def test_what_does_not_go_together_is_said(recipe, tmp_path, overrides, text):
    with pytest.raises(SepzooError, match=text) as caught:
        run(recipe.with_overrides(overrides), tmp_path / "run", quiet=True)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "best.keras").exists()


def test_pictures_are_not_changed_as_sound_is(recipe):
    with pytest.raises(
        SepzooError, match=r"augmentation for a network that takes pictures\. Received: sound_augmentation: "
    ):
        augmentation_for(ZERO_TO_ONE, recipe)
    assert augmentation_for(Sound(), recipe) == recipe.sound_augmentation


def test_pictures_show_time_to_the_right_and_high_above():
    clip = np.concatenate([np.zeros(8_000, np.int16), tone(6_000.0, seconds=0.5)])
    [picture] = pictures_of(clip[None])
    row, column = np.unravel_index(picture[..., 0].argmax(), picture.shape[:2])
    assert picture.max() == 255
    assert abs(row / picture.shape[0] - (1 - 6_000 / 8_000)) < 0.02
    assert column > picture.shape[1] / 2
