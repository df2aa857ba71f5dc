"""Pages of `sepzoo export --to browser` in a real browser: they see and answer what Python sees and answers."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from sepzoo import export, inference
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Interpolation, Preprocessing
from tests.chromium import Browser, chromium
from tests.export.networks import LABELS, samples, separable

pytestmark = pytest.mark.slow

ODD = Preprocessing(mean=(90.0, 120.0, 150.0), std=(30.0, 60.0, 50.0), crop_fraction=0.6, channel_order="bgr")
NAME = "</title> 'Ω' --> <script>"
NAMES = ("<b>ant</b>", "</script>bee", "猫", "-->dog")
ORIENTATION = 0x0112


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A page of floats, blue first; two of integers, also blue first; one of grey pixels and a single probability."""
    folder = tmp_path_factory.mktemp("pages")
    model = model_file.attach(separable(), Metadata(NAME, NAMES, preprocessing=ODD))
    plain = model_file.attach(separable(), Metadata("separable", LABELS))
    source = keras.Input((20, 30, 1))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, activation="tanh")(source))
    steep = keras.initializers.RandomNormal(stddev=20, seed=1)
    grey = keras.Model(source, keras.layers.Dense(1, activation="sigmoid", kernel_initializer=steep)(features))
    lanczos = Preprocessing(mean=(127.5,), std=(40.0,), crop_fraction=1.0, interpolation="lanczos")
    return {
        "float": export.browser(model, folder / "float.html").path,
        "int8": export.browser(
            plain, folder / "int8.html", quantize="int8", calibration=samples(plain, 50, seed=1)
        ).path,
        "int8, blue first": export.browser(
            model, folder / "blue.html", quantize="int8", calibration=samples(model, 50, seed=1)
        ).path,
        "grey": export.browser(grey, folder / "grey.html", labels=["no", "yes"], preprocessing=lanczos).path,
    }


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pictures of many forms: wide, high, tiny, long, grey, of a palette, turned by a camera, with a colour profile."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(3)

    def blobs(width: int, height: int) -> Image.Image:
        small = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
        return small.resize((width, height), Image.Resampling.BICUBIC)

    made: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        f"{width}x{height}.jpg": (blobs(width, height), {"quality": 90})
        for width, height in ((400, 300), (123, 457), (16, 16), (17, 15), (3, 2), (900, 5), (2, 700))
    }
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    made["turned.jpg"] = (blobs(300, 200), {"exif": exif})
    made["grey.jpg"] = (blobs(90, 70).convert("L"), {})
    made["palette.png"] = (blobs(64, 64).quantize(16), {})
    made["lossless.webp"] = (blobs(80, 50), {"lossless": True})
    made["first.gif"] = (blobs(50, 60).quantize(32), {})
    for name, (image, options) in made.items():
        image.save(folder / name, **options)
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    ("kind", "within"), [("float", 1e-4), ("int8", 1 / 255), ("int8, blue first", 1 / 255), ("grey", 1e-4)]
)
def test_a_page_answers_as_python_does(
    kind: str, within: float, pages: dict[str, Path], pictures: list[Path], browser: Browser
) -> None:
    browser.open(pages[kind])
    file = inference.open(pages[kind])
    expected = file.predict(pictures)
    assert np.ptp(expected, axis=0).max() > 0.1  # pictures that are answered differently
    for path, answer, row in zip(pictures, browser.classify(pictures), expected, strict=True):
        assert (answer.title, answer.done) == (path.name, "yes")
        assert len(answer.classes) == min(5, len(row))
        assert answer.labels == [file.require_labels()[index] for index in answer.classes]
        np.testing.assert_allclose(answer.probabilities, row[answer.classes], atol=within, err_msg=path.name)
        assert answer.probabilities == sorted(answer.probabilities, reverse=True)
        assert answer.probabilities[0] >= row.max() - within


