"""Times of things that take turns, so that what else the machine does strikes all of them alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

_MOST_A_TURN = 200
_READINGS = 100


def times_in_turns(
    runs: Sequence[Callable[[], object]],
    *,
    turns: int,
    turn_seconds: float = 0.0,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[list[float]]]:
    """Return how long each thing took, in seconds: one list a thing, of one list a turn, of one number a run.

    What reading the clock takes is taken off.

    Args:
        runs: what is timed.
        turns: how often each has its turn.
        turn_seconds: what runs shorter is run as often as fits into this time, in its turn; at least once.
        warm_up: runs of each before the first turn, which do not count.
        clock: seconds from some time on.

    Example:
        >>> seconds = times_in_turns([lambda: None, lambda: sum(range(1000))], turns=5)
        >>> [len(each) for each in seconds]
        [5, 5]
    """
    own = _own_seconds(clock)
    counts = [_count(run, turn_seconds, warm_up, clock) for run in runs]
    found: list[list[list[float]]] = [[] for _ in runs]
    for _ in range(turns):
        for run, count, series in zip(runs, counts, found, strict=True):
            turn = []
            for _ in range(count):
                start = clock()
                run()
                turn.append(max(clock() - start - own, 0.0))
            series.append(turn)
    return found


def low_quartile(series: Sequence[Sequence[float]]) -> float:
    """Return what a quarter of all runs stay below: breaks don't reach it, nor does a moment of more than usual speed.

    Args:
        series: of one thing, as `times_in_turns` gives it.

    Example:
        >>> low_quartile([[1.0, 3.0], [3.0, 3.0, 9.0]])
        3.0
    """
    runs = sorted(each for turn in series for each in turn)
    return runs[len(runs) // 4]


def _own_seconds(clock: Callable[[], float]) -> float:
    """Return the least time between two readings of a clock."""
    readings = [clock() for _ in range(_READINGS)]
    return min(after - before for before, after in itertools.pairwise(readings))


def _count(run: Callable[[], object], seconds: float, warm_up: int, clock: Callable[[], float]) -> int:
    """Warm a thing up and return how often it runs in a turn."""
    least = float("inf")
    for _ in range(max(warm_up, 1)):
        start = clock()
        run()
        least = min(least, clock() - start)
    return max(1, min(_MOST_A_TURN, int(seconds / least))) if least > 0 else _MOST_A_TURN
