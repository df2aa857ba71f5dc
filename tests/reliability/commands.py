"""The four commands that write, what they write, and when that is whole."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sepzoo.artifact.seal import SEAL
from tests.reliability.forked import FOLDER_PROGRAM

RECIPE = """
name: tiny
model: {name: NETWORK}
data: {name: digits, crop_fraction: 1.0, train: "train[:20%]", validation: "train[20%:30%]", test: "test[:20%]"}
augmentation: {padding: 1}
optimizer: {learning_rate: 0.05, weight_decay: 1.0e-4}
epochs: 4
batch_size: 64
ema: 0.5
seed: 3
"""
PICTURES = 300
BAD = 3
TIMES = ("images_per_second", "seconds")

Contents = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """A command that is broken off.

    Attributes:
        name: of it.
        line: its arguments, run in the folder of `work`.
        outputs: what it writes there, files or folders.
        read: an output's content, without times; equal where two runs did the same.
        before: outputs that were there before.
        codes: exit codes of success.
    """

    name: str
    line: Sequence[str | Path]
    outputs: Sequence[str]
    read: Callable[[Path], Contents]
    before: dict[str, Path] = field(default_factory=dict)
    code: int = 0

    def work(self, place: Path) -> Path:
        """Make the folder to work in, with what was there before."""
        place.mkdir(exist_ok=True)
        for name, source in self.before.items():
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, place / name)
        return place

    def contents(self, place: Path) -> dict[str, Contents]:
        """Return what the outputs hold."""
        return {name: self.read(place / name) for name in self.outputs if (place / name).exists()}


def names(place: Path) -> set[str]:
    """Return all files and folders, at any depth, but TensorBoard's, which are called after time and machine."""
    found = {path.relative_to(place) for path in place.rglob("*")}
    return {str(path) for path in found if "tensorboard" not in path.parts[:-1]}


def run_folder(path: Path) -> Contents:
    """Weights of both networks, the state with the optimizer's, metrics and result without times; what is not there is
    left out, and what is damaged raises.
    """
    found: Contents = {}
    for name in ("best.keras", "last.keras"):
        if (path / name).exists():
            found[name] = keras_file(path / name)
    if (path / "state.npz").exists():
        with np.load(path / "state.npz") as state:
            found["state.npz"] = {key: (value.dtype.str, value.tobytes()) for key, value in state.items()}
    if (path / "metrics.jsonl").exists():
        lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        assert all(line[key] >= 0 for line in lines for key in TIMES)
        found["metrics.jsonl"] = [{key: value for key, value in line.items() if key not in TIMES} for line in lines]
    if (path / "result.json").exists():
        found["result.json"] = {**json.loads((path / "result.json").read_text()), "seconds": 0}
    if (path / "curves.png").exists():
        Image.open(path / "curves.png").load()
    return found


def keras_file(path: Path) -> Contents:
    """All bytes of the archive's members, but for what Keras writes anew each time: a date, and addresses in memory."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        members = {name: archive.read(name) for name in archive.namelist()}
    texts = {name: json.loads(members[name], object_pairs_hook=_lasting) for name in ("config.json", "metadata.json")}
    return {**members, **texts}


def _lasting(pairs: list[tuple[str, Any]]) -> Contents:
    return {key: value for key, value in pairs if key not in ("date_saved", "shared_object_id")}


def tflite_or_folder(path: Path) -> Contents:
    """All bytes of a file, or of each file in a folder, but a random number of TensorFlow's and the hash over it."""
    if not path.is_dir():
        return {path.name: path.read_bytes()}
    found: Contents = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    if "fingerprint.pb" in found:
        found["fingerprint.pb"] = b""
    if SEAL in found:
        found[SEAL] = {key: value for key, value in json.loads(found[SEAL]).items() if key != "sha256"}
    return found


def table(path: Path) -> Contents:
    """The bytes of a CSV."""
    return {"csv": path.read_bytes()}


