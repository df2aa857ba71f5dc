"""Carry a data set of small pictures to a machine without TFDS: split it into files of a bounded size, join them there.

`split cifar10 parts --count 2` writes each picture as lossless WebP into `parts/1.zip` and `parts/2.zip`, and the hash
of each into `parts/sums.json`. `join parts pictures` checks the hashes and unpacks `pictures/SPLIT/CLASS/NUMBER.webp`,
which `--set data=pictures` trains on; parts that came one after another are joined once all are there.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from sepzoo.data import open_source, split_names

SUMS = "sums.json"


def encoded(pixels: np.ndarray) -> bytes:
    """Return a picture, uint8 of shape (height, width, 1 or 3), as lossless WebP."""
    file = io.BytesIO()
    Image.fromarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels).save(
        file, "WEBP", lossless=True, quality=100, method=4
    )
    return file.getvalue()


def split(data: str, out: Path, count: int) -> None:
    """Write all splits of a data set into so many files of about one size."""
    out.mkdir(parents=True, exist_ok=True)
    archives = [zipfile.ZipFile(out / f"{number + 1}.zip", "w") for number in range(count)]
    for name in split_names(data):
        source, number = open_source(data, split=name), 0
        for images, labels in source.batches(256):
            for pixels, label in zip(images, labels, strict=True):
                place = f"{name}/{source.class_names[label]}/{number:06}.webp"
                archives[number % count].writestr(place, encoded(pixels))
                number += 1
    for archive in archives:
        archive.close()
    files = [Path(str(archive.filename)) for archive in archives]
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    (out / SUMS).write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
    for file in files:
        print(f"{file}: {file.stat().st_size / 2**20:.1f} MiB")


def join(parts: Path, out: Path) -> None:
    """Unpack all files, each checked before anything is written."""
    sums = json.loads((parts / SUMS).read_text(encoding="utf-8"))
    for name, expected in sums.items():
        file = parts / name
        found = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "no such file"
        if found != expected:
            raise SystemExit(
                f"{file}: expected the file that was split, {expected}. Received: {found}. Carry it again."
            )
    total = 0
    for name in sums:
        with zipfile.ZipFile(parts / name) as archive:
            archive.extractall(out)
            total += len(archive.namelist())
    print(f"{out}: {total} pictures")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    splitting, joining = commands.add_parser("split"), commands.add_parser("join")
    splitting.add_argument("data")
    splitting.add_argument("out", type=Path)
    splitting.add_argument("--count", type=int, default=2)
    joining.add_argument("parts", type=Path)
    joining.add_argument("out", type=Path)
    said = parser.parse_args()
    if said.command == "split":
        split(said.data, said.out, said.count)
    else:
        join(said.parts, said.out)


if __name__ == "__main__":
    main()
