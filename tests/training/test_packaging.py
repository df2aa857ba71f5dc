"""A finished run becomes weights of the package, and `weights=` finds them there, with what the run said of itself."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.applications import build, card
from sepzoo.artifact.model_file import metadata_of
from sepzoo.catalog import packaged as catalog
from sepzoo.catalog.packaged import PackagedWeights, packaged
from sepzoo.cli import main as sepzoo_main
from sepzoo.data import open_digits
from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, Run, run
from sepzoo.training.packaging import main, package
from sepzoo.weights.reading import named_arrays
from tests.weights.packaged_checks import (
    check_files,
    check_part,
    check_record,
    check_size,
    check_whole,
    in_the_folder,
)

pytestmark = pytest.mark.slow

NAME = "cifar_resnet8"
RECIPE = f"""
name: small
model: {{name: {NAME}, image_size: 32}}
data: {{name: digits, crop_fraction: 1.0, train: "train[:20%]", validation: "train[20%:25%]"}}
optimizer: {{learning_rate: 0.02}}
epochs: 2
batch_size: 48
seed: 4
"""
LABELS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(Recipe.from_yaml(RECIPE), tmp_path_factory.mktemp("runs") / "small", quiet=True)


@pytest.fixture(scope="module")
def folder(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packaged")
    package(finished, labels=LABELS, out=out)
    return out


@pytest.fixture(autouse=True)
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedWeights:
    """The package, for a test, has the weights of the small run alone."""
    monkeypatch.setattr(catalog, "FOLDER", folder)
    found = packaged(NAME, "digits")
    assert found is not None
    return found


def right(model: object, split: str = "test") -> int:
    """Return how many test scans a network reads right, by nothing of the code that measured it first."""
    source = open_digits(split=split, image_size=(32, 32), channels=3)
    return int((np.asarray(model(source.pixels.astype("float32") / 255)).argmax(1) == source.labels).sum())  # type: ignore[operator]


def test_the_record_says_what_was_run_and_what_it_reaches(finished: Run, made: PackagedWeights, folder: Path) -> None:
    content = (folder / "digits" / f"{NAME}.npz").read_bytes()
    assert (made.sha256, made.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (made.seed, made.epochs, made.images, made.tested_on) == (4, 2, 359, "digits test")
    assert Recipe.model_validate(made.recipe) == finished.recipe
    assert [line["val_accuracy"] for line in made.log] == [epoch.val_accuracy for epoch in finished.history]
    assert made.accuracy_before == pytest.approx(right(finished.model("last")) / 359, abs=1e-9)


def test_the_accuracy_on_record_is_that_of_the_weights_in_half_precision(made: PackagedWeights) -> None:
    model = build(NAME, weights="digits")
    assert right(model) == made.correct > 359 // 5
    assert made.part == "test[:5%]"
    assert right(model, "test[:5%]") == made.correct_of_part


OF_WEIGHTS = (check_record, check_part, check_whole)
"""The checks of the package's own weights, beside those of the whole folder."""


def test_the_checks_of_the_package_hold_of_these_weights(made: PackagedWeights) -> None:
    assert in_the_folder() == [made]
    check_size()
    check_files()
    for check in OF_WEIGHTS:
        check(made)
    with pytest.raises(AssertionError):
        check_size(made.size)


@pytest.mark.parametrize(
    ("field", "value", "check"),
    [
        ("sha256", "0" * 64, check_record),
        ("size", 1, check_record),
        ("labels", LABELS[1:], check_record),
        ("epochs", 3, check_record),
        ("seed", 5, check_record),
        ("name", "cifar_resnet20", check_record),
        ("correct_of_part", -2, check_part),
        ("correct", 0, check_whole),
    ],
)
def test_the_checks_of_the_package_fail_of_a_wrong_record(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    field: str,
    value: object,
    check: Callable[[PackagedWeights], None],
) -> None:
    shutil.copytree(folder / "digits", tmp_path / "digits")
    record = tmp_path / "digits" / f"{NAME}.json"
    record.write_text(json.dumps({**json.loads(record.read_text("utf-8")), field: value}), encoding="utf-8")
    if field == "name":  # whose weights it then is by its file
        shutil.copy(tmp_path / "digits" / f"{NAME}.npz", tmp_path / "digits" / f"{value}.npz")
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    [weights] = in_the_folder()
    with pytest.raises(AssertionError):
        check(weights)


@pytest.mark.parametrize("change", ["no weights", "no record", "one file more"])
def test_the_checks_of_the_package_fail_of_a_wrong_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    shutil.copytree(folder / "digits", tmp_path / "digits")
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    check_files()
    weights = tmp_path / "digits" / f"{NAME}.npz"
    if change == "one file more":
        weights.with_name("cifar_resnet14.npz").touch()
    else:
        weights.with_suffix(".npz" if change == "no weights" else ".json").unlink()
    with pytest.raises(AssertionError):
        check_files()


def test_the_weights_are_those_of_the_last_epoch_rounded_to_half_precision(finished: Run) -> None:
    ours, theirs = named_arrays(build(NAME, weights="digits")), named_arrays(finished.model("last"))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        np.testing.assert_allclose(array, theirs[name], rtol=2**-11, atol=2**-25)
        np.testing.assert_array_equal(array, array.astype(np.float16))


def test_labels_and_preprocessing_are_those_of_the_training() -> None:
    metadata, initial = (metadata_of(build(NAME, weights=weights)) for weights in ("digits", None))
    assert metadata is not None and initial is not None  # noqa: PT018
    assert (metadata.labels, initial.labels) == (LABELS, None)
    assert metadata.preprocessing is not None and initial.preprocessing is not None  # noqa: PT018
    assert (metadata.preprocessing.crop_fraction, initial.preprocessing.crop_fraction) == (1.0, 0.875)


