"""Pictures come out of their parts as they went in, and a part that was damaged on its way is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepzoo.data import open_digits, open_source
from tests.test_imports import ROOT


def picture_parts(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "training/picture_parts.py", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_pictures_are_split_joined_and_checked(tmp_path: Path) -> None:
    parts, joined = tmp_path / "parts", tmp_path / "joined"
    done = picture_parts("split", "digits", parts, "--count", "2")
    assert done.returncode == 0, done.stderr
    assert set(json.loads((parts / "sums.json").read_text())) == {"1.zip", "2.zip"}
    sizes = [(parts / name).stat().st_size for name in ("1.zip", "2.zip")]
    assert max(sizes) < 1.1 * min(sizes)

    whole = (parts / "2.zip").read_bytes()
    for damaged in (b"", whole[:1000] + b"x" + whole[1001:]):
        (parts / "2.zip").write_bytes(damaged)
        refused = picture_parts("join", parts, joined)
        assert refused.returncode == 1
        assert "2.zip: expected the file that was split" in refused.stderr
        assert refused.stderr.endswith("Carry it again.\n")
        assert not joined.exists()
    (parts / "2.zip").write_bytes(whole)

    done = picture_parts("join", parts, joined)
    assert (done.returncode, done.stdout) == (0, f"{joined}: 1797 pictures\n")
    for split in ("train", "test"):
        ours, theirs = (open_source(joined, split=split, image_size=(8, 8), channels=1), open_digits(split=split))
        assert ours.class_names == theirs.class_names
        assert len(ours) == len(theirs)
        order = np.argsort(theirs.labels, kind="stable")  # class after class, as folders are read
        np.testing.assert_array_equal(ours.labels, theirs.labels[order])
        np.testing.assert_array_equal(ours.images(np.arange(len(ours))), theirs.pixels[order])
