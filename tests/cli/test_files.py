"""Every command with every kind of file: it reads it, or says in one line what it is and what it reads."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.export import tflite
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.printable import printable
from sepzoo.training import Recipe
from tests.artifact.inspection.files import safetensors
from tests.cli.conftest import Command

SHAPE, CLASSES = (8, 8, 1), 3

KERAS = ("profile", "analyse", "rewrite", "export", "train model")
MODELS = ("evaluate", "classify", "predict")
ARRAYS = ("rewrite --data", "export --data", "evaluate --data", "predict DATA")
WEIGHTS = ("build --weights",)
PICTURES = ("classify IMAGE",)

KERAS_NAMES = (
    *("net.keras", "net.KERAS", "keras file", "net.h5", "net.hdf5", "net.H5", "net.HDF5", "hdf5 file"),
    *("größe 猫.keras", "latin\udce9.keras", "link.keras"),
)
TFLITE_NAMES = ("net.tflite", "net.TFLITE", "tflite file", "latin\udce9.tflite")
KINDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(KERAS_NAMES, (*KERAS, *MODELS, *WEIGHTS)),
    **dict.fromkeys(TFLITE_NAMES, MODELS),
    "saved": MODELS,
    **dict.fromkeys(("x.npz", "X.NPZ", "arrays", "latin\udce9.npz"), (*ARRAYS, *WEIGHTS)),
    "x.npy": ARRAYS,
    **dict.fromkeys(("picture.png", "picture", "latin\udce9.png", "pictures"), PICTURES),
    "labels.txt": ("--labels",),
    **dict.fromkeys(("weights.weights.h5", "other.weights.h5", "weights.npz", "weights.safetensors"), WEIGHTS),
    "broken run": ("train model",),
    **dict.fromkeys(("net.onnx", "circle", "broken link", "broken.keras", "none/")),
    **dict.fromkeys(("empty", "empty.keras", "empty.h5", "empty.tflite", "empty.npz", "empty.png", "empty folder")),
    **dict.fromkeys(("damaged.keras", "damaged.h5", "damaged.tflite")),
    **dict.fromkeys(("pipe", "pipe.keras", "pipe.npz", "pipe.png")),
    **dict.fromkeys(
        f"none{suffix}" for suffix in (".keras", ".h5", ".hdf5", ".H5", ".tflite", ".onnx", ".npz", ".yaml")
    ),
}
"""Each kind of file, and the commands that read it, or refuse it for what it holds; all others say what they read."""

READ: dict[str, tuple[str, ...]] = {
    "profile": KERAS_NAMES,
    "analyse": ("net.H5",),
    "rewrite": ("hdf5 file", "latin\udce9.keras"),
    "export": ("keras file",),
    "evaluate": ("net.keras", "tflite file"),
    "classify": ("net.KERAS", "saved", "net.TFLITE"),
    "predict": (*TFLITE_NAMES, "net.hdf5", "latin\udce9.keras"),
    "rewrite --data": ("x.npy",),
    "export --data": ("arrays",),
    "evaluate --data": ("X.NPZ", "arrays"),
    "predict DATA": ("x.npz", "x.npy", "X.NPZ", "arrays", "latin\udce9.npz"),
    "classify IMAGE": ("picture.png", "picture", "latin\udce9.png", "pictures"),
    "--labels": ("labels.txt",),
}
"""What is tried of that."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a file of each kind."""
    folder = tmp_path_factory.mktemp("kinds")
    network(folder)
    arrays(folder)
    others(folder)
    with one_child():
        yield folder


