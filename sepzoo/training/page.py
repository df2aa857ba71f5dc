"""A run as one HTML page, with all pictures inside: it opens without a network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sepzoo.support.atomic import atomic_write
from sepzoo.support.csv_file import write_csv
from sepzoo.training.assessment import Assessment, Mistake
from sepzoo.training.confusion_plot import plot_confusion
from sepzoo.training.finished_run import Epoch, Result, best_of
from sepzoo.training.recipe import Recipe

PAGE, CLASSES, CONFUSION = "report.html", "classes.csv", "confusion.png"
_SHOWN_CLASSES = 200

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2733 }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse } img { max-width: 100% }
th, td { padding: .15rem .8rem; border-bottom: 1px solid #dde3e9; text-align: right }
th:first-child, td:first-child { text-align: left } pre { background: #f3f5f7; padding: 1rem; overflow: auto }
.mistakes { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; width: 8.5rem }
figure img { width: 8.5rem; image-rendering: pixelated } figcaption { font-size: .85rem }
"""


def write_page(folder: Path, recipe: Recipe, history: Sequence[Epoch], result: Result, assessed: Assessment) -> Path:
    """Write `report.html`, `classes.csv` and for classes `confusion.png` into a run's folder, and return the page.

    Args:
        folder: with `curves.png` in it.
        recipe: as run.
        history: of all epochs.
        result: the run's end.
        assessed: the best network on the test images, or on the validation images where there are none.
    """
    header = ["name", "images", "recall", "precision", "mean absolute error"]
    rows = [(each.name, each.images, each.recall, each.precision, each.error) for each in assessed.scores]
    write_csv(folder / CLASSES, header, rows)
    pictures = [_figure((folder / "curves.png").read_bytes(), "learning curves")]
    if assessed.confusion is not None:
        names = [each.name for each in assessed.scores]
        plot_confusion(assessed.confusion, names, folder / CONFUSION, title=assessed.data)
        pictures.append(_figure((folder / CONFUSION).read_bytes(), "confusion matrix"))
    best, last = best_of(history), history[-1]
    measures = [
        ("epoch", best.epoch, last.epoch),
        (f"validation {result.measure}", best.val_accuracy, last.val_accuracy),
        ("validation top-5", best.val_top5, last.val_top5),
        ("validation loss", best.val_loss, last.val_loss),
        ("validation loss without penalties", best.val_data_loss, last.val_data_loss),
        ("training loss", best.loss, last.loss),
        ("training loss without penalties", best.data_loss, last.data_loss),
        (f"validation {result.measure}, batch norm recalibrated", result.recalibrated_accuracy, None),
        (f"test {result.measure}", result.test_accuracy, result.last_test_accuracy),
        ("test top-5", result.test_top5, None),
    ]
    shown = [row for row in measures if row[1:] != (None, None)]
    known = [each for each, key in zip(header, zip(*rows, strict=True), strict=True) if any(v is not None for v in key)]
    columns = [header.index(name) for name in known]
    worst_first = sorted(rows, key=lambda row: (row[2] if row[2] is not None else 2, -(row[4] or 0)))[:_SHOWN_CLASSES]
    body = [
        f"<h1>{html.escape(recipe.name)}</h1><p>{html.escape(str(result))}</p>",
        f"<p>Trained on {html.escape(result.trained_on)}, {len(history)} epochs, {result.seconds:.0f} s.</p>",
        "<h2>Best and last epoch</h2>",
        _table(["", "best", "last"], shown),
        "<h2>Curves</h2>",
        pictures[0],
        f"<h2>Class by class</h2><p>The best network on {html.escape(assessed.data)}, the worst first.</p>",
        *pictures[1:],
        _table(known, [[row[at] for at in columns] for row in worst_first]),
        "<h2>Worst mistakes</h2>",
        f'<div class="mistakes">{"".join(map(_mistake, assessed.mistakes)) or "<p>None.</p>"}</div>',
        f"<h2>Settings</h2><pre>{html.escape(recipe.to_yaml())}</pre>",
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(recipe.name)}</title><style>{_STYLE}</style>'
    with atomic_write(folder / PAGE) as temporary:
        text = f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n{chr(10).join(body)}\n</body></html>\n'
        temporary.write_text(text, encoding="utf-8")
    return folder / PAGE


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = ("".join(f"<td>{html.escape(_cell(cell))}</td>" for cell in row) for row in rows)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)


def _figure(png: bytes, words: str) -> str:
    return f'<p><img alt="{words}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></p>'


def _mistake(mistake: Mistake) -> str:
    words = f"is {mistake.right}, called {mistake.given} ({mistake.confidence:.3f})"
    picture = base64.b64encode(_png(mistake.pixels)).decode()
    image = f'<img alt="{html.escape(words)}" src="data:image/png;base64,{picture}">'
    return f"<figure>{image}<figcaption>{html.escape(words)}</figcaption></figure>"


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
