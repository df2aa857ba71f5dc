"""Pixels that were divided by 255 and cast to 8 bits again are refused by every command that takes a file of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command

COMMANDS = {
    "export int8": ("export", "--to", "tflite:int8"),
    "export all": ("export", "--to", "all"),
    "export checked": ("export", "--to", "tflite:float32"),
    "prune channels": ("compress", "--prune-channels", "macs=0.5", "--out", "new.keras"),
    "prune": ("compress", "--prune", "0.5", "--out", "new.keras"),
    "cluster": ("compress", "--cluster", "16", "--out", "new.keras"),
    "qat": ("compress", "--qat", "epochs=1", "--out", "new.keras"),
    "shrink": ("shrink", "--macs", "50%", "--out", "new.tflite"),
    "rewrite": ("rewrite", "--decouple", "macs=0.5", "--out", "new.keras"),
    "evaluate": ("evaluate",),
    "predict": ("predict",),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", COMMANDS)
def test_they_are_refused_in_one_line(
    case: str, command: Command, small_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 2, (40, 32, 32, 1)).astype("uint8")
    np.savez("bits.npz", inputs=images, labels=np.arange(40) % 10)
    name, *options = COMMANDS[case]
    outcome = command(
        name, small_files / "small.keras", *options, *([] if name == "predict" else ["--data"]), "bits.npz"
    )
    assert outcome.code == 2
    words = "error: bits.npz: expected pixels of 0 … 255. Received: uint8 of 0 … 1 in all "
    assert outcome.err.splitlines()[-1].startswith(words)
    assert [path.name for path in tmp_path.iterdir()] == ["bits.npz"]
