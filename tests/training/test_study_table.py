"""What a study's tables say, against formulas written out and published tables."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training.study import Case, Study
from sepzoo.training.study_plot import plot_study
from sepzoo.training.study_rows import Row, read_rows, write_rows
from sepzoo.training.study_table import arms_of, averages_of, differences_of, foreword, report, smallest_detectable

STUDY = Study.from_yaml("{name: s, recipe: digits, arms: {a: {}, b: {}}, seeds: [1, 2, 3, 4, 5]}")
T_OF_4 = 2.776445105
"""Student's t of 4 degrees of freedom, two-sided 95 %, as tables print it."""


def row(arm: str, seed: int, accuracy: float, **changed: object) -> Row:
    whole = Row(
        arm=arm, seed=seed, values="{}", choosing=False, best_epoch=1, best_accuracy=accuracy, last_accuracy=accuracy,
        test_accuracy=None, epochs=1, seconds=1.5, params=10, macs=20, trained_on="digits train", validated_on="digits",
        versions="keras 3", fingerprint=f"{arm}{seed}",
    )  # fmt: skip
    return dataclasses.replace(whole, **changed)


@pytest.fixture
def measured() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(0.9, 0.01, 5), random.normal(0.88, 0.01, 5)


@pytest.fixture
def rows(measured: tuple[np.ndarray, np.ndarray]) -> list[Row]:
    return [
        row(arm, seed + 1, value)
        for arm, values in zip("ab", measured, strict=True)
        for seed, value in enumerate(values)
    ]


def test_means_and_deviations(rows: list[Row], measured: tuple[np.ndarray, np.ndarray]) -> None:
    for arm, values in zip(arms_of(STUDY, rows), measured, strict=True):
        assert arm.count == 5
        assert arm.mean == pytest.approx(values.mean(), abs=1e-12)
        assert arm.deviation == pytest.approx(values.std(ddof=1), abs=1e-12)


def test_the_interval_of_paired_differences(rows: list[Row], measured: tuple[np.ndarray, np.ndarray]) -> None:
    (pair,) = differences_of(STUDY, list(reversed(rows)))
    gaps = measured[0] - measured[1]
    half = T_OF_4 * gaps.std(ddof=1) / np.sqrt(5)
    assert pair.mean == pytest.approx(gaps.mean(), abs=1e-12)
    assert pair.interval == pytest.approx((gaps.mean() - half, gaps.mean() + half), abs=1e-9)
    assert pair.verdict == ("higher" if gaps.mean() > half else "undecided")


def test_seeds_that_one_arm_lacks_are_left_out(rows: list[Row]) -> None:
    (pair,) = differences_of(STUDY, rows[:-1])
    assert pair.count == 4


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [((0.01, 0.011, 0.012), "higher"), ((-0.01, -0.011, -0.012), "lower"), ((0.01, -0.01, 0.002), "undecided"),
     ((0.01,), "undecided"), ((0.25, 0.25), "higher"), ((0.0, 0.0), "undecided")],
)  # fmt: skip
def test_verdicts(gaps: tuple[float, ...], verdict: str) -> None:
    rows = [row(arm, seed, 0.5 + gap * (arm == "a")) for seed, gap in enumerate(gaps) for arm in "ab"]
    (pair,) = differences_of(STUDY, rows)
    assert pair.verdict == verdict


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_smallest_detectable_difference_is_seen_in_four_cases_of_five(count: int) -> None:
    """By simulation, which shares nothing with the formula but the meaning."""
    from scipy import stats

    size, random = smallest_detectable(1.0, count), np.random.default_rng(count)
    gaps = random.normal(size, 1.0, (20_000, count))
    seen = stats.ttest_1samp(gaps, 0.0, axis=1).pvalue < 0.05
    assert seen.mean() == pytest.approx(0.8, abs=0.012)


def test_what_an_arm_chose_does_not_part_the_pairs() -> None:
    choosing = Study.from_yaml(
        "{name: s, recipe: digits, arms: {a: {}, b: {}}, choose: {key: optimizer.learning_rate, values: [0.1, 0.3]}}"
    )
    rows = [
        row("a", 0, 0.9, values='{"optimizer.learning_rate": 0.1}'),
        row("b", 0, 0.8, values='{"optimizer.learning_rate": 0.3}'),
        row("a", 0, 0.1, values='{"optimizer.learning_rate": 0.3}', choosing=True),
    ]
    (pair,) = differences_of(choosing, rows)
    assert pair.mean == pytest.approx(0.1)
    assert "learning_rate=0.3" in report(choosing, rows)


T_OF_2 = 4.302652730
"""Likewise of 2."""


def cased(gaps: np.ndarray) -> tuple[Study, list[Row]]:
    """Return a study of cases by seeds, and its rows, in which the arms differ by these gaps."""
    study = STUDY.model_copy(update={"cases": {f"c{number}": Case() for number in range(len(gaps))}})
    rows = [
        row(arm, seed, 0.5 + gap * (arm == "a"), values=f'{{"case": "c{case}"}}', fingerprint=f"{arm}{case}{seed}")
        for (case, seed), gap in np.ndenumerate(gaps)
        for arm in "ab"
    ]
    return study, rows