def forms() -> Iterator[tuple[Interpolation, int, float, tuple[int, int], tuple[int, int]]]:
    """Yield ways to resize: interpolation, channels, crop, and both sizes as (width, height)."""
    random = np.random.default_rng(11)
    methods: tuple[Interpolation, ...] = ("nearest", "bilinear", "bicubic", "lanczos")
    for number in range(48):
        long = number % 6 == 5  # so long that Python resizes the part that is seen alone
        given = (int(random.integers(1, 9)), int(random.integers(300, 900))) if long else random.integers(1, 120, 2)
        wanted = random.integers(1, 40, 2)
        crop = float(random.choice([1.0, 0.875, 0.5, 0.31]))
        sizes = [(int(each[0]), int(each[1])) for each in (given, wanted)]
        yield methods[number % 4], (1, 3)[number // 4 % 2], crop, sizes[0], sizes[1]


def test_a_page_sees_the_pixels_that_python_sees(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["float"])
    random, script = np.random.default_rng(5), (
        "const data = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));"
        "return [...seenPixels({data, width: arguments[1], height: arguments[2]}, arguments[3])];"
    )  # fmt: skip
    longest = 0
    for interpolation, channels, crop, given, wanted in forms():
        pixels = random.integers(0, 256, (given[1], given[0], 4), np.uint8)
        said = Preprocessing(crop_fraction=crop, interpolation=interpolation)
        expected = said.resize(Image.fromarray(pixels), (wanted[1], wanted[0]), channels=channels)
        network = {"width": wanted[0], "height": wanted[1], "channels": channels, "crop_fraction": crop,
                   "interpolation": interpolation}  # fmt: skip
        found = browser.run(script, base64.b64encode(pixels).decode(), *given, network)
        within = 1 if interpolation == "lanczos" else 0  # whose sines differ in the last bit
        np.testing.assert_allclose(
            np.reshape(found, expected.shape), expected, atol=within, err_msg=f"{network} of {given}"
        )
        longest = max(longest, *given)
    assert longest > 300


def test_pictures_are_dropped_and_pasted(pages: dict[str, Path], pictures: list[Path], browser: Browser) -> None:
    browser.open(pages["float"])
    [expected] = browser.classify(pictures[:1])
    script = """
    const bytes = Uint8Array.from(atob(arguments[0]), (c) => c.charCodeAt(0));
    const data = new DataTransfer();
    if (bytes.length) data.items.add(new File([bytes], "dropped.png", {type: "image/png"}));
    else data.setData("text/uri-list", "https://example.org/cat.jpg");
    const event = arguments[1] === "paste" ? new ClipboardEvent("paste", {clipboardData: data, bubbles: true})
      : new DragEvent(arguments[1], {dataTransfer: data, bubbles: true, cancelable: true});
    document.body.dispatchEvent(event);
    return event.defaultPrevented;
    """
    stream = io.BytesIO()
    Image.open(pictures[0]).save(stream, "PNG")
    for count, kind in enumerate(("drop", "paste"), start=2):
        assert browser.run(script, base64.b64encode(stream.getvalue()).decode(), kind) == (kind == "drop")
        assert browser.answers(count)[0].probabilities == expected.probabilities
    browser.run(script, "", "drop")
    assert browser.status == "Expected a picture's file: a page that loads nothing cannot follow an address."


def test_the_camera_is_classified_until_it_is_stopped(pages: dict[str, Path], browser: Browser) -> None:
    browser.open(pages["float"])
    browser.click("camera")
    [answer] = browser.answers(1)
    assert (answer.title, len(answer.classes)) == ("camera", 4)
    assert sum(answer.probabilities) == pytest.approx(1, abs=1e-5)
    assert answer.time.endswith("ms to resize")
    browser.wait(lambda: browser.answers(1)[0].time != answer.time)
    browser.click("camera")
    browser.wait(lambda: browser.answers(0) == [])


def test_what_is_no_picture_is_said_and_the_others_are_answered(
    pages: dict[str, Path], pictures: list[Path], browser: Browser, tmp_path: Path
) -> None:
    browser.open(pages["float"])
    (tmp_path / "notes.jpg").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(pictures[0].read_bytes()[:20])
    found = browser.classify([tmp_path / "notes.jpg", pictures[0], tmp_path / "cut.jpg"])
    assert [answer.done for answer in found] == ["failed", "yes", "failed"]
    assert found[0].time == "expected a picture. Received: notes.jpg, which this browser cannot show."


def test_a_page_shows_its_names_loads_nothing_and_may_not(pages: dict[str, Path], browser: Browser) -> None:
    browser.driver.get_log("browser")
    browser.open(pages["float"])
    assert (browser.driver.title, browser.run("return document.querySelector('h1').textContent")) == (NAME, NAME)
    loaded = browser.run("return performance.getEntriesByType('resource').map((each) => each.name)")
    assert [name for name in loaded if not name.startswith("blob:")] == []
    said = [entry["message"] for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert [
        text for text in said if "INFO: " not in text and "npu_registry" not in text
    ] == []  # the runtime's own lines
    refused = browser.run("return fetch('https://example.org').then(() => '', (problem) => problem.message)")
    assert refused == "Failed to fetch"
    policy = [entry["message"] for entry in browser.driver.get_log("browser")]
    assert any("Content Security Policy" in text for text in policy)


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_real_photographs_are_answered_as_in_python(
    quantize: Any, shared: Path, browser: Browser, tmp_path: Path
) -> None:
    model = keras.applications.MobileNet(alpha=0.25, weights=None)
    model.load_weights(shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5")
    model_file.attach(model, Metadata("mobilenet_v1"))
    photographs = sorted((shared / "data" / "imagenet_sample" / "images").iterdir())[::10]
    pixels = from_model(model).pixels(photographs)
    calibration = Samples(pixels, None, origin="photographs", seed=0)
    path = export.browser(model, tmp_path / "page.html", quantize=quantize, calibration=calibration).path
    expected = inference.open(path).predict(photographs)
    browser.open(path)
    answers = browser.classify(photographs)
    same = [answer.classes[0] == row.argmax() for answer, row in zip(answers, expected, strict=True)]
    assert (len(same), sum(same) >= 49) == (50, True)
    for answer, row in zip(answers, expected, strict=True):
        np.testing.assert_allclose(answer.probabilities, row[answer.classes], atol=0.01)
