"""What a network may cost."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Literal

from sepzoo.support.errors import SepzooError, unknown

Limit = float | str

Costs = Literal["measured", "macs"]
"""Whether time is measured, or multiply-accumulates stand for it."""

RESOURCES = {"macs": "", "kib": "KiB", "latency_ms": "ms", "ram_kib": "KiB"}
"""Resource -> the unit that its limits are in."""

LIMITED = {"macs": "multiply-accumulates", "kib": "size", "latency_ms": "latency", "ram_kib": "memory"}
"""Resource -> what it is, in words."""

MEMORY = "ram_kib"
"""The resource that doesn't add up over the layers."""


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits of what a network's file may cost; each a number, or a share of what the original's costs: "50%".

    Attributes:
        latency_ms: milliseconds for one sample, on this machine, one thread.
        kib: size of the file, in KiB of 1,024 bytes.
        macs: multiply-accumulates for one sample.
        ram_kib: largest sum of the activations that are in memory at once, in KiB.

    Raises:
        SepzooError: no limit at all, or one that is no number above 0 and no share above 0 % and up to 100 %.

    Example:
        >>> Budget(macs="50%", kib=300).limits({"macs": 1_000_000, "kib": 500.0})
        {'kib': 300.0, 'macs': 500000.0}
    """

    latency_ms: Limit | None = None
    kib: Limit | None = None
    macs: Limit | None = None
    ram_kib: Limit | None = None

    def __post_init__(self) -> None:
        if not self.resources:
            raise SepzooError(
                "expected a budget of latency, size, multiply-accumulates or memory. Received: none. Say one, such as "
                "macs='50%'."
            )
        for name in self.resources:
            _number(name, getattr(self, name), 1.0)

    @property
    def resources(self) -> tuple[str, ...]:
        """What is limited."""
        return tuple(field.name for field in dataclasses.fields(self) if getattr(self, field.name) is not None)

    def limits(self, original: Mapping[str, float]) -> dict[str, float]:
        """Return the limits as numbers.

        Args:
            original: what the original costs, by resource.
        """
        return {name: _number(name, getattr(self, name), original[name]) for name in self.resources}

    def by(self, costs: Costs) -> Budget:
        """Return the budget of what is measured: with "macs" a share of the time is that of the multiply-accumulates.

        Raises:
            SepzooError: other costs, a time in milliseconds, or a limit of multiply-accumulates beside it.

        Example:
            >>> Budget(latency_ms="50%").by("macs")
            Budget(latency_ms=None, kib=None, macs='50%', ram_kib=None)
        """
        if costs not in ("measured", "macs"):
            raise unknown("costs", costs, ("measured", "macs"))
        if costs == "measured" or self.latency_ms is None:
            return self
        if self.macs is not None:
            raise SepzooError(
                "expected one limit where multiply-accumulates stand for time. Received: one of latency and one of "
                "multiply-accumulates. Leave the first out."
            )
        if not isinstance(self.latency_ms, str) or "%" not in self.latency_ms:
            raise SepzooError(
                "expected a share of the latency, such as '50%', where multiply-accumulates stand for time. Received: "
                f"{self.latency_ms} ms. Say a share, or limit the multiply-accumulates."
            )
        return dataclasses.replace(self, latency_ms=None, macs=self.latency_ms)


def shown(resource: str, value: float, *, least: bool = False) -> str:
    """Return what is spent of a resource, in words.

    Args:
        resource: its name.
        value: how much.
        least: whether as much is needed, so that it is rounded up: a limit of what is shown can be kept.

    Example:
        >>> shown("macs", 1234567.0), shown("kib", 300.0), shown("kib", 17.92, least=True)
        ('1,234,567 MACs', '300.0 KiB', '18.0 KiB')
    """
    if resource == "macs":
        return f"{math.ceil(value) if least else math.floor(value):,} MACs"
    if least:
        place = 10.0 ** (2 - math.floor(math.log10(value))) if resource == "latency_ms" and value > 0 else 10.0
        value = math.ceil(value * place - 1e-9) / place
    told = f"{value:.3g}" if resource == "latency_ms" else f"{value:,.1f}"
    return f"{told} {RESOURCES[resource]}" + (" of memory" if resource == MEMORY else "")


def _number(name: str, limit: Limit, whole: float, option: str | None = None) -> float:
    """Return a limit as a number; errors call it by the option that it was given by, else by its argument."""
    share = isinstance(limit, str) and limit.strip().endswith("%")
    try:
        if isinstance(limit, str) and share:
            part = float(limit.strip().removesuffix("%")) / 100
            found = part * whole if 0 < part <= 1 else math.nan
        else:
            found = math.nan if isinstance(limit, bool) else float(limit)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if name == "macs" and not share and 0 < found < 1:
        raise SepzooError(
            f"expected {option or name} as a number of multiply-accumulates, 1 or more. Received: {limit!r}. A share "
            f"of the original's is written '{100 * found:.4g}%'."
        )
    if not 0 < found < math.inf:
        unit = RESOURCES[name] or "multiply-accumulates"
        raise SepzooError(
            f"expected {option or name} as a number of {unit} above 0, or a share up to 100 % such as '50%'. Received: "
            f"{limit!r}."
        )
    return found


def parse_limit(text: str | None, option: str, resource: str) -> Limit | None:
    """Read a limit as the command line has it: `50%`, `2ms`, `300KiB`, `6000000`.

    Raises:
        SepzooError: it is something else.

    Example:
        >>> parse_limit("300KiB", "--size", "kib"), parse_limit("50%", "--macs", "macs")
        (300.0, '50%')
    """
    if text is None:
        return None
    unit, given = RESOURCES[resource], text.strip().lower()
    if given.endswith("%"):
        _number(resource, given, 1.0, option)
        return given
    number = given.removesuffix(unit.lower()) if unit else given
    try:
        grouped = re.fullmatch(r"\d{1,3}([,_]\d{3})+(\.\d+)?", number.strip())  # a comma alone may be meant as a point
        found = float(number.replace(",", "").replace("_", "") if grouped else number)
    except ValueError:
        example = f"2{unit}" if resource == "latency_ms" else f"300{unit}" if unit else "6000000"
        raise SepzooError(f"expected {option} such as 50% or {example}. Received: {text!r}.") from None
    _number(resource, found, 1.0, option)
    return found
