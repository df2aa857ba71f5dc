"""Write what this version saves into an archive of its own: `python -m tests.golden.write`.

Each later version must open these files and give the same answers; tests/test_golden.py holds it to that. An archive
that is there stays as it is.
"""

from __future__ import annotations

import shutil
import tempfile
from importlib import resources
from pathlib import Path

import keras
import numpy as np

import sepzoo
from sepzoo import export, training
from sepzoo.applications import build
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.layers import BSConvS, BSConvU, ColumnDraw, DropPath, DropPathJoin, conv2d
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import CAFFE

GOLDEN = Path(__file__).parent
RUN = ["model=hybrid_hypothesis_hybrid", "model.arguments={widths: [4, 6, 8]}", "model.image_size=8", "epochs=2"]


def network() -> keras.Model:
    """Return a network of one of each of our layers."""
    keras.utils.set_random_seed(3)
    x = image = keras.Input((8, 8, 3), name="image")
    x = BSConvU(4, 3, padding="symmetric", strides=2, name="u")(x)
    x = BSConvS(6, 3, padding="same", p=0.5, batch_norm=True, name="s")(x)
    x = conv2d("hybrid", 6, 3, padding="same", activation="relu", name="hybrid")(x)
    x = conv2d("separable", 6, 3, conv_options={"terms": 2, "order": "pw_dw"}, padding="same", name="sum")(x)
    x = conv2d("bsconv_u", 6, 3, padding=1, padding_mode="reflect", name="edge")(x)
    branch = DropPath(0.2, name="drop")(keras.layers.BatchNormalization(name="bn")(x))
    x = DropPathJoin([0, 1], 0.1, name="join")([x, branch, ColumnDraw(2, name="draw")(image)])
    x = keras.layers.Dense(5, activation="softmax", name="predictions")(keras.layers.Flatten()(x))
    model = drawn(keras.Model(image, x, name="golden"))
    return model_file.attach(model, Metadata("golden", labels=tuple("abcde"), preprocessing=CAFFE))


def drawn(model: keras.Model) -> keras.Model:
    """Give a network weights and statistics drawn at random."""
    random = np.random.default_rng(3)
    for variable in model.variables:
        if "seed" not in variable.path:
            variable.assign(random.uniform(0.5, 1.5, variable.shape) * (1 if "variance" in variable.path else 0.4))
    return model


def write(folder: Path) -> None:
    """Write one of each kind of file, and what each answers to the same pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    model = network()
    paths = {"network": model_file.save(model, folder / "network.keras")}
    zoo = drawn(build("cifar_resnet8_bsconvs_p1d4", input_shape=(8, 8, 3), classes=5))
    paths["zoo"] = model_file.save(zoo, folder / "zoo.keras")
    samples = Samples(pixels, labels=None, origin="noise", seed=0)
    tolerance = export.Tolerance()
    for quantize in (None, "int8"):
        name = f"network_{quantize or 'float32'}"
        paths[name] = folder / f"{name}.tflite"
        export.tflite(model, paths[name], quantize=quantize, calibration=samples, tolerance=tolerance)
    answers = {name: sepzoo.inference.open(path).predict(pixels) for name, path in paths.items()}
    shipped = resources.files("sepzoo.training").joinpath("recipes")
    for recipe in training.list_recipes():
        (folder / "recipes").mkdir(exist_ok=True)
        (folder / "recipes" / f"{recipe}.yaml").write_bytes(shipped.joinpath(f"{recipe}.yaml").read_bytes())
    with tempfile.TemporaryDirectory() as place:
        run = training.run(training.Recipe.load("digits").with_overrides(RUN), Path(place, "run"), quiet=True)
        for name in ("recipe.yaml", "metrics.jsonl", "result.json", "best.keras", "last.keras", "state.npz"):
            (folder / "run").mkdir(exist_ok=True)
            shutil.copyfile(run.folder / name, folder / "run" / name)
    scans = np.random.default_rng(1).integers(0, 256, (6, 8, 8, 1), np.uint8)
    answers["run"] = sepzoo.inference.open(folder / "run" / "best.keras").predict(scans)
    np.savez_compressed(folder / "answers.npz", pixels=pixels, scans=scans, **answers)


if __name__ == "__main__":
    target = GOLDEN / f"{sepzoo.__version__}.zip"
    if target.exists():
        raise SystemExit(f"{target} is there; it stays as it is.")
    with tempfile.TemporaryDirectory() as place:
        write(Path(place))
        shutil.make_archive(str(target.with_suffix("")), "zip", place)
