"""How long operators take, each in a file of its own; and how a whole file is run for its time."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

import numpy as np

from sepzoo.benchmark.operator_making import make_operator
from sepzoo.benchmark.operator_record import Operator
from sepzoo.benchmark.operator_writing import operator_file, random_values
from sepzoo.benchmark.turns import low_quartile, times_in_turns
from sepzoo.inference.tflite_interpreter import open_interpreter
from sepzoo.support.errors import SepzooError, first_line

REFERENCE = make_operator("conv", (1, 12, 12, 16), filters=16, kernel_size=3)
"""Runs beside what is measured: when it is slow, the machine is.

It fits into the first cache: how long what lies further away takes depends on where the system put it.
"""

CALL = make_operator("relu", (1, 1, 1, 4))
"""Does next to nothing, so that its time is the price of a call: a file pays it once, an operator alone each time."""

_LEAST = 1 / 4
"""Of an operator's time that is left without the call's price: of the smallest the rest would be noise."""

_TURNS, _TURN_SECONDS = 25, 5e-4

FILE_TURNS, FILE_TURN_SECONDS = 25, 2e-3
"""How often a whole file has its turn, and how long that is."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """What was measured.

    Attributes:
        ms: milliseconds that a quarter of the runs stay below; of one thread processor time, since a busy machine takes
            breaks.
        reference_ms: of the reference operator in the same turns.
    """

    ms: float
    reference_ms: float


def time_operators(operators: Sequence[Operator], *, threads: int = 1, turns: int = _TURNS) -> list[Timing]:
    """Return how long each operator takes: the low quartile of many runs, in turns.

    Args:
        operators: that are to be timed.
        threads: that each may use.
        turns: how often each has its turn.

    Raises:
        SepzooError: LiteRT can't run one of them.
    """
    runs = [operator_run(operator, threads) for operator in (REFERENCE, *operators)]
    reference, *own = low_quartiles_ms(runs, threads=threads, turns=turns, turn_seconds=_TURN_SECONDS)
    return [Timing(each, reference) for each in own]


def low_quartiles_ms(
    runs: Sequence[Callable[[], object]], *, threads: int, turns: int, turn_seconds: float
) -> list[float]:
    """Return the milliseconds that a quarter of each one's runs stay below, in turns, by the clock that `Timing` says.

    Args:
        runs: what is timed.
        threads: that each uses.
        turns: how often each has its turn.
        turn_seconds: how long that is, about.
    """
    clock = time.thread_time if threads == 1 else time.perf_counter
    found = times_in_turns(runs, turns=turns, turn_seconds=turn_seconds, clock=clock)
    return [1000 * low_quartile(series) for series in found]


def without_call(ms: float, call_ms: float) -> float:
    """Return what an operator takes within a file, by the time that it takes alone and the price of a call.

    Example:
        >>> without_call(0.02, 0.001)
        0.019
    """
    return max(ms - call_ms, ms * _LEAST)


def operator_run(operator: Operator, threads: int) -> Callable[[], None]:
    """Return a function that runs an operator once, on noise.

    Raises:
        SepzooError: LiteRT can't run it.
    """
    random = np.random.default_rng(0)
    try:
        interpreter = open_interpreter(operator_file(operator), threads)
        for detail, tensor in zip(interpreter.get_input_details(), operator.given, strict=True):
            interpreter.set_tensor(detail["index"], random_values(tensor, random))
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise SepzooError(
            f"expected an operator that LiteRT runs. Received: {operator} ({first_line(error)})."
        ) from None
    return interpreter.invoke


def file_run(content: bytes, threads: int) -> Callable[[], None]:
    """Return a function that runs a `.tflite` file once, on noise.

    Raises:
        ValueError, RuntimeError: LiteRT can't read the file, or lacks an operator.
    """
    interpreter = open_interpreter(content, threads)
    random = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        dtype = np.dtype(detail["dtype"])
        whole = np.issubdtype(dtype, np.integer)
        noise = random.integers(0, 100, detail["shape"]) if whole else random.standard_normal(detail["shape"])
        interpreter.set_tensor(detail["index"], noise.astype(dtype))
    return interpreter.invoke
