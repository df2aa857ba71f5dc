"""Numbers on axes are written out: separators, no offset, no power of ten."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.support.figure_file import figure_file


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([0, 10_000_000], "2,000,000"),
        ([1_000_000, 1_000_040], "1,000,020"),
        ([0, 0.0004], "0.0002"),
        ([-2500, 0], "\N{MINUS SIGN}2,000"),
        ([0.2, 0.25], "0.22"),
    ],
)
def test_numbers_are_written_out(values: list[float], written: str, tmp_path: Path) -> None:
    with figure_file(tmp_path / "a.png", size=(4, 3)) as figure:
        axes = figure.subplots()
        axes.plot(values, values)
    for axis in (axes.xaxis, axes.yaxis):
        texts = [label.get_text() for label in axis.get_ticklabels()]
        assert any(text.startswith(written) for text in texts)
        plain = [float(text.replace(",", "").replace("\N{MINUS SIGN}", "-")) for text in texts]
        assert plain == pytest.approx(list(axis.get_majorticklocs()))
        assert len({len(text.partition(".")[2]) for text in texts}) == 1
        assert axis.get_offset_text().get_text() == ""


def test_names_and_other_scales_stay(tmp_path: Path) -> None:
    with figure_file(tmp_path / "a.png", size=(4, 3)) as figure:
        left, right = figure.subplots(1, 2)
        left.barh(["stem", "head"], [1000, 2000])
        right.semilogy([1, 2], [10, 1000])
        before = right.yaxis.get_major_formatter()
    assert [label.get_text() for label in left.get_yticklabels()] == ["stem", "head"]
    assert right.yaxis.get_major_formatter() is before


def test_a_drawing_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), figure_file(tmp_path / "a.png", size=(4, 3)):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
