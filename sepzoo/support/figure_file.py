"""A matplotlib figure as a PNG file, the numbers on its axes written out in full."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sepzoo.support.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


@contextlib.contextmanager
def figure_file(path: str | os.PathLike[str], *, size: tuple[float, float]) -> Iterator[Figure]:
    """Give a figure to draw on, and write it when the block ends.

    Args:
        path: of the PNG file.
        size: width and height in inches, 100 pixels each.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/line.png"
        >>> with figure_file(path, size=(4, 3)) as figure:
        ...     _ = figure.subplots().plot([0, 10_000_000])
        >>> figure.axes[0].yaxis.get_major_formatter()(2_500_000)
        '2,500,000'
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    yield figure
    for axes in figure.axes:
        write_numbers_out(axes)
    with atomic_write(path) as temporary:
        canvas.print_png(temporary)


def write_numbers_out(axes: Axes) -> None:
    """Write the numbers of linear axes as 2,500,000: with separators, without an offset or a power of ten."""
    for axis in (axes.xaxis, axes.yaxis):
        _write_out(axis)


def _write_out(axis: Axis) -> None:
    from matplotlib.ticker import FuncFormatter, ScalarFormatter

    numbers = axis.get_major_formatter()
    if type(numbers) is not ScalarFormatter:  # names, or a scale of its own
        return
    numbers.set_useOffset(False)
    numbers.set_scientific(False)

    def text(value: float, position: int | None = None) -> str:
        numbers.set_locs(axis.get_majorticklocs().tolist())
        decimals = len(numbers(value, position).partition(".")[2])
        return f"{value:,.{decimals}f}".replace("-", "\N{MINUS SIGN}")

    axis.set_major_formatter(FuncFormatter(text))
