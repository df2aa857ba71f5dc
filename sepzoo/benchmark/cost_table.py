"""Measured times of operators on disk: one file for each machine, version of the runtime and number of threads."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from sepzoo.benchmark.machine import Machine
from sepzoo.benchmark.operator_timing import REFERENCE, Timing
from sepzoo.support.atomic import atomic_write
from sepzoo.support.cache_folder import cache_folder
from sepzoo.support.json_text import parse_json

_RUNTIME = "ai-edge-litert"


@dataclasses.dataclass(frozen=True)
class CostTable:
    """A table of times on disk.

    Attributes:
        path: of its file.
        machine: whose times they are.
        threads: that each operator had.
    """

    path: Path
    machine: Machine
    threads: int

    @classmethod
    def of(cls, machine: Machine, threads: int, folder: Path | None = None) -> CostTable:
        """Return the table of a machine.

        Args:
            machine: whose.
            threads: that each operator has.
            folder: where tables are; None: `operators` in the cache folder.
        """
        name = f"{machine.key}-litert-{version(_RUNTIME)}-threads-{threads}.json"
        return cls((folder or cache_folder("operators")) / name, machine, threads)

    def read(self) -> dict[str, Timing]:
        """Return the times by the operators' keys; none of a file with another reference operator.

        Of a damaged file neither, and a warning is logged.
        """
        try:
            said = parse_json(self.path.read_bytes())
            if said["reference"] != REFERENCE.key:
                return {}
            return {key: Timing(float(ms), float(reference)) for key, (ms, reference) in said["operators"].items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            logging.getLogger("sepzoo").warning(
                "%s: expected a table of operators' times. Received: a damaged file (%s). They are measured again.",
                self.path,
                error,
            )
            return {}

    def add(self, timings: Mapping[str, Timing]) -> dict[str, Timing]:
        """Write more times, and return all; what other processes wrote meanwhile stays.

        Raises:
            SepzooError: the folder can't be written to.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock")):
            known = {**self.read(), **timings}
            content = {
                "machine": dataclasses.asdict(self.machine),
                "runtime": f"{_RUNTIME} {version(_RUNTIME)}",
                "threads": self.threads,
                "reference": REFERENCE.key,
                "columns": ["milliseconds", "milliseconds of the reference operator in the same turns"],
                "operators": {key: [each.ms, each.reference_ms] for key, each in sorted(known.items())},
            }
            with atomic_write(self.path) as temporary:
                temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return known
