"""Another runtime reads our files: mediapipe's ImageClassifier, in an environment of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo import inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import Tolerance, tflite
from sepzoo.export.formats.tflite import MODES
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ChannelOrder, Preprocessing
from tests.export.formats.test_tflite_pixels import normalized
from tests.export.networks import pixels, samples, separable
from tests.extras import needed

SCRIPT = Path(__file__).with_name("mediapipe_classify.py")

pytestmark = pytest.mark.slow


def classify(python: Path, images: Iterable[np.ndarray], folder: Path, *models: Path) -> list[list[list[list]]]:
    """Return what files answer to images, of shapes (height, width, 3), which are written to a folder: by model."""
    done = run(python, images, folder, *models)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(python: Path, images: Iterable[np.ndarray], folder: Path, *models: Path) -> subprocess.CompletedProcess[str]:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03}.png")
    command = [str(python), str(SCRIPT), str(folder), *map(str, models)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_mediapipe_answers_as_we_do(mediapipe_python: Path, tmp_path: Path) -> None:
    model = separable(size=32)
    calibration = samples(model, 60, seed=1)
    exact = tflite(model, tmp_path / "float32.tflite", check=calibration)
    small = tflite(model, tmp_path / "int8.tflite", quantize="int8", calibration=calibration)
    images = np.concatenate([pixels(1, 32, seed=seed) for seed in range(3)])
    files = [inference.open(report.path) for report in (exact, small)]
    for image, answers in zip(
        images, classify(mediapipe_python, images, tmp_path / "images", exact.path, small.path), strict=True
    ):
        for file, answer in zip(files, answers, strict=True):
            ours = file.predict(image[None])
            label, score, index = answer[0]
            assert score == pytest.approx(ours.max(), abs=1e-4)
            assert (label, ours[0, index]) == (file.labels[index], ours.max())


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_mediapipe_answers_as_the_network_whose_preprocessing_is_inside(
    order: ChannelOrder, mediapipe_python: Path, tmp_path: Path
) -> None:
    """It knows no other order of channels, and normalizes no input of 8 bits."""
    said = Preprocessing(mean=(80.0, 120.0, 150.0), std=(90.0, 150.0, 120.0), channel_order=order)
    model = separable(size=32)
    calibration = Samples(pixels(60, 32, seed=1), None, origin="coloured quarters", seed=1)
    given = {"calibration": calibration, "preprocessing": said, "tolerance": Tolerance()}
    paths = [tmp_path / f"{name}.tflite" for name in ("int8", "int8_per_tensor")]
    for path in paths:
        tflite(model, path, quantize=path.stem, **given)
    for name in ("float32", "int8_float_io", "int16x8"):
        paths.append(tmp_path / f"{name}.tflite")
        tflite(model, paths[-1], quantize=None if name == "float32" else name, embed_preprocessing=True, **given)
    images = pixels(16, 32, seed=4)
    expected = model.predict(normalized(images, said), verbose=0)
    assert len(set(expected.argmax(axis=1))) > 1
    found = np.zeros((len(paths), *expected.shape))
    for number, answers in enumerate(classify(mediapipe_python, images, tmp_path / "images", *paths)):
        for file, answer in enumerate(answers):
            for _label, score, index in answer:
                found[file, number, index] = score
    for path, scores in zip(paths, found, strict=True):
        shown = np.where(scores, expected, 0)  # the three likeliest
        assert np.abs(scores - shown).mean() < (1e-4 if path.stem == "float32" else 0.03), path.stem


def test_mediapipe_takes_no_edges_of_int8(mediapipe_python: Path, tmp_path: Path) -> None:
    model = separable(size=32)
    path = tmp_path / "int8.tflite"
    tflite(model, path, quantize="int8", calibration=samples(model, 60, seed=1), edges="int8")
    done = run(mediapipe_python, pixels(1, 32), tmp_path / "images", path)
    assert done.returncode
    assert "Requested one of these types: uint8/float32, got INT8" in done.stderr


@pytest.mark.nightly
def test_mediapipe_reads_every_mode(mediapipe_python: Path, tmp_path: Path) -> None:
    needed("ai_edge_quantizer", "quant")
    model = separable(size=32)
    calibration = samples(model, 60, seed=1)
    paths = [tmp_path / f"{name}.tflite" for name in MODES if name != "float32"]
    for path in paths:
        tflite(model, path, quantize=path.stem, calibration=calibration, tolerance=Tolerance())
    best = {seed: model.predict(pixels(1, 32, seed=seed) / 127.5 - 1, verbose=0).max() for seed in range(40)}
    image = pixels(1, 32, seed=min(best, key=lambda seed: abs(best[seed] - 0.75)))
    [answers] = classify(mediapipe_python, image, tmp_path / "images", *paths)
    for path, answer in zip(paths, answers, strict=True):
        file = inference.open(path)
        [ours] = file.predict(image)
        assert 0.6 < ours.max() < 0.9
        assert (answer[0][0], answer[0][2]) == (file.labels[ours.argmax()], ours.argmax())
        within = 0.1 if MODES[path.stem].calibrated else 1e-4  # one step of this network's 8-bit logits is so much
        scores = {index: score for _, score, index in answer}
        np.testing.assert_allclose(list(scores.values()), ours[list(scores)], atol=within, err_msg=path.stem)


def test_mediapipe_answers_as_we_do_on_photographs(
    mediapipe_python: Path, photographs: list[Path], shared: Path, tmp_path: Path
) -> None:
    import keras

    model = keras.applications.MobileNet(alpha=0.25, weights=None)
    model.load_weights(shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5")
    index = json.loads((shared / "data" / "imagenet_sample" / "imagenet_class_index.json").read_text())
    model_file.attach(model, Metadata("mobilenet_v1", tuple(index[str(number)][1] for number in range(1000))))
    file = inference.open(tflite(model, tmp_path / "float32.tflite").path)
    images = file.pixels(photographs[:60])
    calibration = Samples(images, None, origin="photographs", seed=0)
    int8 = tflite(model, tmp_path / "int8.tflite", quantize="int8", calibration=calibration, tolerance=Tolerance())
    files = {tmp_path / "float32.tflite": file, int8.path: inference.open(int8.path)}
    chosen = images[5::20]
    for image, answers in zip(chosen, classify(mediapipe_python, chosen, tmp_path / "images", *files), strict=True):
        for opened, answer in zip(files.values(), answers, strict=True):
            ours = opened.predict(image[None])
            ranked = np.sort(ours[0])[::-1][:3]
            np.testing.assert_allclose([score for _, score, _ in answer], ranked, atol=1e-4)
            assert answer[0][0] in {found.label for found in opened.top(ours, 5)[0] if found.probability == ours.max()}
