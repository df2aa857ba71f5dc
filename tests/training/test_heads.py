"""Heads beyond softmax, new classifiers on networks of files, and data whose labels stand in a CSV file."""

from __future__ import annotations

import csv
import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from PIL import Image

from sepzoo.artifact.model_file import attach, load, metadata_of, save
from sepzoo.data import open_digits, open_source
from sepzoo.data.photo import SkippedImageWarning
from sepzoo.inference import open as open_file
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, Run, run, running
from sepzoo.training.heads import head_of
from sepzoo.training.networks import build_networks, starting_point
from sepzoo.training.recipe_sections import DataSection, ModelSection
from sepzoo.training.run_folder import RunFolder

RECIPE = """
name: heads
model: {name: MODEL, classifier: new}
data: {name: PHOTOS, crop_fraction: 1.0}
optimizer: {kind: adamw, learning_rate: 0.02}
epochs: 2
batch_size: 40
"""


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of scans, with CSV files of their class, of two independent labels, and of two values."""
    folder = tmp_path_factory.mktemp("scans")
    source = open_digits(split="train[:20%]", channels=3)
    rows = []
    for number, (pixels, label) in enumerate(zip(source.pixels, source.labels, strict=True)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
        ink = round(float(pixels.mean()) / 64, 4)
        split = "test" if number % 4 == 0 else "train"
        rows.append([f"{number}.png", split, f"is {label % 2}", label % 2, int(label > 4), ink, -ink])
    tables = {"class": [2], "labels": [3, 4], "values": [5, 6]}
    header = ["path", "split", "label", "odd", "large", "ink", "paper"]
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
        keras.layers.BatchNormalization(name="bn"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(7, activation="softmax", name="old"),
    ]
    save(
        attach(keras.Sequential(layers, name="mine"), Metadata("mine", tuple("abcdefg"), ZERO_TO_ONE)),
        folder / "mine.keras",
    )
    for name, columns in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([[line[c] for c in (0, 1, *columns)] for line in [header, *rows]])
    return folder


def trained(scans: Path, table: str, out: Path, *settings: str) -> Run:
    text = RECIPE.replace("PHOTOS", str(scans / f"{table}.csv")).replace("MODEL", str(scans / "mine.keras"))
    recipe = Recipe.from_yaml(text)
    return run(recipe.with_overrides(settings), out, quiet=True)


@pytest.mark.slow
def test_one_sigmoid_learns_two_classes(scans: Path, tmp_path: Path) -> None:
    changes = ("model.head=sigmoid", "class_weights=balanced", "recalibrate=100", "mirrored_views=true")
    done = trained(scans, "class", tmp_path / "run", *changes)
    classifier = open_file(done.folder / "best.keras")
    assert (classifier.output.kind, classifier.labels, classifier.model.output_shape) == (
        "sigmoid",
        ("is 0", "is 1"),
        (None, 1),
    )
    source = open_source(scans / "class.csv", split="test", image_size=(8, 8))
    assert classifier.evaluate(source).top1 == pytest.approx(done.result.test_accuracy, abs=1e-6)
    held_out = open_source(scans / "class.csv", split="train[:20%]", image_size=(8, 8))
    assert classifier.evaluate(held_out).top1 == pytest.approx(done.result.recalibrated_accuracy, abs=1e-6)
    assert "with batch norm recalibrated" in str(done)
    last = keras.saving.load_model(done.folder / "last.keras", compile=False)
    images, labels = next(held_out.batches(len(held_out)))
    sides = [last.predict(pixels.astype("float32") / 255, verbose=0) for pixels in (images, images[:, :, ::-1])]
    right = ((sides[0] + sides[1])[:, 0] > 1) == (labels == 1)
    assert done.result.mirrored_accuracy == pytest.approx(right.mean(), abs=1e-6)
    assert f"{done.result.mirrored_accuracy:.4f} by both sides" in str(done)
    assert done.history[-1].val_top5 is None


@pytest.mark.slow
def test_killed_at_its_end_a_recalibrated_run_ends_in_the_same_bits(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = ("model.head=values", "recalibrate=100", "optimizer.accumulate_steps=2", "ema=0.5")
    whole = trained(scans, "values", tmp_path / "whole", *settings)

    def killed(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt  # nothing is written on the way

    # First when the network of the last epoch is recalibrated and that of the best one is not, then when both are.
    for place, name in ((running, "measure"), (RunFolder, "write_result")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, killed)
            with pytest.raises(KeyboardInterrupt):
                trained(scans, "values", tmp_path / "broken", *settings)
    again = trained(scans, "values", tmp_path / "broken", *settings)
    assert dataclasses.replace(again.result, seconds=0) == dataclasses.replace(whole.result, seconds=0)
    for which in ("best", "last"):
        for one, same in zip(again.model(which).weights, whole.model(which).weights, strict=True):
            np.testing.assert_array_equal(one.numpy(), same.numpy())


@pytest.mark.slow
def test_independent_labels_are_learnt(scans: Path, tmp_path: Path) -> None:
    settings = ("model.head=multilabel", "label_smoothing=0.05", "export=tflite:float32")
    done = trained(scans, "labels", tmp_path / "run", *settings)
    classifier = open_file(done.folder / "last.keras")
    assert (classifier.output.kind, classifier.labels) == ("multilabel", ("odd", "large"))
    source = open_source(scans / "labels.csv", split="test", image_size=(8, 8))
    given = classifier.predict(source.images(np.arange(len(source))))
    right = ((given > 0.5) == (source.values > 0.5)).mean()
    assert done.result.last_test_accuracy == pytest.approx(right, abs=1e-6)
    [report] = done.exports.reports
    assert open_file(report.path).labels == ("odd", "large")
    with pytest.raises(
        SepzooError, match=r"labels test: expected one class for each image, to evaluate. Received: col"
    ):
        classifier.evaluate(source)


@pytest.mark.slow
def test_values_are_estimated(scans: Path, tmp_path: Path) -> None:
    done = trained(scans, "values", tmp_path / "run", "model.head=values", "epochs=3", "export=tflite:int8")
    classifier = open_file(done.folder / "best.keras")
    assert (classifier.output.kind, classifier.labels) == ("values", ("ink", "paper"))
    source = open_source(scans / "values.csv", split="test", image_size=(8, 8))
    given = classifier.predict(source.images(np.arange(len(source))))
    rest = ((given - source.values) ** 2).sum(0) / ((source.values - source.values.mean(0)) ** 2).sum(0)
    assert done.result.test_accuracy == pytest.approx(1 - rest.mean(), abs=1e-4)
    assert done.result.measure == "R²"
    assert open_file(done.exports.reports[0].path).output.kind == "values"
    assert "validation R² " in str(done)
    assert done.history[-1].val_data_loss == pytest.approx(done.history[-1].val_loss)


@pytest.mark.slow
def test_a_file_of_other_classes_gets_a_new_classifier(scans: Path, tmp_path: Path) -> None:
    model, out = load(scans / "mine.keras"), tmp_path / "run"
    with pytest.raises(
        SepzooError, match=r"expected data of the 7 classes of mine. Received: 2 classes.* Or say model.class"
    ):
        trained(scans, "class", out, "model.classifier=own")
    done = trained(scans, "class", out, "epochs=1", "model.trained=head")
    new = load(done.folder / "last.keras")
    assert (new.output_shape, metadata_of(new).labels) == ((None, 2), ("is 0", "is 1"))
    np.testing.assert_array_equal(new.get_layer("conv").get_weights()[0], model.get_layer("conv").get_weights()[0])
    convolution = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 8), keras.layers.Flatten()])
    save(attach(convolution, Metadata("c", tuple("ab"), ZERO_TO_ONE)), tmp_path / "c.keras")
    with pytest.raises(SepzooError, match=r"expected a dense layer last, .* Received: Conv2D"):
        trained(scans, "class", tmp_path / "no", f"model.name={tmp_path / 'c.keras'}")


@pytest.mark.slow
@pytest.mark.parametrize("head", ["sigmoid", "multilabel", "values"])
def test_a_named_network_ends_as_it_is_said(head: str) -> None:
    text = f"{{name: cifar_mobilenetv1_w1d8_bsconvu, image_size: 8, head: {head}}}"
    section = ModelSection(**yaml.safe_load(text))
    networks = build_networks(section, starting_point(section, DataSection(name="digits")), ("a", "b"))
    assert networks.inference.output_shape == (None, 1 if head == "sigmoid" else 2)
    trained, told = head_of(networks.inference, networks.training), head_of(networks.inference)
    assert (trained.kind, trained.logits, told.kind, told.logits) == (head, True, head, head == "values")
    images = np.random.default_rng(0).random((3, 8, 8, 3), "float32")
    given, values = networks.training(images).numpy(), networks.inference(images).numpy()
    for ours, theirs in zip(networks.training.weights, networks.inference.weights, strict=True):
        assert ours.shape == theirs.shape
    assert given.shape == values.shape
    expected = [[0.0], [1.0]] if head == "sigmoid" else np.eye(2)
    np.testing.assert_array_equal(networks.targets(("a", "b")), expected)


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("model.head=sigmoid", "two classes for model.head=sigmoid. Received: 10 classes. Take softmax, or multilabel"),
        ("model.head=tanh", "expected for model.head 'softmax', 'sigmoid', 'multilabel' or 'values'."),
        ("model.classifier=new", "classifier=new beside a file only"),
    ],
)
def test_heads_that_do_not_fit_are_one_line(setting: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(SepzooError) as caught:
        run(Recipe.load("digits").with_overrides([setting]), tmp_path / "run", quiet=True)
    assert text in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a header with path and label, or path and columns of numbers, and split if you like."),
        ("path\na.png\n", "expected a header with path and label"),
        ("path,label,age\na.png,x,3\n", "expected a header with path and label"),
        ("path,age\n", "expected rows under the header. Received: none."),
        ("path,age\na.png\n", "row 2: expected 2 cells. Received: "),
        ("path,age\n1.png,old\n", "expected a number for age of 1.png. Received: 'old'."),
        ("path,age\n1.png,inf\n", "expected a number for age of 1.png. Received: 'inf'."),
        ("path,age,split\n1.png,3,test\n", "unknown split of "),
    ],
)
def test_tables_that_do_not_fit_are_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(SepzooError) as caught:
        open_source(tmp_path / "t.csv", image_size=(8, 8))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(SepzooError, match=r"expected a CSV file of paths and values. Received: gone.csv, which does"):
        open_source("gone.csv", image_size=(8, 8))


def test_photographs_of_a_table_that_cannot_be_read_are_counted(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "0.png").write_bytes((scans / "0.png").read_bytes())
    (tmp_path / "1.png").write_bytes(b"no picture")
    (tmp_path / "t.csv").write_text("path,age\n0.png,3\n1.png,4\n")
    with pytest.warns(SkippedImageWarning) as said:
        source = open_source(tmp_path / "t.csv", image_size=(8, 8))
    last = str(said[-1].message)
    assert last == f"{tmp_path / 't.csv'}: 1 of 2 images cannot be read and were left out."
    assert source.values.tolist() == [[3.0]]
