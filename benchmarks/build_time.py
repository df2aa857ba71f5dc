"""How long `build` takes, beside Keras's own.

`python benchmarks/build_time.py [PATTERN]` builds every listed network that matches once and prints the median and the
slowest; then Xception five times, ours and Keras's in turns, with the median ratio. Seconds of processor time.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import keras

from sepzoo.applications import build, list_models


def seconds(make: Callable[[], object]) -> float:
    """Return the processor time of one call."""
    start = time.process_time()
    make()
    return time.process_time() - start


def main() -> None:
    """Print the figures."""
    build("mobilenet_v1")  # what Keras loads at first use is nobody's fault
    times = {name: seconds(lambda name=name: build(name)) for name in list_models(*sys.argv[1:2])}
    low, middle, high = statistics.quantiles(times.values(), n=4)
    slowest = max(times, key=times.__getitem__)
    print(f"{len(times)} networks: median {middle:.2f} s ({low:.2f} … {high:.2f}), ", end="")
    print(f"slowest {slowest} {times[slowest]:.1f} s")
    pairs = [
        (seconds(lambda: build("xception")), seconds(lambda: keras.applications.Xception(weights=None)))
        for _ in range(5)
    ]
    ours, theirs = (statistics.median(series) for series in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"xception: {ours:.2f} s, by keras.applications {theirs:.2f} s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
