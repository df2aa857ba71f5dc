"""What every opened file can do, on a classifier whose answers are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.inference import Prediction
from sepzoo.inference.classifier import Classifier
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Colours(Classifier):
    """Answers with the mean red, green and blue of what it is shown."""

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        return self.require_preprocessing().normalize(pixels)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        return tensor.mean(axis=(1, 2))


def colours(**changes: object) -> Colours:
    fields: dict = {
        "labels": ("red", "green", "blue"),
        "preprocessing": Preprocessing(mean=(0.0,), std=(255.0,), crop_fraction=1.0),
        "outputs": (Output("softmax"),),
    }
    shape = changes.pop("input_shape", (4, 4, 3))
    metadata = Metadata("colours", **{**fields, **changes})
    return Colours(metadata=metadata, input_shape=shape, output_shape=(3,))


def plain(colour: tuple[int, int, int], height: int = 4, width: int = 4) -> np.ndarray:
    return np.tile(np.array(colour, np.uint8), (height, width, 1))


RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_predicts_a_batch_in_its_order() -> None:
    images = np.stack([plain(RED), plain(BLUE), plain(GREEN)])
    np.testing.assert_array_equal(colours().predict(images), np.eye(3)[[0, 2, 1]])
    assert colours().predict(images).dtype == np.float32


def test_batch_size_changes_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 3), np.uint8)
    np.testing.assert_array_equal(colours().predict(images, batch_size=3), colours().predict(images, batch_size=100))


def test_takes_arrays_pictures_and_paths_of_any_size(tmp_path: Path) -> None:
    Image.fromarray(plain(BLUE, 30, 20)).save(tmp_path / "blue.png")
    images = [plain(RED, 9, 5), Image.fromarray(plain(GREEN, 50, 8)), tmp_path / "blue.png", str(tmp_path / "blue.png")]
    np.testing.assert_allclose(colours().predict(images), np.eye(3)[[0, 1, 2, 2]], atol=1e-6)


def test_takes_one_path(tmp_path: Path) -> None:
    Image.fromarray(plain(BLUE)).save(tmp_path / "blue.png")
    np.testing.assert_array_equal(colours().predict(tmp_path / "blue.png"), [[0, 0, 1]])


def test_crops_other_sizes_as_the_preprocessing_says() -> None:
    image = plain(GREEN, 8, 8)
    image[2:6, 2:6] = RED
    half = Preprocessing(mean=(0.0,), std=(255.0,), crop_fraction=0.5)
    np.testing.assert_array_equal(colours(preprocessing=half).predict([image]), [[1, 0, 0]])
    np.testing.assert_array_equal(colours(preprocessing=half).predict([image[2:6, 2:6]]), [[1, 0, 0]])


def test_grey_images_feed_a_colour_network_and_the_other_way_round() -> None:
    grey = np.full((1, 4, 4, 1), 51, np.uint8)
    np.testing.assert_allclose(colours().predict(grey), [[0.2, 0.2, 0.2]], rtol=1e-6)
    assert colours(input_shape=(4, 4, 1)).pixels([plain((51, 51, 51))]).tolist() == grey.tolist()


def test_softmax_of_logits_without_overflow() -> None:
    loud = Preprocessing(mean=(0.0,), std=(0.01,))
    logits = colours(outputs=(Output("logits"),))
    np.testing.assert_allclose(logits.predict([plain(RED)]), [np.exp([1, 0, 0]) / np.exp([1, 0, 0]).sum()], rtol=1e-6)
    np.testing.assert_array_equal(
        colours(outputs=(Output("logits"),), preprocessing=loud).predict([plain(RED)]), [[1, 0, 0]]
    )


def test_nothing_in_nothing_out() -> None:
    assert colours().predict([]).shape == (0, 3)
    assert colours().pixels([]).shape == (0, 4, 4, 3)


def test_top_is_ranked_and_named() -> None:
    top = colours().top(np.array([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]]), k=2)
    assert top[0] == [Prediction("green", 0.5, 1), Prediction("blue", 0.3, 2)]
    assert [each.label for each in top[1]] == ["red", "blue"]


def test_top_of_a_file_without_labels_says_so() -> None:
    advice = r"labels=\[\.\.\.\] \(on the command line: --labels\)\.$"
    with pytest.raises(SepzooError, match=rf"colours: expected a file with labels\. .*{advice}"):
        colours(labels=None).top(np.eye(3))


@pytest.mark.parametrize(("name", "numbers"), [("mean", (1.0, 2.0)), ("std", (1.0, 2.0, 3.0, 4.0))])
def test_numbers_of_the_pixels_must_fit_the_channels(name: str, numbers: tuple[float, ...]) -> None:
    with pytest.raises(SepzooError) as error:
        colours(preprocessing=Preprocessing(**{name: numbers}))
    assert str(error.value) == (
        f"colours: expected {name} of the pixels as one number, or one for each of its 3 channels. "
        f"Received: {name}={numbers}."
    )


def test_labels_must_be_as_many_as_outputs() -> None:
    with pytest.raises(SepzooError, match=r"Received: 2 labels for 3 outputs\."):
        colours(labels=("red", "green"))


def test_predicting_without_preprocessing_says_what_to_do() -> None:
    with pytest.raises(SepzooError, match=r"preprocessing=Preprocessing\(mean=\.\.\., std=\.\.\.\)"):
        colours(preprocessing=None).predict([plain(RED)])


def test_floats_are_refused_since_they_may_be_normalized_already() -> None:
    with pytest.raises(SepzooError, match=r"of 0 … 255, as uint8\. Received: float32 of 0 … 0\."):
        colours().predict(np.zeros((1, 4, 4, 3), np.float32))


def test_a_single_image_is_refused_with_the_remedy() -> None:
    with pytest.raises(SepzooError, match=r"Received: \(4, 4, 3\)\. A single image goes in as image\[None\]\."):
        colours().predict(plain(RED))


def test_channels_that_no_image_has_are_taken_as_arrays_alone() -> None:
    odd = colours(input_shape=(4, 4, 2), labels=None)
    assert odd.prepare(np.full((1, 4, 4, 2), 255, np.uint8)).tolist() == np.ones((1, 4, 4, 2)).tolist()
    with pytest.raises(SepzooError, match=r"expected images of 1, 3 or 4 channels\. Received: \(4, 4, 2\)\."):
        odd.predict([plain(RED)])


def test_bad_files_are_counted_and_named_over_all_batches(tmp_path: Path) -> None:
    Image.fromarray(plain(BLUE)).save(tmp_path / "good.png")
    (tmp_path / "text.jpg").write_text("no picture")
    files = [tmp_path / "good.png", tmp_path / "text.jpg", tmp_path / "good.png", tmp_path / "missing.png"]
    with pytest.raises(SepzooError) as caught:
        colours().predict(files, batch_size=2)
    text = str(caught.value)
    assert text.startswith("2 of 4 images cannot be read.")
    assert f"{tmp_path / 'text.jpg'}: no picture." in text
    assert f"{tmp_path / 'missing.png'}: no such file." in text
    assert "\n" not in text
