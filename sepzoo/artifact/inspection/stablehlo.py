"""Folders with a function of StableHLO: each file is compared with the hash that was written with it."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from sepzoo.artifact.inspection.formats import STABLEHLO
from sepzoo.artifact.inspection.records import Array, Inspection, Layer, Member
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.json_text import parse_json
from sepzoo.support.regular_file import read_bounded
from sepzoo.support.types import Json

FUNCTION, WEIGHTS, ABOUT = STABLEHLO, "weights.npz", "about.json"

_CODE = re.compile(rb"\w*(?:py\w*callback|callback\w*py|host_callback)\w*", re.IGNORECASE)
"""Functions of the process that runs it, which a graph may call by their names."""


def read_about(path: Path) -> dict[str, Json]:
    """Return what was written about a folder's function, once its files are known to be those that were written.

    Raises:
        ValueError: it is damaged, or a file is another than was written.
    """
    try:
        about = parse_json(read_bounded(path / ABOUT, most_bytes=BOUNDS.labels))
    except OSError as error:
        raise ValueError(f"its {ABOUT}: {error}") from None
    hashes = about.get("sha256") if isinstance(about, dict) else None
    if not isinstance(hashes, dict) or FUNCTION not in hashes or not set(hashes) <= {FUNCTION, WEIGHTS}:
        raise ValueError(f"its {ABOUT} does not say the hashes of its files")
    for name, expected in hashes.items():
        file = path / name
        if not file.is_file() or file.stat().st_size > BOUNDS.unpacked // 2:
            raise ValueError(f"its {name} is missing, or larger than 2 GiB")
        if hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            raise ValueError(f"its {name} is another than was written")
    return about


def read_stablehlo(path: Path, members: tuple[Member, ...]) -> Inspection:
    """Return what is in a folder.

    Raises:
        ValueError: see `read_about`.
    """
    about = read_about(path)
    arrays: tuple[Array, ...] = ()
    pickled: tuple[str, ...] = ()
    if WEIGHTS in about["sha256"]:
        from sepzoo.artifact.inspection.archive import open_archive
        from sepzoo.artifact.inspection.numpy_archive import read_npz

        with (path / WEIGHTS).open("rb") as file, open_archive(file, file.seek(0, 2)) as archive:
            arrays, pickled = read_npz(archive)
    operators = about.get("operators")
    calls = sorted(set(_CODE.findall((path / FUNCTION).read_bytes())))
    return Inspection(
        path=str(path),
        format="StableHLO",
        bytes=sum(member.bytes for member in members),
        members=members,
        layers=tuple(
            Layer(f"{count} times", str(name))
            for name, count in (operators.items() if isinstance(operators, dict) else ())
        ),
        arrays=arrays,
        runs_code=(*(f"a call of {name.decode(errors='replace')}" for name in calls), *pickled),
    )
