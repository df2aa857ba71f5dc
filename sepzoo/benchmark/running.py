"""Several things measured in turns, each in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sepzoo.artifact.inspection.checking import is_trusted
from sepzoo.benchmark.result import BenchmarkResult
from sepzoo.benchmark.target import Target, as_targets
from sepzoo.benchmark.worker import Worker
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json

if TYPE_CHECKING:
    from sepzoo.benchmark.target import Given


def run(
    targets: Sequence[Given],
    *,
    threads: Sequence[int] = (1,),
    batches: Sequence[int] = (1,),
    turns: int = 20,
    turn_seconds: float = 0.1,
    settings: Mapping[str, Json] | None = None,
    trust: bool = False,
) -> list[BenchmarkResult]:
    """Return how long each target takes: latency, throughput, memory and the first call.

    Each target is opened in a process of its own and runs on noise, from arrays in memory to arrays. They take turns,
    so that the machine's slow minutes strike all alike: compare by `BenchmarkResult.ratio_to`.

    Args:
        targets: names of networks, Keras models, files and folders (`.keras`, `.tflite`, `.onnx`, OpenVINO, SavedModel,
            StableHLO), or networks of other packages in PyTorch: "timm:NAME", "bsconv:NAME".
        threads: numbers of threads, one after the other.
        batches: numbers of samples at a time.
        turns: how often each target has its turn.
        turn_seconds: how long a turn is; at least one run.
        settings: that our names are built with, such as `{"alpha": 0.25}`.
        trust: whether files are opened without the check of `sepzoo.artifact.inspection`; within its `unchecked` they
            are anyway.

    Returns:
        One result for each number of threads, batch and target, in this order.

    Raises:
        SepzooError: a target that can't be opened or run, or a number below 1.

    Example:
        >>> import pathlib, tempfile
        >>> from sepzoo.benchmark import make_operator, operator_file
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "conv.tflite"
        >>> _ = path.write_bytes(operator_file(make_operator("conv", (1, 8, 8, 3), filters=4)))
        >>> [result] = run([path], turns=2, turn_seconds=0.01)
        >>> result.target, result.batch, len(result.turns), result.latency.median > 0
        ('conv.tflite', 1, 2, True)
    """
    for name, values in (("threads", threads), ("batches", batches), ("turns", [turns])):
        if not values or min(values) < 1:
            raise SepzooError(
                f"expected {name} of at least 1. Received: {name}={values if name != 'turns' else turns}."
            )
    trust = trust or is_trusted()  # the processes don't know
    with as_targets(targets, settings) as found:
        return [
            result
            for count in threads
            for result in _measured(found, count, sorted(set(batches)), turns, turn_seconds, trust)
        ]


def _measured(
    targets: Sequence[Target], threads: int, batches: Sequence[int], turns: int, seconds: float, trust: bool
) -> list[BenchmarkResult]:
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(target, threads=threads, trust=trust)) for target in targets]
        found = []
        for batch in batches:
            first = [worker.first(batch) for worker in workers]
            series: list[list[tuple[float, ...]]] = [[] for _ in workers]
            for _ in range(turns):
                for worker, own in zip(workers, series, strict=True):
                    own.append(worker.turn(batch, seconds))
            found += [
                BenchmarkResult(
                    target=target.label,
                    runtime=worker.runtime,
                    threads=threads,
                    batch=batch,
                    turns=tuple(own),
                    first_ms=once,
                    open_ms=worker.open_ms,
                    peak_memory=worker.peak_memory(),
                    size=target.size,
                )
                for target, worker, own, once in zip(targets, workers, series, first, strict=True)
            ]
        return found
