"""Numbers on axes are written out: separators, no offset, no power of ten."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.support.picture import picture


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 10_000_000], {"0", "2,000,000", "10,000,000"}),
        ([1_000_000, 1_000_040], {"1,000,000", "1,000,020", "1,000,040"}),
        ([0, 0.0004], {"0.00010", "0.00040"}),
        ([-2500, 0], {"\N{MINUS SIGN}2,500", "0"}),
        ([0.2, 0.25], {"0.20", "0.25"}),
    ],
)
def test_numbers_are_written_out(values: list[float], expected: set[str], tmp_path: Path) -> None:
    with picture(tmp_path / "a.png", size=(4, 3)) as figure:
        axes = figure.subplots()
        axes.plot(values, values)
    for axis in (axes.xaxis, axes.yaxis):
        assert expected <= {label.get_text() for label in axis.get_ticklabels()}
        assert axis.get_offset_text().get_text() == ""


def test_names_and_other_scales_stay(tmp_path: Path) -> None:
    with picture(tmp_path / "a.png", size=(4, 3)) as figure:
        left, right = figure.subplots(1, 2)
        left.barh(["stem", "head"], [1000, 2000])
        right.semilogy([1, 2], [10, 1000])
        before = right.yaxis.get_major_formatter()
    assert [label.get_text() for label in left.get_yticklabels()] == ["stem", "head"]
    assert right.yaxis.get_major_formatter() is before


def test_a_drawing_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), picture(tmp_path / "a.png", size=(4, 3)):
        _ = 1 / 0
    assert list(tmp_path.iterdir()) == []