def test_another_head_keeps_its_initial_weights_and_has_no_labels() -> None:
    model, trained = build(NAME, weights="digits", classes=3), build(NAME, weights="digits")
    assert model.output_shape == (None, 3)
    assert metadata_of(model).labels is None  # type: ignore[union-attr]
    for features in (model, build(NAME, weights="digits", include_top=False)):
        kernel = features.get_layer("stage3_unit1_conv2").get_weights()[0]
        np.testing.assert_array_equal(kernel, trained.get_layer("stage3_unit1_conv2").get_weights()[0])


def said_by(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what a command prints."""
    with pytest.raises(SystemExit) as stopped:
        sepzoo_main(list(arguments))
    assert not stopped.value.code
    return capsys.readouterr().out


def test_card_and_list_show_them(capsys: pytest.CaptureFixture[str], made: PackagedWeights) -> None:
    assert f"accuracy {made.accuracy:.4f} on digits test (359 images" in said_by(capsys, "card", NAME)
    [shown] = json.loads(said_by(capsys, "card", NAME, "--json"))["packaged"]
    assert (shown["sha256"], shown["recipe"]["epochs"], len(shown["log"])) == (made.sha256, 2, 2)
    assert card("cifar_resnet20").packaged == ()


@pytest.mark.parametrize("asked", ["--weights", "--no-weights"])
def test_networks_are_listed_by_their_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    shutil.copytree(folder / "digits", tmp_path / "digits")
    (tmp_path / "digits" / f"{NAME}.json").rename(tmp_path / "digits" / "cifar_resnet20.json")  # a name that is listed
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    rows = json.loads(said_by(capsys, "list", "cifar_resnet20", "cifar_resnet56", "mobilenet_v1", asked, "--json"))
    having = {"cifar_resnet20": ["digits"], "mobilenet_v1": ["imagenet"]}
    lacking = {"cifar_resnet56": []}
    assert {row["name"]: row["weights_of"] for row in rows} == (having if asked == "--weights" else lacking)
    assert all(row["weights"] == (asked == "--weights") for row in rows)


def test_classify_names_the_class_of_the_training(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    scan = open_digits(split="test", image_size=(32, 32), channels=3).pixels[0]
    Image.fromarray(scan).save(tmp_path / "scan.png")
    scores = np.asarray(build(NAME, weights="digits")(scan[None].astype("float32") / 255))[0]
    said = said_by(capsys, "classify", NAME, str(tmp_path / "scan.png"), "--weights", "digits", "--top", "1")
    assert said.splitlines()[-1].split()[-2:] == [LABELS[int(scores.argmax())], f"{scores.max():.4f}"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "cifar_resnet14"}, f"no weights of cifar_resnet14 trained on digits. It has those of {NAME}."),
        ({"padding": "end"}, "Received: padding='end'. Leave it out."),
        ({"conv": "bsconv_u"}, "Received: conv. Leave it out."),
        ({"weights": "digit"}, "Did you mean digits?"),
    ],
)
def test_weights_that_do_not_fit_are_refused(arguments: dict[str, str], text: str) -> None:
    said = {"weights": "digits", **arguments}
    with pytest.raises(SepzooError) as raised:
        build(said.pop("name", NAME), **said)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_the_recorded_one_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "FOLDER", tmp_path)
    (tmp_path / "digits").mkdir()
    for file in (folder / "digits").iterdir():
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= file.suffix == ".npz"
        (tmp_path / "digits" / file.name).write_bytes(content)
    with pytest.raises(SepzooError, match=r"expected the sha256 \w{64}\. Received: \w{64}\. Install sepzoo anew"):
        build(NAME, weights="digits")


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("model.arguments.dropout=0.5", "expected a run of a network by its name alone"),
        ("model.image_size=16", r"a run of cifar_resnet8 on pictures of \(32, 32, 3\). Received: \(16, 16, 3\)"),
        ("data.name=/photos", "expected a run on a data set by its name"),
    ],
)
def test_runs_of_something_else_are_refused(finished: Run, tmp_path: Path, override: str, text: str) -> None:
    recipe = finished.recipe.with_overrides([override])
    with pytest.raises(SepzooError, match=text):
        package(dataclasses.replace(finished, recipe=recipe), out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_a_folder_of_a_set_s_pictures_is_packaged_under_the_set_s_name(
    finished: Run, made: PackagedWeights, tmp_path: Path
) -> None:
    elsewhere = dataclasses.replace(finished, recipe=finished.recipe.with_overrides(["data.name=/photos"]))
    assert package(elsewhere, labels=LABELS, data="digits", out=tmp_path) == made
    assert "/photos" not in (tmp_path / "digits" / f"{NAME}.json").read_text()


def test_a_weight_beyond_half_precision_is_refused(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = finished.model("last")
    model.get_layer("stem_bn").gamma.assign(model.get_layer("stem_bn").gamma * 1e5 + 1e5)
    monkeypatch.setattr(Run, "model", lambda self, which: model)
    with pytest.raises(SepzooError, match=r"half precision holds, up to 65504.*stem_bn/gamma"):
        package(finished, out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_command_packages_a_finished_run_and_nothing_else(
    finished: Run, tmp_path: Path, made: PackagedWeights, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    line = ["packaging", str(finished.folder), "--labels", str(tmp_path / "labels.txt"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", line)
    main()
    assert f"{NAME}: accuracy {made.accuracy:.4f} on digits test" in capsys.readouterr().out
    monkeypatch.setattr(catalog, "FOLDER", tmp_path / "out")
    assert packaged(NAME, "digits") == made  # the same bytes, and thus the same hash
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr("sys.argv", ["packaging", str(tmp_path / "empty")])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert "expected a finished run. Received:" in capsys.readouterr().err
