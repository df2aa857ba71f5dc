"""What a study found: each arm's mean, and the differences of pairs with their intervals."""

from __future__ import annotations

import dataclasses
import json
import math
import statistics
from collections.abc import Sequence

from sepzoo.support.table import table
from sepzoo.training.study import CASE, Study
from sepzoo.training.study_rows import Row, as_json

CONFIDENCE = 0.95
POWER = 0.8


@dataclasses.dataclass(frozen=True)
class Arm:
    """The runs of one arm, at one combination of the study's values: how many, mean, standard deviation, costs."""

    name: str
    values: str
    count: int
    mean: float
    deviation: float | None
    params: int
    macs: int


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much higher the first arm of a pair measures, paired by seed.

    Attributes:
        first: an arm.
        second: what is taken from it.
        values: the study's values of both.
        count: of seeds that both have, or of cases.
        mean: of the differences.
        interval: of 95 %, by Student's t; None with fewer than two.
    """

    first: str
    second: str
    values: str
    count: int
    mean: float
    interval: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """What the interval allows to say: higher, lower, or undecided."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return "undecided"
        return "higher" if self.mean > 0 else "lower"


def arms_of(study: Study, rows: Sequence[Row]) -> list[Arm]:
    """Return each arm at each combination of the study's own values."""
    found = []
    for arm in study.arms:
        mine = [row for row in rows if row.arm == arm and not row.choosing]
        for values in dict.fromkeys(row.values for row in mine):
            same = [row for row in mine if row.values == values]
            measured = [row.measured(study.metric) for row in same]
            deviation = statistics.stdev(measured) if len(measured) > 1 else None
            mean = statistics.fmean(measured)
            found.append(Arm(arm, values, len(same), mean, deviation, same[0].params, same[0].macs))
    return found


def differences_of(study: Study, rows: Sequence[Row]) -> list[Difference]:
    """Return the differences of the study's pairs over the seeds that both arms have."""
    found = []
    compared = [row for row in rows if not row.choosing]
    for first, second in study.pairs():
        for values in dict.fromkeys(_shared(study, row) for row in compared):
            ours, theirs = (
                {
                    row.seed: row.measured(study.metric)
                    for row in compared
                    if (row.arm, _shared(study, row)) == (arm, values)
                }
                for arm in (first, second)
            )
            seeds = [seed for seed in ours if seed in theirs]
            if not seeds:
                continue
            gaps = [ours[seed] - theirs[seed] for seed in seeds]
            found.append(_difference(first, second, values, gaps))
    return found


def averages_of(study: Study, differences: Sequence[Difference]) -> list[Difference]:
    """Return the differences of each pair averaged over cases, which all count alike, with the interval over them."""
    found = []
    for first, second in study.pairs():
        mine = [each for each in differences if (each.first, each.second) == (first, second)]
        for values in dict.fromkeys(_without(CASE, each.values) for each in mine):
            gaps = [each.mean for each in mine if _without(CASE, each.values) == values]
            found.append(_difference(first, second, values, gaps))
    return found


def _difference(first: str, second: str, values: str, gaps: Sequence[float]) -> Difference:
    """Return the mean of differences with its interval."""
    from scipy import stats

    interval = None
    if len(gaps) > 1 and max(gaps) == min(gaps):
        interval = (gaps[0], gaps[0])
    elif len(gaps) > 1:
        low, high = stats.ttest_1samp(gaps, 0).confidence_interval(CONFIDENCE)
        interval = (float(low), float(high))
    return Difference(first, second, values, len(gaps), statistics.fmean(gaps), interval)


def smallest_detectable(deviation: float, count: int) -> float:
    """Return the difference that a paired t-test of so many seeds sees in four cases of five.

    Args:
        deviation: standard deviation of the paired differences.
        count: of seeds.

    Example:
        >>> round(smallest_detectable(0.005, 5), 4)
        0.0084
    """
    from scipy import optimize, stats

    if count < 2:
        return math.inf
    critical = stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1)
    effect = optimize.brentq(lambda size: stats.nct.sf(critical, count - 1, size * math.sqrt(count)) - POWER, 0, 1000)
    return float(deviation * effect)


def foreword(study: Study) -> str:
    """Return what is said before a study runs: its question, its size, and the least difference that it will see."""
    runs, choosing = len(list(study.runs())), len(list(study.choosing_runs()))
    lines = [f"{study.name}: {runs} runs" + (f", and {choosing} to choose {study.choose.key}" if study.choose else "")]
    lines += [study.question] if study.question else []
    for count, what, deviation in (
        (len(study.seeds), "seeds", study.expected_deviation),
        (len(study.cases), "cases", study.expected_deviation_of_cases),
    ):
        if deviation is not None:
            least = smallest_detectable(deviation, count)
            lines.append(
                f"The smallest difference that {count} {what} will see in four cases of five: {least:.4f} "
                f"(if paired differences deviate by {deviation})"
            )
    return "\n".join(lines)


def report(study: Study, rows: Sequence[Row]) -> str:
    """Return the tables of a study: arms, and differences of pairs."""
    if not any(not row.choosing for row in rows):
        return f"{study.name}: no run has ended yet"
    arms = [
        [
            arm.name,
            short_values(arm.values),
            f"{arm.count}",
            f"{arm.mean:.4f}",
            "" if arm.deviation is None else f"{arm.deviation:.4f}",
            f"{arm.params:,}",
            f"{arm.macs:,}",
        ]
        for arm in arms_of(study, rows)
    ]
    header = ["arm", "values", "seeds", study.metric.replace("_", " "), "deviation", "params", "MACs"]
    text = table(header, arms, left=2)
    differences = differences_of(study, rows)
    text += _table_of(differences, "seeds")
    if study.cases:
        text += _table_of(averages_of(study, differences), "cases")
    return text


def _table_of(differences: Sequence[Difference], counted: str) -> str:
    pairs = [
        [
            f"{pair.first} - {pair.second}",
            short_values(pair.values),
            f"{pair.count}",
            f"{pair.mean:+.4f}",
            "" if pair.interval is None else f"{pair.interval[0]:+.4f} … {pair.interval[1]:+.4f}",
            pair.verdict,
        ]
        for pair in differences
    ]
    header = ["pair", "values", counted, "difference", "95 % interval", "verdict"]
    return f"\n\n{table(header, pairs, left=2)}" if pairs else ""


def _without(key: str, values: str) -> str:
    """Return a row's values without one."""
    return as_json({name: value for name, value in json.loads(values).items() if name != key})


def _shared(study: Study, row: Row) -> str:
    """Return a row's values without what its arm chose for itself."""
    return row.values if study.choose is None else _without(study.choose.key, row.values)


def short_values(values: str, *, without: str | None = None) -> str:
    """Return a row's values as a table shows them.

    Example:
        >>> short_values('{"model.arguments.alpha": 0.5}')
        'alpha=0.5'
    """
    shown = {key: value for key, value in json.loads(values).items() if key != without}
    return ", ".join(f"{key.rpartition('.')[2]}={value}" for key, value in shown.items())


def case_of(values: str) -> str | None:
    """Return the case that a row's values name; None where the study has none.

    Example:
        >>> case_of('{"case": "GunPoint"}')
        'GunPoint'
    """
    return json.loads(values).get(CASE)
