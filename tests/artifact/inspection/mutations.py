"""Seeded mutations of whole files of each kind: opened as a user would, and what became of each.

By hand, into a table of one row a mutation that a later call goes on with:

    python -m tests.artifact.inspection.mutations ROWS.csv 1000 [KIND ...]
"""

from __future__ import annotations

import csv
import dataclasses
import faulthandler
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.artifact.inspection import files
from tests.artifact.inspection.openers import Opener, openers
from tests.artifact.inspection.whole_files import HOSTILE, WITNESS, write_whole
from tests.data.mutations import mutated
from tests.test_imports import ROOT

OPTIONAL = {".onnx": ("tf2onnx", "onnxruntime"), "OpenVINO": ("openvino",)}
"""Kinds of file, and the packages that their tests need."""
KINDS = (
    *(".keras", ".h5", ".npz", ".safetensors", ".tflite", "SavedModel", ".yaml", ".wav", ".ts"),
    *(".jpg", ".png", ".txt"),
    *(kind for kind, packages in OPTIONAL.items() if all(map(importlib.util.find_spec, packages))),
)
SECONDS = 10
MEMORY = 2**30
"""Bytes by which the process that opens them may grow."""

NUMBERS = (b"0", b"-1", b"1.5", b"4294967296", b"1000000000", b"1e308", b"NaN", b"null", b"[]", b"{}", b'"x"', b"true")
_FIRST = 1000


@dataclasses.dataclass(frozen=True)
class Row:
    """What became of one mutation: "opened", "refused", or what went wrong; in seconds, and the most MiB until then."""

    kind: str
    seed: int
    outcome: str
    seconds: float
    grown: int


@dataclasses.dataclass(frozen=True)
class Task:
    """Which mutations of a kind are to be opened: from the seed `first` to below `end`."""

    kind: str
    first: int
    end: int


def opened(folder: Path, tasks: Sequence[Task]) -> Iterator[Row]:
    """Open mutations in another process; where it crashes or hangs that is the row, and one more goes on behind it."""
    left = [task for task in tasks if task.first < task.end]
    while left:
        line = [sys.executable, "-W", "ignore", "-m", "tests.artifact.inspection.mutations", "--worker", str(folder)]
        given = [json.dumps([dataclasses.astuple(task) for task in left])]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
        with tempfile.TemporaryFile() as errors:
            with subprocess.Popen(
                [*line, *given], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors
            ) as process:
                assert process.stdout is not None
                for text in process.stdout:
                    if text.startswith(b'{"kind"'):
                        row = Row(**json.loads(text))
                        left = _behind(left, row)
                        yield row
            if left:
                errors.seek(0)
                said = errors.read().decode(errors="replace")
                outcome = "hung" if "Timeout (" in said else f"crashed: {process.returncode} {said[-300:]!r}"
                row = Row(left[0].kind, left[0].first, outcome, SECONDS, 0)
                left = _behind(left, row)
                yield row


def _behind(tasks: Sequence[Task], row: Row) -> list[Task]:
    """Return what is left to do behind a row."""
    current = dataclasses.replace(tasks[0], first=row.seed + 1)
    return [task for task in (current, *tasks[1:]) if task.first < task.end]


def work(folder: Path, tasks: Iterable[Task]) -> None:
    """Open mutations in this process, and print what became of each."""
    import keras

    from sepzoo.artifact.inspection import one_child

    keras.utils.set_random_seed(1)
    open_files = openers(keras)
    with one_child():
        for task in tasks:
            _work(folder, task, open_files[task.kind])


