"""A run as one HTML page, with all pictures inside: it opens without a network."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.support.atomic import atomic_write
from sepzoo.support.csv_file import write_csv
from sepzoo.support.html_page import page, picture, table
from sepzoo.training.assessment import Assessment, Mistake
from sepzoo.training.confusion_plot import plot_confusion
from sepzoo.training.finished_run import Epoch, Result, best_of
from sepzoo.training.recipe import Recipe

PAGE, CLASSES, CONFUSION = "report.html", "classes.csv", "confusion.png"
_SHOWN_CLASSES = 200

_STYLE = """
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
    pictures = [f"<p>{picture((folder / 'curves.png').read_bytes(), 'learning curves')}</p>"]
    if assessed.confusion is not None:
        names = [each.name for each in assessed.scores]
        plot_confusion(assessed.confusion, names, folder / CONFUSION, title=assessed.data)
        pictures.append(f"<p>{picture((folder / CONFUSION).read_bytes(), 'confusion matrix')}</p>")
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
        (f"validation {result.measure}, by both sides of each image", None, result.mirrored_accuracy),
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
        table(["", "best", "last"], shown),
        "<h2>Curves</h2>",
        pictures[0],
        f"<h2>Class by class</h2><p>The best network on {html.escape(assessed.data)}, the worst first.</p>",
        *pictures[1:],
        table(known, [[row[at] for at in columns] for row in worst_first]),
        "<h2>Worst mistakes</h2>",
        f'<div class="mistakes">{"".join(map(_mistake, assessed.mistakes)) or "<p>None.</p>"}</div>',
        f"<h2>Settings</h2><pre>{html.escape(recipe.to_yaml())}</pre>",
    ]
    with atomic_write(folder / PAGE) as temporary:
        temporary.write_text(page(recipe.name, body, style=_STYLE), encoding="utf-8")
    return folder / PAGE


def _mistake(mistake: Mistake) -> str:
    words = f"is {mistake.right}, called {mistake.given} ({mistake.confidence:.3f})"
    image = picture(_png(mistake.pixels), words)
    return f"<figure>{image}<figcaption>{html.escape(words)}</figcaption></figure>"


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
