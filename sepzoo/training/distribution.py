"""Over which devices and machines a run computes, as it is said or as a cluster's scheduler says it."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping
from typing import Literal, get_args

from sepzoo.support.errors import SepzooError, unknown

DistributionKind = Literal["mirrored", "multihost"]
"""All GPUs of one machine, by TensorFlow; several processes on one or many machines, by JAX."""
KINDS: tuple[DistributionKind, ...] = get_args(DistributionKind)
_ADDRESS = re.compile(r"(\[[^\]\s]+\]|[^:\s]+):(\d{1,5})")


@dataclasses.dataclass(frozen=True)
class Distribution:
    """Where a run computes. The batch is that of the recipe, and each device gets an equal part of it.

    Attributes:
        kind: `mirrored` (`tf.distribute.MirroredStrategy` over the GPUs of this machine) or `multihost`
            (`keras.distribution.DataParallel` over `jax.distributed`: the same run in several processes).
        coordinator: HOST:PORT of process 0, where the others find it; None where JAX asks the scheduler for it.
        processes: how many there are in all.
        index: of this one, 0 … processes - 1; the one of index 0 alone writes the run folder.
        wait: seconds until all processes must have come together.

    Raises:
        SepzooError: a value that does not fit.

    Example:
        >>> Distribution("multihost", coordinator="gpu0:1234", processes=2, index=1).index
        1
    """

    kind: DistributionKind
    coordinator: str | None = None
    processes: int | None = None
    index: int | None = None
    wait: float = 300.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("distribution", str(self.kind), KINDS)
        said = {name: getattr(self, name) for name in ("coordinator", "processes", "index")}
        if self.kind == "mirrored" and any(value is not None for value in said.values()):
            [name, value] = next((name, value) for name, value in said.items() if value is not None)
            raise SepzooError(f"expected no {name} with mirrored, which is one process. Received: {name}={value}.")
        if self.coordinator is not None and not _is_address(self.coordinator):
            raise SepzooError(
                f"expected a coordinator as HOST:PORT, a port of 1 … 65535. Received: coordinator={self.coordinator!r}."
            )
        if self.processes is not None and self.processes < 1:
            raise SepzooError(f"expected at least one process. Received: processes={self.processes}.")
        if self.index is not None and not 0 <= self.index < (self.processes or self.index + 1):
            most = "…" if self.processes is None else f"… {self.processes - 1}"
            raise SepzooError(f"expected an index of 0 {most}, one for each process. Received: index={self.index}.")
        if not self.wait > 0:
            raise SepzooError(f"expected seconds to wait, more than 0. Received: wait={self.wait}.")

    def completed(self, environment: Mapping[str, str] = os.environ) -> Distribution:
        """Return it with what is left open filled in from the variables that a cluster's scheduler has set.

        Slurm, Open MPI, indexed jobs of Kubernetes and pods are known by the variable of their index; see `SCHEDULERS`.

        Raises:
            SepzooError: something is left open, or a variable holds no number.

        Example:
            >>> variables = {"JOB_COMPLETION_INDEX": "1", "JAX_COORDINATOR_ADDRESS": "train-0.train:1234"}
            >>> Distribution("multihost", processes=2).completed(variables)
            Distribution(kind='multihost', coordinator='train-0.train:1234', processes=2, index=1, wait=300.0)
        """
        if self.kind == "mirrored":
            return self
        scheduler = next((each for each in SCHEDULERS if each.index in environment), None)
        found = dataclasses.replace(
            self,
            coordinator=self.coordinator or _coordinator(scheduler, environment),
            processes=self.processes if self.processes is not None else _number(scheduler, "processes", environment),
            index=self.index if self.index is not None else _number(scheduler, "index", environment),
        )
        asks = scheduler is not None and scheduler.known_to_jax
        for name in ("coordinator", "processes", "index"):
            if getattr(found, name) is None and not (name == "coordinator" and asks):
                where = "a scheduler's variables" if scheduler is None else f"a variable of {scheduler.name} for it"
                raise SepzooError(f"expected --{name} for multihost. Received: neither it nor {where}.")
        return found


def distribution_of(
    kind: str | None,
    *,
    coordinator: str | None = None,
    processes: int | None = None,
    index: int | None = None,
    wait: float = 300.0,
) -> Distribution | None:
    """Return what a command line says, completed; None where it says nothing.

    Raises:
        SepzooError: a value that does not fit, or one of several processes without a kind.
    """
    if kind is None:
        for name, value in {"coordinator": coordinator, "processes": processes, "index": index}.items():
            if value is not None:
                raise SepzooError(f"expected --distribute multihost beside --{name}. Received: --{name} {value} alone.")
        return None
    return Distribution(kind, coordinator, processes, index, wait).completed()  # type: ignore[arg-type]


def says_that_one_is_lost(said: Distribution) -> SepzooError:
    """Return the error for a process that ended before the others."""
    return SepzooError(
        f"expected all {said.processes} processes until the end. Received: no answer from another one. Begin them all "
        "again: the same commands go on from the last checkpoint."
    )


def says_that_none_answers(said: Distribution) -> SepzooError:
    """Return the error for processes that did not come together."""
    return SepzooError(
        f"expected {said.processes} processes within {said.wait:.0f} seconds at {said.coordinator or 'the first one'}. "
        "Received: no answer, or too few. See that the one of index 0 runs there, that its port is open, and that all "
        "are told the same coordinator and processes."
    )


@dataclasses.dataclass(frozen=True)
class Scheduler:
    """What starts processes on the machines of a cluster, and by which variables it tells each its place.

    Attributes:
        name: what it is called.
        index: variable of the process's number; where it is set, the scheduler is taken to be there.
        processes: variables of their count, the first that is set.
        coordinator: pairs of variables that hold the host and the port of process 0, the first that is set.
        known_to_jax: JAX finds the coordinator, and which devices are this process's.
    """

    name: str
    index: str
    processes: tuple[str, ...]
    coordinator: tuple[tuple[str, str], ...] = ()
    known_to_jax: bool = False


_OF_PYTORCH = ("MASTER_ADDR", "MASTER_PORT")
SCHEDULERS = (
    Scheduler("Slurm", "SLURM_PROCID", ("SLURM_NTASKS",), known_to_jax=True),
    Scheduler("Open MPI", "OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",), known_to_jax=True),
    Scheduler("Kubernetes", "JOB_COMPLETION_INDEX", ("NUM_PROCESSES", "WORLD_SIZE"), (_OF_PYTORCH,)),
    Scheduler("pods", "NODE_RANK", ("NUM_NODES",), (("PRIMARY_ADDR", "PRIMARY_PORT"), _OF_PYTORCH)),
    Scheduler("torchrun", "RANK", ("WORLD_SIZE",), (_OF_PYTORCH,)),
)
"""The first whose index is set counts. JAX's own `JAX_COORDINATOR_ADDRESS` goes before all others for a coordinator."""


def _coordinator(scheduler: Scheduler | None, environment: Mapping[str, str]) -> str | None:
    if "JAX_COORDINATOR_ADDRESS" in environment:
        return environment["JAX_COORDINATOR_ADDRESS"]
    for host, port in () if scheduler is None else scheduler.coordinator:
        if host in environment and port in environment:
            return f"{environment[host]}:{environment[port]}"
    return None


def _number(
    scheduler: Scheduler | None, what: Literal["processes", "index"], environment: Mapping[str, str]
) -> int | None:
    if scheduler is None:
        return None
    names = scheduler.processes if what == "processes" else (scheduler.index,)
    for name in names:
        if name in environment:
            try:
                return int(environment[name])
            except ValueError:
                raise SepzooError(f"expected a number in {name}. Received: {name}={environment[name]!r}.") from None
    return None


def _is_address(text: str) -> bool:
    match = _ADDRESS.fullmatch(text)
    return match is not None and 1 <= int(match[2]) <= 65535
