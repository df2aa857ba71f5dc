"""What was measured of one thing, with so many threads and samples at a time."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from sepzoo.support.types import Json


@dataclasses.dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return that of some values.

        Example:
            >>> Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
            Spread(low=2.0, median=3.0, high=4.0)
        """
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(low, median, high)

    def text(self, digits: int) -> str:
        """Return it as text, such as `1.2 (1.1 … 1.4)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f} … {self.high:.{digits}f})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchmarkResult:
    """How long one thing takes, in a process of its own.

    Attributes:
        target: what was measured.
        runtime: what ran it, with its version.
        threads: that it had.
        batch: samples at a time.
        turns: milliseconds of each run, one tuple a turn.
        first_ms: of the first run of this batch size, with all that is built then.
        open_ms: that opening or building took.
        peak_memory: most bytes that the process had, runtime included, up to this batch; None where unknown.
        size: bytes of the file or folder; None of what is in none.

    Example:
        >>> result = BenchmarkResult(
        ...     target="net.tflite", runtime="LiteRT 2.3.0", threads=1, batch=4,
        ...     turns=((8.0, 9.0), (8.0, 7.0)), first_ms=12.0, open_ms=3.0, peak_memory=None, size=10_240,
        ... )
        >>> result.latency.median, result.least_ms, result.samples_per_second
        (8.0, 7.0, 500.0)
    """

    target: str
    runtime: str
    threads: int
    batch: int
    turns: tuple[tuple[float, ...], ...]
    first_ms: float
    open_ms: float
    peak_memory: int | None
    size: int | None

    @property
    def times(self) -> list[float]:
        """Milliseconds of all runs."""
        return [each for turn in self.turns for each in turn]

    @property
    def latency(self) -> Spread:
        """Of a run, in milliseconds: the whole batch."""
        return Spread.of(self.times)

    @property
    def p90_ms(self) -> float:
        """Milliseconds that nine of ten runs stay below."""
        times = self.times
        return statistics.quantiles(times, n=10, method="inclusive")[-1] if len(times) > 1 else times[0]

    @property
    def least_ms(self) -> float:
        """Milliseconds of the fastest run: what the network takes where nothing else does."""
        return min(self.times)

    @property
    def samples_per_second(self) -> float:
        """Throughput at the median."""
        return 1000 * self.batch / self.latency.median

    def ratio_to(self, other: BenchmarkResult) -> Spread:
        """Return how many times as long it takes as another that had its turns beside it.

        Of each turn the fastest runs are compared: when the machine is slow for a while, it is so for both.
        """
        return Spread.of([min(own) / min(theirs) for own, theirs in zip(self.turns, other.turns, strict=True)])

    def to_dict(self) -> dict[str, Json]:
        """Return what was measured, without the single runs, as JSON holds it."""
        fields = {name: value for name, value in dataclasses.asdict(self).items() if name != "turns"}
        return {
            **fields,
            "runs": len(self.times),
            "median_ms": self.latency.median,
            "low_ms": self.latency.low,
            "high_ms": self.latency.high,
            "p90_ms": self.p90_ms,
            "least_ms": self.least_ms,
            "samples_per_second": self.samples_per_second,
        }
