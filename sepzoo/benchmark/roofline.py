"""What a machine can do at most: products of matrices, and bytes from memory; and how near operators come to it."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal

import numpy as np

from sepzoo.benchmark.operator_costs import Costs
from sepzoo.benchmark.operator_making import make_operator
from sepzoo.benchmark.operator_record import Operator

Bound = Literal["arithmetic", "memory", "neither"]

_PRODUCTS = [((1, 32, 32, 256), 256), ((1, 16, 16, 512), 512), ((1, 48, 48, 128), 384)]
"""Pointwise convolutions that keep the arithmetic units busy: input shape, filters."""

_SIZES = [2**power for power in range(14, 27, 2)]
"""Bytes that memory is measured with: 16 KiB to 64 MiB, read and written."""

_NEAR = 1 / 3
"""An operator that takes more than three times its limit is bound by something else: its kernel, or the call."""


@dataclasses.dataclass(frozen=True)
class Roofline:
    """The limits of a machine in one runtime, with a number of threads, for one type of numbers.

    Attributes:
        macs_per_ms: multiply-accumulates in a millisecond, at most.
        sizes: bytes that were moved at a time.
        bytes_per_ms: that were moved in a millisecond, for each size: caches are faster than memory.
    """

    macs_per_ms: float
    sizes: tuple[int, ...]
    bytes_per_ms: tuple[float, ...]

    @classmethod
    def measure(cls, costs: Costs, dtype: str = "float32") -> Roofline:
        """Measure it, or read it from the table of operators' times.

        The peak is that of the fastest of some large pointwise convolutions. Memory is measured by what streams: a
        ReLU, which reads and writes, and a product of one row with a large matrix, which reads; the faster counts.

        Args:
            costs: of this machine.
            dtype: "float32" or "int8".
        """
        products = [make_operator("conv", shape, filters=filters, dtype=dtype) for shape, filters in _PRODUCTS]
        streams = [make_operator("relu", (1, 1, 1, size // 8)) for size in _SIZES]
        reads = [make_operator("dense", (1, (side := math.isqrt(size // 4))), filters=side) for size in _SIZES]
        ms = costs.ms([*products, *streams, *reads])
        peaks, written, read = ms[: len(products)], ms[len(products) :][: len(streams)], ms[-len(reads) :]
        return cls(
            macs_per_ms=max(each.macs / took for each, took in zip(products, peaks, strict=True)),
            sizes=tuple(_SIZES),
            bytes_per_ms=tuple(
                max(one.bytes / a, other.bytes / b)
                for one, a, other, b in zip(streams, written, reads, read, strict=True)
            ),
        )

    def arithmetic_ms(self, operator: Operator) -> float:
        """Return the milliseconds that the multiply-accumulates take at least."""
        return operator.macs / self.macs_per_ms

    def memory_ms(self, operator: Operator) -> float:
        """Return the milliseconds that reading and writing each byte once takes at least."""
        speed = np.interp(math.log(max(operator.bytes, 1)), self._logarithms, self.bytes_per_ms)
        return operator.bytes / float(speed)

    def limit_ms(self, operator: Operator) -> float:
        """Return the milliseconds that an operator takes at least: the longer of both."""
        return max(self.arithmetic_ms(operator), self.memory_ms(operator))

    def bound(self, operator: Operator, ms: float) -> Bound:
        """Return what an operator that takes `ms` is bound by; "neither" where it is far from both limits."""
        if self.limit_ms(operator) < _NEAR * ms:
            return "neither"
        return "arithmetic" if self.arithmetic_ms(operator) >= self.memory_ms(operator) else "memory"

    @functools.cached_property
    def _logarithms(self) -> list[float]:
        return [math.log(size) for size in self.sizes]
