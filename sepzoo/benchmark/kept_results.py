"""What was measured on this machine, kept on disk: the latest of each thing."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from sepzoo.benchmark.machine import Machine, this_machine
from sepzoo.benchmark.result import BenchmarkResult
from sepzoo.support.atomic import atomic_write
from sepzoo.support.cache_folder import cache_folder
from sepzoo.support.json_text import parse_json
from sepzoo.support.types import Json


def keep_results(results: Iterable[BenchmarkResult], folder: Path | None = None) -> Path:
    """Write results beside those of before; what was measured in the same way is replaced.

    Args:
        results: of this machine.
        folder: where the machines' files are; None: `benchmarks` in the cache folder.

    Raises:
        SepzooError: the folder can't be written to.
    """
    machine = this_machine()
    path = _path(machine, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    day = time.strftime("%Y-%m-%d")
    with FileLock(path.with_suffix(".lock")):
        known = {_key(each): each for each in read_kept_results(folder)}
        for result in results:
            new = {**result.to_dict(), "day": day}
            known[_key(new)] = new
        content = {"machine": dataclasses.asdict(machine), "results": list(known.values())}
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    return path


def read_kept_results(folder: Path | None = None) -> list[dict[str, Json]]:
    """Return what was measured on this machine, each as `BenchmarkResult.to_dict` gives it, and the day.

    Args:
        folder: as `keep_results` takes it.
    """
    path = _path(this_machine(), folder)
    try:
        found = parse_json(path.read_bytes())["results"]
        return [each for each in found if _key(each)]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, KeyError) as error:
        logging.getLogger("sepzoo").warning(
            "%s: expected results of a benchmark. Received: a damaged file (%s). It is written anew.", path, error
        )
        return []


def _path(machine: Machine, folder: Path | None) -> Path:
    return (folder or cache_folder("benchmarks")) / f"{machine.key}.json"


def _key(result: dict[str, Json]) -> tuple[Json, ...]:
    return tuple(result[name] for name in ("target", "size", "runtime", "threads", "batch"))
