"""Pages: what is in them, what is refused, and the runtime that they hold; a real browser opens them elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import export, inference
from sepzoo.artifact import model_file
from sepzoo.artifact.browser_page import model_in
from sepzoo.artifact.inspection.checking import inspect
from sepzoo.data import Samples
from sepzoo.export import ExportReport
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError
from tests import several_models
from tests.export.networks import pixels, separable
from tests.test_imports import ROOT

RUNTIME = ROOT / "sepzoo" / "export" / "page" / "runtime"
NAMES = ("<b>ant</b>", "</script><script>bee()", "猫", "-->\udcffdog")


@pytest.fixture(scope="module")
def page(check: Samples, tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    """Of a network whose names would end a script, a title and a comment."""
    model = model_file.attach(separable(), Metadata("</title>-->@model@", NAMES))
    return export.browser(model, tmp_path_factory.mktemp("page") / "page.html", check=check)


class Elements(HTMLParser):
    """The elements of a page that hold text alone, by name and id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None, str]] = []
        self.comments: list[str] = []
        self._open: tuple[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = (tag, dict(attrs).get("id"))

    def handle_data(self, data: str) -> None:
        if self._open is not None and data.strip():
            self.found.append((*self._open, data))

    def handle_endtag(self, tag: str) -> None:
        self._open = None

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def test_a_page_is_opened_like_any_file(page: ExportReport, model: keras.Model) -> None:
    assert page.comparison.max_error < 1e-5
    opened = inference.open(page.path)
    assert opened.name == "</title>-->@model@"
    assert opened.labels == NAMES
    images = pixels(6, seed=4)
    expected = model.predict(images / np.float32(127.5) - 1, verbose=0)
    np.testing.assert_allclose(opened.predict(images), expected, atol=1e-4)
    found = inspect(page.path)
    assert (found.format, found.runs_code, found.reads_files) == (".html", (), ())
    assert {layer.kind for layer in found.layers} >= {"CONV_2D", "DEPTHWISE_CONV_2D", "SOFTMAX"}
    assert export.verify(page.path).passed


def test_no_name_gets_out_of_its_place(page: ExportReport) -> None:
    elements = Elements(page.path.read_text(encoding="utf-8"))
    scripts = [(identity, text) for tag, identity, text in elements.found if tag == "script"]
    assert [identity for identity, _ in scripts] == [
        "sepzoo-network",
        "sepzoo-model",
        "sepzoo-runtime",
        None,
        None,
        None,
    ]
    network = json.loads(scripts[0][1])
    assert network["labels"] == list(NAMES)
    titles = [text for tag, _, text in elements.found if tag in ("title", "h1")]
    assert titles == ["</title>-->@model@"] * 2
    [comment] = elements.comments
    assert json.loads(comment.strip().removeprefix("sepzoo-check.json"))["name"] == "</title>-->@model@"


def test_a_page_says_of_each_pixel_what_python_makes_of_it(page: ExportReport) -> None:
    elements = Elements(page.path.read_text(encoding="utf-8"))
    [network] = [json.loads(text) for _, identity, text in elements.found if identity == "sepzoo-network"]
    table = np.frombuffer(base64.b64decode(network["table"]), "<f4").reshape(256, 3)
    expected = np.arange(256, dtype=np.float32)[:, None] / np.float32(127.5) - 1
    np.testing.assert_allclose(table, np.repeat(expected, 3, axis=1), atol=1e-6)
    assert (network["width"], network["height"], network["crop_fraction"]) == (16, 16, 0.875)


@pytest.mark.parametrize(
    ("made", "arguments", "why"),
    [
        (lambda: several_models.dictionaries(), {}, "has several inputs or outputs"),
        (lambda: separable(), {"outputs": "values"}, "gives no class scores"),
        (lambda: _plain((4,)), {}, "takes no picture"),
        (lambda: _plain((8, 8, 3)), {"features": Features((8, 8, 3))}, "takes no picture"),
        (lambda: _plain((8, 8, 4)), {}, "takes opacity too, which no browser hands over unchanged"),
    ],
)
def test_what_shows_no_picture_is_refused_before_it_is_converted(
    made: Callable[[], keras.Model], arguments: dict, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepzoo.export.pipeline.convert", None)
    model = made()
    for target in ("browser", "browser:int8"):
        with pytest.raises(SepzooError) as caught:
            export.export(model, target, tmp_path / "page.html", calibration=_noise(), **arguments)
        assert str(caught.value) == (
            "browser: expected a network that takes one picture and gives class scores. Received: "
            f"{model.name!r}, which {why}. Export tflite:float32."
        )
    assert list(tmp_path.iterdir()) == []


def _plain(shape: tuple[int, ...]) -> keras.Model:
    source = keras.Input(shape)
    return keras.Model(
        source, keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(source)), name="plain"
    )


def _noise() -> Samples:
    return Samples(pixels(3), None, origin="coloured quarters", seed=0)


def _model_start(content: bytes) -> int:
    return content.index(b'id="sepzoo-model">') + len(b'id="sepzoo-model">')


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda page: page[: _model_start(page) + 4000], "its model is cut off"),
        (lambda page: page[: page.index(b'<script type="application/octet')], "it holds no models instead of one"),
        (lambda page: page + page, "it holds 2 models instead of one"),
        (
            lambda page: page[: _model_start(page) + 8] + b"!" + page[_model_start(page) + 9 :],
            "Only base64 data is allowed",
        ),
        (lambda page: page.replace(b'sepzoo-model">', b'sepzoo-model">AAAA', 1), "."),
    ],
)
def test_a_damaged_page_is_one_line(
    damage: Callable[[bytes], bytes], why: str, page: ExportReport, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(damage(page.path.read_bytes()))
    for ask in (inference.open, inspect, export.verify):
        with pytest.raises(SepzooError) as caught:
            ask(path)
        assert str(caught.value).startswith(f"{path}: expected a page with a network in it. Received: a damaged one (")
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", [b"<title>", b"#drop", b'"labels"', b"TkRE", b"litert", b"seenPixels", b"sha256:"])
def test_a_byte_that_changed_is_found(place: bytes, page: ExportReport, tmp_path: Path) -> None:
    content = bytearray(page.path.read_bytes())
    content[content.index(place) + len(place) + 1] ^= 1
    (tmp_path / "page.html").write_bytes(content)
    with pytest.raises(SepzooError, match=r"Received: (one that was changed since|a damaged one|a damaged record)"):
        export.verify(tmp_path / "page.html")


def test_a_page_of_somebody_else_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("<!DOCTYPE html><title>Cats</title>")
    with pytest.raises(SepzooError, match="it holds no models instead of one"):
        inference.open(path)


def test_the_runtime_is_what_the_build_wrote() -> None:
    about = json.loads((RUNTIME / "about.json").read_text(encoding="utf-8"))
    script, wasm = (RUNTIME / "runtime.js").read_bytes(), gzip.decompress((RUNTIME / "runtime.wasm.gz").read_bytes())
    assert {"runtime.js": hashlib.sha256(script).hexdigest(), "runtime.wasm": hashlib.sha256(wasm).hexdigest()} == (
        about["sha256"]
    )
    assert wasm[:4] == b"\0asm"
    assert sum(file.stat().st_size for file in RUNTIME.iterdir()) < 4_000_000
    locked = json.loads((ROOT / "applications" / "browser" / "package-lock.json").read_text(encoding="utf-8"))[
        "packages"
    ]
    assert {name: each["integrity"] for name, each in about["packages"].items()} == {
        name.removeprefix("node_modules/"): each["integrity"]
        for name, each in locked.items()
        if name.startswith("node_modules/@litertjs/")
    }
    assert {each["license"] for each in about["packages"].values()} == {"Apache-2.0"}
    assert "Apache License" in (RUNTIME / "LICENSE").read_text(encoding="utf-8")
    assert b"http" not in script  # it names no place to load from


def test_a_page_is_as_large_as_its_parts(page: ExportReport) -> None:
    content = page.path.read_bytes()
    parts = [len(model_in(content)), (RUNTIME / "runtime.wasm.gz").stat().st_size]
    assert page.size == len(content) < sum(parts) * 4 / 3 + 250_000