def pictures(folder: Path, count: int = PICTURES, bad: int = BAD, side: int = 32) -> Path:
    """Write small pictures of noise, as PNG and JPEG, and some that can't be read, at places that a seed decides."""
    random = np.random.default_rng(count)
    images = [_encoded(random.integers(0, 256, (side, side, 3), np.uint8), kind) for kind in ("PNG", "JPEG") * 50]
    broken = set(random.choice(count, bad, replace=False).tolist())
    for number in range(count):
        place = folder / f"{number // 1000:03}"
        if number % 1000 == 0:
            place.mkdir(parents=True)
        suffix, content = (".png", ".jpg")[number % 2], images[number % len(images)]
        if number in broken:
            content = [b"", b"no picture at all", content[:8], content[: len(content) // 2]][number // 2 % 4]
        elif number % 50 == 0:
            suffix = (".jpeg", ".bmp")[number // 50 % 2]  # whose content is another thing
        (place / f"{number:06}{suffix}").write_bytes(content)
    return folder


def _encoded(pixels: np.ndarray, kind: str) -> bytes:
    with io.BytesIO() as file:
        Image.fromarray(pixels).save(file, kind)
        return file.getvalue()


def write_recipe(place: Path) -> Path:
    """Write `tiny.keras`, a network that is traced in a second, and a recipe that trains it on digits."""
    import keras

    from sepzoo.artifact.model_file import attach, save
    from sepzoo.records.metadata import Metadata
    from sepzoo.records.preprocessing import ZERO_TO_ONE

    keras.utils.set_random_seed(5)
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, name="conv")(image)
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dropout(0.1, seed=1)(keras.layers.Flatten()(x))
    model = keras.Model(image, keras.layers.Dense(10, activation="softmax")(x), name="tiny")
    save(attach(model, Metadata("tiny", tuple("0123456789"), ZERO_TO_ONE)), place / "tiny.keras")
    recipe = place / "tiny.yaml"
    recipe.write_text(RECIPE.replace("NETWORK", str(place / "tiny.keras")))
    return recipe


def write_all(place: Path) -> dict[str, Command]:
    """Write what the commands take, and what older outputs they find."""
    import sepzoo
    from sepzoo.artifact.model_file import load, save
    from sepzoo.surgery import fold_batch_norm

    recipe, network, model = write_recipe(place), place / "tiny.keras", place / "tiny.tflite"
    sepzoo.export.tflite(load(network), model)
    older = place / "older"
    older.mkdir()
    save(fold_batch_norm(load(network))[0], older / "out.keras")
    (older / "tiny_float32.tflite").write_bytes(model.read_bytes() + b"older")
    (older / "tiny_xla").mkdir()
    (older / "tiny_xla" / "model").write_bytes(b"an older one")
    (older / "tiny_xla" / ".sepzoo-files").write_bytes(b"model")
    (older / "out.csv").write_text("picture,label,probability\nold.png,1,0.5000\n")
    return {
        "train": Command("train", ["train", recipe, "--out", "run"], ["run"], run_folder),
        "export": Command(
            "export",
            ["export", network, "--to", "tflite:float32,xla", "--out", "."],
            ["tiny_float32.tflite", "tiny_xla"],
            tflite_or_folder,
            {name: older / name for name in ("tiny_float32.tflite", "tiny_xla")},
        ),
        "rewrite": Command(
            "rewrite",
            ["rewrite", network, "--decouple", "terms=2", "--out", "out.keras"],
            ["out.keras"],
            keras_file,
            {"out.keras": older / "out.keras"},
        ),
        "folder": Command(
            "folder",
            [FOLDER_PROGRAM, model, pictures(place / "pictures"), "out.csv"],
            ["out.csv"],
            table,
            {"out.csv": older / "out.csv"},
            code=1,  # some of the pictures can't be read
        ),
    }
