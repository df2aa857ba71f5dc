"""The machine that times hold for."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import platform
import re
from pathlib import Path

_ROOM = 1 << 30
_USUAL_CACHE = 1 << 20


@dataclasses.dataclass(frozen=True)
class Machine:
    """A computer, as far as its speed depends on it. `this_machine` describes the one at hand.

    Attributes:
        processor: its name, with what tells it from others of that name (family, model, stepping) where that is known.
        cores: that this process may use.
        memory: bytes; 0 where the system doesn't say.
        cache: bytes of the second cache of a core; 1 MiB where the system doesn't say.
        vectors: the widest vector instructions that the system names, such as "avx512_vnni"; empty where it names none.
        system: operating system and architecture.

    Example:
        >>> machine = Machine("AMD EPYC (25/17/1)", 2, 8 << 30, 1 << 20, "avx2", "Linux x86_64")
        >>> print(machine)
        AMD EPYC (25/17/1), 2 cores, 8 GiB, avx2, Linux x86_64
    """

    processor: str
    cores: int
    memory: int
    cache: int
    vectors: str
    system: str

    @property
    def key(self) -> str:
        """A name for files, which another machine has not; memory and cores don't count."""
        whole = f"{self.processor}|{self.vectors}|{self.system}"
        name = re.sub(r"[^a-z0-9]+", "-", self.processor.lower()).strip("-")
        return f"{name[:40]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        memory = f"{self.memory / _ROOM:.0f} GiB" if self.memory else ""
        return ", ".join(part for part in (self.processor, cores, memory, self.vectors, self.system) if part)


@functools.cache
def this_machine() -> Machine:
    """Return the machine that runs this process.

    Example:
        >>> this_machine().cores >= 1
        True
    """
    facts = _processor_facts()
    processor = facts.get("model name") or platform.processor() or platform.machine() or "unknown processor"
    numbers = [facts[name] for name in ("cpu family", "model", "stepping") if name in facts]
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    affinity = getattr(os, "sched_getaffinity", None)  # Linux's: the cores that this process may use
    known = ("amx_int8", "avx512_vnni", "avx512f", "avx_vnni", "avx2", "avx", "i8mm", "sve", "asimddp", "asimd")
    return Machine(
        processor=f"{processor} ({'/'.join(numbers)})" if numbers else processor,
        cores=os.cpu_count() or 1 if affinity is None else len(affinity(0)),
        memory=_memory(),
        cache=_cache(),
        vectors=next((each for each in known if each in flags), ""),
        system=f"{platform.system()} {platform.machine()}",
    )


def _processor_facts() -> dict[str, str]:
    """Return what Linux says of the first core; nothing elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0


def _cache() -> int:
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text(encoding="ascii").strip()
        return int(text.removesuffix("K")) << 10
    except (OSError, ValueError):  # no Linux
        return _USUAL_CACHE