def test_differences_are_averaged_over_cases_each_of_which_counts_once() -> None:
    gaps = np.random.default_rng(1).normal(0.02, 0.01, (3, 5))
    study, rows = cased(gaps)
    alone = rows.pop()  # the last case has a seed less, and counts as much
    assert (alone.arm, alone.seed) == ("b", 4)
    found = differences_of(study, rows)
    assert [(each.values, each.count) for each in found] == [(f'{{"case": "c{n}"}}', (5, 5, 4)[n]) for n in range(3)]
    means = np.array([gaps[0].mean(), gaps[1].mean(), gaps[2, :4].mean()])
    (average,) = averages_of(study, found)
    half = T_OF_2 * means.std(ddof=1) / np.sqrt(3)
    assert (average.values, average.count) == ("{}", 3)
    assert average.mean == pytest.approx(means.mean(), abs=1e-12)
    assert average.interval == pytest.approx((means.mean() - half, means.mean() + half), abs=1e-9)
    *_, head, line = report(study, rows).splitlines()
    assert (head.split()[2], line.split()[:4]) == ("cases", ["a", "-", "b", "3"])


def test_the_tables(rows: list[Row]) -> None:
    text = report(STUDY, rows)
    assert text.splitlines()[0].split() == ["arm", "values", "seeds", "last", "accuracy", "deviation", "params", "MACs"]
    assert "a - b" in text
    assert report(STUDY, []) == "s: no run has ended yet"
    with pytest.raises(SepzooError, match="expected runs with a test_accuracy"):
        report(STUDY.model_copy(update={"metric": "test_accuracy"}), rows)


def test_the_foreword_says_what_will_be_seen() -> None:
    text = foreword(STUDY.model_copy(update={"expected_deviation": 0.005, "question": "Which?"}))
    assert text.splitlines()[:2] == ["s: 10 runs", "Which?"]
    assert "5 seeds will see in four cases of five: 0.0084" in text
    cased = STUDY.model_copy(update={"expected_deviation_of_cases": 0.005, "cases": dict.fromkeys("abcde", Case())})
    assert "5 cases will see in four cases of five: 0.0084" in foreword(cased)
    assert "seeds will see" not in foreword(cased)


def test_rows_come_back_from_their_file(tmp_path: Path, rows: list[Row]) -> None:
    rows[0] = dataclasses.replace(rows[0], test_accuracy=0.75, choosing=True)
    write_rows(tmp_path / "rows.csv", rows)
    assert read_rows(tmp_path / "rows.csv") == rows
    assert read_rows(tmp_path / "none.csv") == []


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [("arm,seed", "arm,sed", "expected the columns"),
     ("False", "maybe", "line 2: expected a result. Received: choosing="),
     ("digits train,digits,keras 3,a1", "digits", "line 2: expected a result"), (",1.5,", ",fast,", "seconds="),
     pytest.param(",1.5,", f",{'1' * 131_073},", "a CSV file of UTF-8 text. Received: field larger", id="long cell"),
     (",1.5,", ",\udcff,", "expected a CSV file of UTF-8 text. Received: 'utf-8' codec can't decode")],
)  # fmt: skip
def test_a_damaged_file_is_said_in_one_line(tmp_path: Path, rows: list[Row], old: str, new: str, text: str) -> None:
    path = tmp_path / "rows.csv"
    write_rows(path, rows)
    path.write_text(path.read_text().replace(old, new, 1), errors="surrogateescape")
    with pytest.raises(SepzooError, match=text) as raised:
        read_rows(path)
    assert "\n" not in str(raised.value)


def test_the_picture_shows_each_arm_at_its_cost(rows: list[Row], tmp_path: Path, drawn: list) -> None:
    rows = [dataclasses.replace(each, macs=1000 if each.arm == "a" else 50_000) for each in rows]
    chooser = row("a", 9, 0.1, choosing=True)
    assert plot_study(STUDY, [*rows, chooser], tmp_path / "s.png")
    axes = drawn[0].axes[0]
    assert axes.get_xscale() == "log"
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["a", "b"]
    for arm, container, macs in zip("ab", axes.containers, (1000, 50_000), strict=True):
        seeds = [each.last_accuracy for each in rows if each.arm == arm]
        line, _, (bars,) = container.lines
        assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([macs], [pytest.approx(np.mean(seeds))])
        [[(_, low), (_, high)]] = bars.get_segments()
        assert (high - low) / 2 == pytest.approx(np.std(seeds, ddof=1))
    assert sorted(len(line.get_xdata()) for line in axes.get_lines()) == [1] * (len(axes.get_lines()) - 2) + [5, 5]
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    assert not plot_study(STUDY, [], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("arms", [("a", "b"), ("separable_of_keras_and_more", "b"), ("a" * 90, "b" * 60)])
def test_the_legend_lies_within_the_picture(tmp_path: Path, drawn: list, arms: tuple[str, str]) -> None:
    found = [row(arm, seed, 0.1 * seed) for arm in arms for seed in (1, 2)]
    study = STUDY.model_copy(update={"arms": {arm: {} for arm in arms}})
    assert plot_study(study, found, tmp_path / "s.png")
    drawn[0].canvas.draw()
    legend = drawn[0].legends[0].get_window_extent()
    assert legend.x0 >= 0
    assert legend.x1 <= drawn[0].bbox.x1


def test_every_case_has_a_panel_of_its_own(tmp_path: Path, drawn: list) -> None:
    study, rows = cased(np.full((4, 2), 0.1))
    assert plot_study(study, rows, tmp_path / "s.png")
    panels = [axes for axes in drawn[0].axes if axes.axison]
    assert [axes.get_title() for axes in panels] == ["c0", "c1", "c2", "c3"]
    assert [text.get_text() for text in drawn[0].legends[0].get_texts()] == ["a", "b"]
    for axes in panels:
        heights = [container.lines[0].get_ydata().tolist() for container in axes.containers]
        assert heights == [[pytest.approx(0.6)], [pytest.approx(0.5)]]
