"""Run in a process of its own: read mutated pictures or label files, and print what became of each."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sepzoo.artifact.labels_file import read_labels
from sepzoo.data import read_image
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

MEMORY = 3 * 2**30
"""Bytes of address space of this process: Python, and the largest picture that is decoded, twice."""


def mutated(content: bytes, random: np.random.Generator) -> bytes:
    """Return bytes of which some were changed, cut out, doubled, or cut off."""
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 4))):
        at = int(random.integers(len(changed)))
        length = int(random.integers(1, 9))
        way = int(random.integers(5))
        if way == 0:
            changed[at] ^= 1 << int(random.integers(8))
        elif way == 1:
            changed[at : at + length] = random.bytes(length)
        elif way == 2:
            changed[at : at + length] = b"\xff" * length
        elif way == 3:
            changed[at:at] = changed[at : at + length]
        else:
            del changed[at + 1 : at + 1 + length * 8]
    return bytes(changed)


def answer(kind: str, path: Path) -> object:
    """Return what is read of a file, or None where it is refused in one line."""
    try:
        if kind == "labels":
            return read_labels(path)
        picture = read_image(path)
        assert Preprocessing().resize(picture, (32, 32)).shape == (32, 32, 3)
        return hashlib.sha256(np.asarray(picture.convert("RGB"))).hexdigest()
    except SepzooError as error:
        if "\n" in str(error) or "Received: " not in str(error):
            raise
        return None


def main() -> None:
    """Read a seed file's mutations: kind, seed file, first mutation, number of mutations."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # here, not by `preexec_fn`, which forks under threads
    kind, content = sys.argv[1], Path(sys.argv[2]).read_bytes()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(int(sys.argv[3]), int(sys.argv[3]) + int(sys.argv[4])):
            path = Path(folder, "mutated")
            path.write_bytes(mutated(content, np.random.default_rng(seed)))
            started = time.monotonic()
            results.append((seed, answer(kind, path), time.monotonic() - started))
    print(json.dumps(results))  # noqa: T201


if __name__ == "__main__":
    main()