def network(folder: Path) -> None:
    """Write one small network in all formats."""
    keras.utils.set_random_seed(3)
    stack = [keras.Input(SHAPE), keras.layers.Conv2D(4, 3), keras.layers.Flatten()]
    model = keras.Sequential([*stack, keras.layers.Dense(CLASSES, activation="softmax")], name="net")
    model_file.save(
        model_file.attach(model, Metadata("net", labels=("a", "b", "c"), preprocessing=ZERO_TO_ONE)),
        folder / "net.keras",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(folder / "net.h5")
        model.export(folder / "saved", verbose=False)
    tflite(model, folder / "net.tflite")
    for source, names in (
        ("net.keras", ("net.KERAS", "keras file", "größe 猫.keras", "latin\udce9.keras")),
        ("net.h5", ("net.hdf5", "net.H5", "net.HDF5", "hdf5 file")),
        ("net.tflite", ("net.TFLITE", "tflite file", "latin\udce9.tflite")),
    ):
        for name in names:
            shutil.copy(folder / source, folder / name)
    model.save_weights(folder / "weights.weights.h5")
    keras.Sequential([*stack, keras.layers.Dense(7)]).save_weights(folder / "other.weights.h5")
    np.savez(folder / "weights.npz", **{variable.path: np.asarray(variable) for variable in model.weights})
    safetensors(folder / "weights.safetensors")
    for suffix in (".keras", ".h5", ".tflite"):
        (folder / f"damaged{suffix}").write_bytes((folder / f"net{suffix}").read_bytes()[:900])
    (folder / "link.keras").symlink_to("net.keras")
    (folder / "broken run").mkdir()
    (folder / "broken run" / "recipe.yaml").write_text("name: x")
    shutil.copy(folder / "net.keras", folder / "broken run" / "best.keras")


def arrays(folder: Path) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (9, *SHAPE)).astype(np.uint8)
    np.savez(folder / "x.npz", inputs=pixels, labels=np.arange(9) % CLASSES)
    np.save(folder / "x.npy", pixels)
    for name in ("X.NPZ", "arrays", "latin\udce9.npz"):
        shutil.copy(folder / "x.npz", folder / name)
    Image.fromarray(pixels[0, ..., 0]).save(folder / "picture.png")
    (folder / "pictures").mkdir()
    for name in ("picture", "latin\udce9.png", "pictures/one.png"):
        shutil.copy(folder / "picture.png", folder / name)


def others(folder: Path) -> None:
    (folder / "labels.txt").write_text("x\ny\nz\n")
    (folder / "net.onnx").write_bytes(b"\x08\x07\x12\x00\x3a\x02\x0a\x00")
    for name in KINDS:
        if name.startswith("empty"):
            (folder / name).mkdir() if name == "empty folder" else (folder / name).write_bytes(b"")
        if name.startswith("pipe") and hasattr(os, "mkfifo"):
            os.mkfifo(folder / name)
    (folder / "broken link").symlink_to("nowhere")
    (folder / "broken.keras").symlink_to("nowhere")
    (folder / "circle").symlink_to("circle")


Line = Callable[[Path, str, Path], tuple[str | Path, ...]]

NETWORK = ("build", "mobilenet_v1", "--set", "alpha=0.25", "--input-shape", "32,32,1")

COMMANDS: dict[str, Line] = {
    "build NAME": lambda _, file, out: ("build", file, "--out", out / "new.keras"),
    "build --weights": lambda _, file, out: (*NETWORK, "--weights", file, "--out", out / "new.keras"),
    "card": lambda _, file, out: ("card", file),
    "list": lambda _, file, out: ("list", file),
    "profile": lambda _, file, out: ("profile", file),
    "analyse": lambda _, file, out: ("analyse", file),
    "train": lambda _, file, out: ("train", file, "--out", out / "run"),
    "train model": lambda _, file, out: ("train", "digits", "--set", f"model={file}", "--out", out / "run"),
    "train data": lambda _, file, out: ("train", "digits", "--set", f"data={file}", "--out", out / "run"),
    "rewrite": lambda _, file, out: ("rewrite", file, "--fold", "--out", out / "new.keras"),
    "export": lambda _, file, out: (
        *("export", file, "--to", "tflite:float32", "--out", out / "files"),
        *("--preprocessing", "zero_to_one"),
    ),
    "evaluate": lambda kinds, file, out: ("evaluate", file, "--data", kinds / "x.npz"),
    "classify": lambda kinds, file, out: (
        *("classify", file, kinds / "picture.png", "--preprocessing", "zero_to_one"),
        *("--labels", kinds / "labels.txt"),
    ),
    "predict": lambda kinds, file, out: ("predict", file, kinds / "x.npz", "--preprocessing", "zero_to_one"),
    "rewrite --data": lambda kinds, file, out: (
        *("rewrite", kinds / "net.keras", "--decouple", "terms=1", "--data", file, "--out", out / "new.keras"),
    ),
    "export --data": lambda kinds, file, out: (
        *("export", kinds / "net.keras", "--to", "tflite:int8", "--data", file, "--out", out / "files"),
    ),
    "evaluate --data": lambda kinds, file, out: ("evaluate", kinds / "net.keras", "--data", file),
    "predict DATA": lambda kinds, file, out: ("predict", kinds / "net.keras", file),
    "classify IMAGE": lambda kinds, file, out: ("classify", kinds / "net.keras", file),
    "--labels": lambda kinds, file, out: ("classify", kinds / "net.keras", kinds / "picture.png", "--labels", file),
}


