"""The story of a run: what it counts against NumPy, and that its page needs nothing else."""

from __future__ import annotations

import base64
import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.data.arrays import ArraySource
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.training import Networks, Recipe
from sepzoo.training.assessment import Assessment, Mistake, assess
from sepzoo.training.confusion_plot import NAMED, plot_confusion
from sepzoo.training.page import write_page
from sepzoo.training.plots import plot_curves
from tests.training.small_training import small_network
from tests.training.test_run_folder import record, result

NAMES = ("<b>", "c & d", *(f"class {number}" for number in range(2, 10)))


@pytest.fixture(scope="module")
def assessed() -> tuple[Assessment, ArraySource, np.ndarray]:
    random = np.random.default_rng(0)
    source = ArraySource(random.integers(0, 256, (60, 8, 8, 1), dtype=np.uint8), random.integers(0, 10, 60), NAMES)
    model = small_network()
    logits_layer = model.get_layer("logits")
    logits_layer.set_weights([random.normal(size=each.shape) for each in logits_layer.get_weights()])
    networks = Networks.of(model, ZERO_TO_ONE)
    logits = model(ZERO_TO_ONE.normalize(source.pixels)).numpy().astype("float64")
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return assess(networks, source, batch_size=16, data="noise (60 images)"), source, probabilities


def test_classes_and_confusion_are_counted(assessed: tuple[Assessment, ArraySource, np.ndarray]) -> None:
    found, source, probabilities = assessed
    called = probabilities.argmax(1)
    for row in range(10):
        for column in range(10):
            assert found.confusion[row, column] == ((source.labels == row) & (called == column)).sum()
        score = found.scores[row]
        assert score.images == (source.labels == row).sum()
        assert score.recall == pytest.approx((called[source.labels == row] == row).mean())
        if (called == row).any():
            assert score.precision == pytest.approx((source.labels[called == row] == row).mean())
        else:
            assert score.precision is None


def test_the_worst_mistakes_are_the_surest(assessed: tuple[Assessment, ArraySource, np.ndarray]) -> None:
    found, source, probabilities = assessed
    wrong = np.flatnonzero(probabilities.argmax(1) != source.labels)
    surest = sorted(wrong, key=lambda at: -probabilities[at].max())[:12]
    assert [each.confidence for each in found.mistakes] == pytest.approx(
        [probabilities[at].max() for at in surest], rel=1e-4
    )
    first = found.mistakes[0]
    np.testing.assert_array_equal(first.pixels, source.pixels[surest[0]])
    assert (first.right, first.given) == (
        f"{NAMES[source.labels[surest[0]]]}",
        f"{NAMES[probabilities[surest[0]].argmax()]}",
    )


class Reader(HTMLParser):
    """Collects the addresses and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_holds_all_of_it(assessed: tuple[Assessment, ArraySource, np.ndarray], tmp_path: Path) -> None:
    found, _, _ = assessed
    history = [record(1), record(2, 0.75)]
    plot_curves(history, tmp_path / "curves.png", title="run")
    page = write_page(tmp_path, Recipe.load("digits"), history, result(), found)
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert all(source.startswith("data:image/png;base64,") for source in reader.sources)
    assert len(reader.sources) == 2 + len(found.mistakes)
    shown = [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in reader.sources]
    np.testing.assert_array_equal(np.asarray(shown[2]), found.mistakes[0].pixels[..., 0])
    text = "".join(reader.text)
    for words in ("<b>", "c & d", "0.7500", "learning_rate: 0.1", "test accuracy"):
        assert words in text
    assert not re.search(r"https?://", re.sub(r"<pre>.*</pre>", "", page.read_text(), flags=re.DOTALL))
    with (tmp_path / "classes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == list(NAMES)
    assert sum(int(row["images"]) for row in rows) == 60


@pytest.mark.parametrize("count", [2, NAMED + 1])
def test_the_confusion_is_drawn_with_names_where_there_is_room(count: int, tmp_path: Path, drawn: list) -> None:
    confusion = np.eye(count, dtype=int) * 5
    confusion[0, 1] = 3
    plot_confusion(confusion, [f"name {n}" for n in range(count)], tmp_path / "c.png", title="t")
    axes = drawn[0].axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert (labels[0] == "name 0") == (count <= NAMED)
    np.testing.assert_allclose(axes.images[0].get_array()[0, :2], [5 / 8, 3 / 8])
    assert len(axes.texts) == (count + 1 if count <= NAMED else 0)


def test_a_mistake_of_one_channel_is_grey() -> None:
    from sepzoo.training.page import _png

    mistake = Mistake(np.full((4, 4, 3), 9, np.uint8), "a", "b", 0.5)
    assert Image.open(io.BytesIO(_png(mistake.pixels))).mode == "RGB"
    assert Image.open(io.BytesIO(_png(mistake.pixels[..., :1]))).mode == "L"
