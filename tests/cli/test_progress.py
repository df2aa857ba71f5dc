"""What takes more than a few seconds says what it does, and how long the rest takes; here nobody has any patience."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.slow
LEFT = r"\d+ of \d+ {}, about \d+:\d\d left"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.support.progress.PATIENCE", 0.0)
    monkeypatch.setattr("sepzoo.support.progress._is_terminal", lambda: True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("evaluate MODEL --data digits --split test[:20%]", LEFT.format("batches")),
        ("evaluate FILE --data digits --split test[:20%]", LEFT.format("batches")),
        ("analyse MODEL", LEFT.format("layers")),
        ("rewrite MODEL --decouple terms=1 --data digits --samples 32 --out OUT.keras", r"\d of \d layers measured"),
        ("rewrite MODEL --fold --out OUT.keras", "rewriting mobilenet_v1"),
        (
            "compress MODEL --prune-channels macs=0.9 --data digits --samples 40 --out OUT.keras",
            LEFT.format("layers measured") + r"(?s:.*)" + LEFT.format("layers fitted"),
        ),
        (
            "compress MODEL --prune-channels macs=0.9,importance=taylor --data digits --samples 40 --out OUT.keras",
            LEFT.format("batches of gradients"),
        ),
        ("compress MODEL --qat epochs=1 --data digits --samples 40 --out OUT.keras", "compressing mobilenet_v1"),
        ("verify FILE", "verifying FILE"),
        (
            "export MODEL --to tflite:int16x8 --data digits --calibration 32 --out OUT",
            "(?s:.*)".join(
                [
                    "exporting tflite:int16x8, step 1 of 3: preparing the network",
                    LEFT.format("layers rounded and corrected"),
                    "exporting tflite:int16x8, step 2 of 3: converting it",
                    LEFT.format("calibration samples"),
                    "exporting tflite:int16x8, step 3 of 3: comparing the file with it",
                    LEFT.format("batches answered by small"),
                ]
            ),
        ),
        ("classify FILE SCANS", LEFT.format("pictures")),
        ("predict FILE PIXELS", "running small on PIXELS"),
        ("profile MODEL", "opening MODEL"),
        ("build cifar_mobilenetv1_w1d8_bsconvu --out OUT.keras", "building cifar_mobilenetv1_w1d8_bsconvu"),
        (
            "export MODEL --to tflite:float32,tflite:float16 --data digits --out OUT",
            r"exporting tflite:float16 \(2 of 2\), about \d+:\d\d left\n(?s:.*)^tflite:float16, step 3 of 3: comparing",
        ),
    ],
)
def test_commands_say_what_they_do(
    command: Command, small_files: Path, scans: Path, tmp_path: Path, line: str, said: str
) -> None:
    np.save(tmp_path / "pixels.npy", np.full((3, 32, 32, 1), 200, "uint8"))
    places = {
        "MODEL": small_files / "small.keras",
        "FILE": small_files / "small.tflite",
        "SCANS": scans / "3",
        "PIXELS": tmp_path / "pixels.npy",
        "OUT": tmp_path / "out",
    }
    for name, place in places.items():
        line, said = line.replace(name, str(place)), said.replace(name, re.escape(str(place)))
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join("0123456789"))
    more = ["--labels", labels] if line.startswith(("classify", "evaluate")) else []
    done = command(*line.split(), *more)
    assert done.code == 0, done.err
    assert re.search(said, done.err, re.MULTILINE), done.err
    assert not re.search(said, done.out, re.MULTILINE)