READING = [(name, kind) for name, kinds in READ.items() for kind in kinds]
OPENING_FIRST = ("build --weights", "rewrite --data", "export --data", "evaluate --data")
"""What opens or builds a network before it looks at the file is tried with every fourth kind."""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), READING)
def test_what_is_read(kinds: Path, tmp_path: Path, command: Command, name: str, kind: str) -> None:
    outcome = command(*COMMANDS[name](kinds, str(kinds / kind), tmp_path))
    assert outcome.code == 0, outcome.err
    assert outcome.out


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_not_read_is_named_in_one_line(kinds: Path, tmp_path: Path, command: Command, name: str) -> None:
    refused = [kind for kind, readers in KINDS.items() if name not in (readers or ())]
    refused = refused[:: 4 if name in OPENING_FIRST else 1]
    assert len(refused) > 8
    for kind in refused:
        path = str(kinds / kind.rstrip("/")) + "/" * kind.endswith("/")
        outcome = command(*COMMANDS[name](kinds, path, tmp_path))
        lines = outcome.err.splitlines()
        assert (outcome.code, outcome.out, len(lines)) == (2, "", 1), (kind, outcome)
        assert lines[0].startswith("error: ")
        assert printable(path.rstrip("/")) in lines[0], (kind, lines)
        said = r"expected|no such file|no network is called|is damaged|is not installed"
        assert re.search(said, lines[0]), (kind, lines)
        assert not re.search(r"unknown|Traceback|codec|Errno", lines[0]), (kind, lines)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted({"inspect", "profile", "evaluate", "build --weights", "train data"}))
def test_a_link_to_nothing_is_told_from_nothing(kinds: Path, tmp_path: Path, command: Command, name: str) -> None:
    line = {**COMMANDS, "inspect": lambda _, file, out: ("inspect", file)}[name]
    texts = [command(*line(kinds, str(kinds / kind), tmp_path)).err for kind in ("none.keras", "broken.keras")]
    assert ["link" in text for text in texts] == [False, True], texts


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith(("none", "pipe", "broken", "circle"))])
def test_inspect_takes_all_that_is_there(kinds: Path, command: Command, kind: str) -> None:
    outcome = command("inspect", kinds / kind)
    assert outcome.code == (2 if kind in ("damaged.h5", "damaged.tflite") else 0), outcome
    assert "format" in outcome.out or outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    "line", [["classify", "net.keras", ""], ["evaluate", "net.keras", "--data", ""], ["inspect", ""]]
)
def test_an_empty_argument_is_not_the_current_folder(command: Command, line: list[str]) -> None:
    outcome = command(*line)
    before = " ".join(["sepzoo", *line[:-1]])
    expected = f"error: expected no empty argument. Received: one after {before}. Is a variable of the shell empty?\n"
    assert (outcome.code, outcome.err) == (2, expected)


@pytest.mark.parametrize("name", ["mobilenet_v1", "vgg16"])
def test_a_folder_called_as_a_network_does_not_hide_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()
    assert command("card", name).code == 0
    assert command("profile", name).out.splitlines()[1].split()[0] == name
    (tmp_path / name / "recipe.yaml").write_text("name: x")
    assert "which was broken off" in command("profile", name).err


def test_a_folder_called_as_a_recipe_does_not_hide_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    (tmp_path / "mobilenet_v1").mkdir()
    assert Recipe.load("digits").model.name == "mobilenet_v1"
