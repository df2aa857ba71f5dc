"""Run in a process of its own: open mutated files as a user would, and print what became of each.

By hand: python -m tests.artifact.inspection.mutations FOLDER FIRST COUNT KIND ...
"""

from __future__ import annotations

import faulthandler
import json
import re
import resource
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.artifact.inspection import files
from tests.data.mutations import mutated

SECONDS = 10
NUMBERS = (b"0", b"-1", b"1.5", b"4294967296", b"1000000000", b"1e308", b"NaN", b"null", b"[]", b"{}", b'"x"', b"true")


def main() -> None:
    """Open the mutations of each kind, and print a JSON object: kind -> outcomes, seconds of the longest, memory."""
    folder, first, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    import keras

    from sepzoo.artifact.inspection import one_child
    from sepzoo.support.errors import SepzooError

    keras.utils.set_random_seed(1)
    results = {}
    for kind in sys.argv[4:]:
        whole, path = folder / f"whole{kind}", folder / f"mutated{kind}"
        opened = _openers(keras)[kind]
        opened(whole)
        before, outcomes, longest = _memory(), [], 0.0
        with one_child():
            for seed in range(first, first + count):
                path.write_bytes(changed(whole.read_bytes(), np.random.default_rng(seed)))
                print(kind, seed, file=sys.stderr, flush=True)  # noqa: T201  (the last line names one that crashes)
                faulthandler.dump_traceback_later(SECONDS + 5, exit=True)
                start = time.monotonic()
                try:
                    opened(path)
                    outcome = "opened"
                except SepzooError as error:
                    text = str(error)
                    named = path.name in text or re.match("[^:]+: ", text)  # by the file, or by the model in it
                    fine = named and "\n" not in text
                    outcome = "refused" if fine else f"seed {seed}: not one line that names the file: {text!r}"
                except Exception as error:
                    outcome = f"seed {seed}: traceback: {type(error).__name__}: {error}"
                longest = max(longest, time.monotonic() - start)
                outcomes.append(outcome)
        faulthandler.cancel_dump_traceback_later()
        results[kind] = {"outcomes": outcomes, "longest": round(longest, 1), "grown": _memory() - before}
    print(json.dumps(results))  # noqa: T201


def changed(content: bytes, random: np.random.Generator) -> bytes:
    """Return a file with something changed: bytes of it, its end cut off, or what is packed in it, packed again."""
    way = int(random.integers(8))
    if way == 0:
        return content[: int(random.integers(len(content)))]
    if content[:2] == b"PK" and way > 2:
        return _repacked(content, random)
    if way > 4 and re.search(rb"[:,\[] ?\d", content):
        return _other_number(content, random)
    return mutated(content, random)


def _repacked(content: bytes, random: np.random.Generator) -> bytes:
    source, target = Path("unpacked.zip"), Path("repacked.zip")
    source.write_bytes(content)
    with zipfile.ZipFile(source) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(members)[int(random.integers(len(members)))]
    change = _other_number if name == "config.json" and random.integers(4) else mutated
    members[name] = change(members[name], random)
    return files.archive(target, members).read_bytes()


def _other_number(content: bytes, random: np.random.Generator) -> bytes:
    places = list(re.finditer(rb"(?<=[:,\[ ])-?\d+(\.\d+)?(?=[\s,\]}])", content)) or [re.match(b"", content)]
    place = places[int(random.integers(len(places)))]
    assert place is not None
    return content[: place.start()] + NUMBERS[int(random.integers(len(NUMBERS)))] + content[place.end() :]


def _openers(keras: Any) -> dict[str, Callable[[Path], object]]:
    from sepzoo import inference
    from sepzoo.applications import load_weights
    from sepzoo.artifact import model_file
    from sepzoo.training import Recipe

    layers = keras.layers

    def weights(path: Path) -> object:
        start = keras.Input((3,))
        return load_weights(keras.Model(start, layers.Dense(2, name="predictions")(start), name="small"), path)

    def classify(path: Path) -> object:
        return inference.open(path).predict(np.zeros((1, 8, 8, 3), "uint8"))

    return {
        ".keras": model_file.load,
        ".h5": model_file.load,
        ".npz": weights,
        ".safetensors": weights,
        ".tflite": classify,
        ".yaml": Recipe.load,
    }


def _memory() -> int:
    """Return the most bytes of memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