def _work(folder: Path, task: Task, open_file: Opener) -> None:
    kind = task.kind
    whole, hostile, path = folder / f"whole{kind}", folder / f"hostile{kind}", folder / f"mutated{kind}"
    open_file(whole)
    before = _memory()
    for seed in range(task.first, task.end):
        source = hostile if seed % 4 == 0 and kind in HOSTILE else whole
        change_path(source, path, np.random.default_rng(seed))
        faulthandler.dump_traceback_later(SECONDS + 5, exit=True)
        start = time.monotonic()
        outcome = _outcome(open_file, path)
        if (folder / WITNESS).exists():
            outcome = f"ran code: {outcome}"
            (folder / WITNESS).unlink()
        row = Row(kind, seed, outcome, round(time.monotonic() - start, 1), (_memory() - before) >> 20)
        print(json.dumps(dataclasses.asdict(row)), flush=True)  # noqa: T201
    faulthandler.cancel_dump_traceback_later()


def _outcome(open_file: Opener, path: Path) -> str:
    from sepzoo.support.errors import SepzooError

    try:
        open_file(path)
    except SepzooError as error:
        text = str(error)
        named = path.name in text or re.match("[^:]+: ", text)  # by the file, or by the model in it
        return "refused" if named and "\n" not in text else f"not one line that names the file: {text!r}"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {error}"
    return "opened"


def change_path(source: Path, target: Path, random: np.random.Generator) -> None:
    """Write what is at `source` to `target` with something changed; of a folder one file, its graph most often."""
    if source.is_file():
        target.write_bytes(changed(source.read_bytes(), random))
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    inside = sorted(file for file in target.rglob("*") if file.is_file() and file.stat().st_size)
    graph = next(target / name for name in ("saved_model.pb", "model.xml") if (target / name).is_file())
    file = graph if random.integers(3) else inside[int(random.integers(len(inside)))]
    file.write_bytes(changed(file.read_bytes(), random))


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
    change = _other_number if name.endswith(".json") and random.integers(4) else mutated
    members[name] = change(members[name], random)
    return files.archive(target, members).read_bytes()


def _other_number(content: bytes, random: np.random.Generator) -> bytes:
    places = list(re.finditer(rb"(?<=[:,\[ ])-?\d+(\.\d+)?(?=[\s,\]}])", content))
    if not places:
        return mutated(content, random)
    place = places[int(random.integers(len(places)))]
    return content[: place.start()] + NUMBERS[int(random.integers(len(NUMBERS)))] + content[place.end() :]


def _memory() -> int:
    """Return the most bytes of memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(rows: Iterable[Row]) -> str:
    """Return the rows' sums as the table of docs/security.md."""
    lines = [
        "| format | refused in one line | opened | tracebacks | crashes | code run | longest, s | memory, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = list(rows)
    for kind in dict.fromkeys(row.kind for row in rows):
        own = [row for row in rows if row.kind == kind]
        words = Counter(row.outcome.partition(":")[0] for row in own)
        sound = words["refused"] + words["opened"]
        crashes, code = words["crashed"] + words["hung"], words["ran code"]
        counts = (words["refused"], words["opened"], len(own) - sound - crashes - code, crashes, code)
        most = (max(row.seconds for row in own), max(row.grown for row in own))
        name = f"`{kind}`" if kind.startswith(".") else kind
        lines.append(f"| {name} | {' | '.join(f'{number:,}' for number in (*counts, *most))} |")
    return "\n".join(lines)


def main() -> None:
    """Go on with a table of rows until each kind has its number, and print the sums."""
    target, count, kinds = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS)
    rows = []
    if target.is_file():
        with target.open(encoding="utf-8", newline="") as file:
            rows = [Row(k, int(s), o, float(t), int(g)) for k, s, o, t, g in list(csv.reader(file))[1:]]
    with tempfile.TemporaryDirectory() as folder, target.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if not rows:
            writer.writerow(field.name for field in dataclasses.fields(Row))
        write_whole(Path(folder), kinds)
        done = Counter(row.kind for row in rows)
        for row in opened(Path(folder), [Task(kind, _FIRST + done[kind], _FIRST + count) for kind in kinds]):
            rows.append(row)
            writer.writerow(dataclasses.astuple(row))
            file.flush()
    print(table(rows))  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        work(Path(sys.argv[2]), [Task(*task) for task in json.loads(sys.argv[3])])
    else:
        main()
