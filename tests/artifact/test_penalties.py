"""What differs from stock Keras by the orthonormal penalty alone is handed over without it: it opens without sepzoo."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import applications, training
from sepzoo.artifact.model_file import load, metadata_of, save
from sepzoo.cli.app import main
from sepzoo.layers import BSConvS, OrthonormalRegularizer, hard_sigmoid
from sepzoo.layers.orthonormal import functional, orthonormal_kernels

OPEN = """
import sys
sys.modules["sepzoo"] = None
import keras, numpy as np
for path in sys.argv[1:]:
    model = keras.saving.load_model(path)
    images = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.save(path + ".npy", model.predict(images, verbose=0))
    print(type(model).__module__, type(model).__name__, sum(layer.kernel_regularizer is not None
          for layer in model.layers if hasattr(layer, "kernel_regularizer")))
"""
SMALL = {"alpha": 0.1, "conv": "bsconv_s", "classes": 10}
RECIPE = """
name: small
model: {name: mobilenet_v2, image_size: 32, channels: 1, arguments: {alpha: 0.1, conv: bsconv_s}}
data: {name: digits, crop_fraction: 1.0, held_out: 10}
optimizer: {learning_rate: 0.05}
epochs: 1
batch_size: 500
export: []
"""


def opened_without_sepzoo(*paths: Path) -> list[str]:
    """Open files where `import sepzoo` fails; outputs go beside them."""
    line = [sys.executable, "-c", OPEN, *map(str, paths)]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()


def command(*arguments: str | Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, arguments)])
    assert stopped.value.code == 0


def check_outputs(model: keras.Model, path: Path, *, varied: bool = True) -> None:
    images = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    expected = model.predict(images, verbose=0)
    assert not varied or np.ptp(expected, axis=0).max() > 1e-3
    np.testing.assert_allclose(np.load(f"{path}.npy"), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_is_handed_over_opens_without_sepzoo(tmp_path: Path) -> None:
    built, rewritten = tmp_path / "built.keras", tmp_path / "rewritten.keras"
    options = [f"--set={key}={value}" for key, value in SMALL.items()]
    command("build", "mobilenet_v2", *options, "--input-shape", "32,32,1", "--out", built)
    model = applications.build("mobilenet_v2", input_shape=(32, 32, 1), **SMALL)
    assert len(orthonormal_kernels(model)) == 17
    for layer in model.layers:
        if hasattr(layer, "gamma"):  # else the signal dies out on its way, and all images are answered alike
            layer.gamma.assign(4 * layer.gamma)
    saved = save(model, tmp_path / "saved.keras")
    assert len(orthonormal_kernels(model)) == 17  # the one in memory stays as it is
    model.save(tmp_path / "own.keras")  # by Keras, with the penalty
    command("rewrite", tmp_path / "own.keras", "--fold", "--out", rewritten)
    files = built, saved, rewritten
    assert opened_without_sepzoo(*files) == ["keras.src.models.functional Functional 0"] * 3
    for original, path in ((load(built), built), (model, saved), (load(rewritten), rewritten)):
        check_outputs(original, path, varied=path is saved)


@pytest.mark.slow
def test_of_a_run_the_best_network_opens_without_sepzoo_and_the_last_goes_on_with_the_penalty(tmp_path: Path) -> None:
    run = training.run(training.Recipe.from_yaml(RECIPE), tmp_path / "run", quiet=True)
    best, last = load(run.folder / "best.keras"), load(run.folder / "last.keras")
    assert (len(orthonormal_kernels(best)), len(orthonormal_kernels(last))) == (0, 17)
    assert metadata_of(best) == metadata_of(last) is not None
    assert opened_without_sepzoo(run.folder / "best.keras") == ["keras.src.models.functional Functional 0"]
    check_outputs(last, run.folder / "best.keras", varied=False)


def test_what_was_added_to_the_penalty_stays(tmp_path: Path) -> None:
    penalty = OrthonormalRegularizer(plus=keras.regularizers.L2(0.01))
    image = keras.Input((4, 4, 2))
    inner = functional(image, keras.layers.Conv2D(3, 1, kernel_regularizer=penalty)(image), name="inner")
    outer = keras.Model(image, keras.layers.GlobalAveragePooling2D()(inner(image)))
    found = load(save(outer, tmp_path / "nested.keras")).get_layer("inner")
    assert type(found) is type(outer)
    assert found.layers[1].kernel_regularizer.get_config() == {"l2": pytest.approx(0.01)}


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("kind", ["a layer of ours", "a function of ours", "nothing of ours"])
def test_other_files_stay_as_keras_wrote_them(kind: str, tmp_path: Path) -> None:
    image = keras.Input((4, 4, 2))
    penalty = None if kind == "nothing of ours" else OrthonormalRegularizer()
    x = keras.layers.Conv2D(3, 1, kernel_regularizer=penalty)(image)
    if kind == "a layer of ours":
        x = BSConvS(3, 3)(x)
    if kind == "a function of ours":
        x = keras.layers.Activation(hard_sigmoid.hard_sigmoid_keras2)(x)
    model = keras.Model(image, x)
    kept, handed = (
        members(save(model, tmp_path / "kept.keras", penalties=True)),
        members(save(model, tmp_path / "x.keras")),
    )
    assert json.loads(kept["config.json"]) == json.loads(handed["config.json"])
    assert list(kept) == list(handed)
