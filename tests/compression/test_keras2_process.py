"""The process of tensorflow-model-optimization as seen from outside, with programs in place of its own."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from sepzoo import SepzooError
from sepzoo.compression import keras2_process
from sepzoo.compression.keras2_process import carry_out, require_packages


def program(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(keras2_process, "_PROGRAM", f"import json, os, sys, time\n{text}")


def test_it_says_how_it_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line = json.dumps({"end": {"losses": [0.5]}})
    program(monkeypatch, f"print('{{}}')\nprint('{{}}')\nprint('{line}', flush=True)\ntime.sleep(60)")
    begun = time.monotonic()
    assert carry_out(tmp_path, 2, "batches") == {"losses": [0.5]}
    assert time.monotonic() - begun < 50  # nobody waits for what it does afterwards


def test_it_has_the_paths_and_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = "KERAS_BACKEND", "TF_USE_LEGACY_KERAS"
    program(monkeypatch, f"print(json.dumps({{'end': [sys.argv[1:], [os.environ.get(n) for n in {names}]]}}))")
    (paths, folder), environment = carry_out(tmp_path, 1, "batches")
    assert set(map(str, filter(os.path.exists, sys.path))) <= {*json.loads(paths), ""}
    assert (folder, environment) == (str(tmp_path), ["tensorflow", "1"])
    assert "TF_USE_LEGACY_KERAS" not in os.environ


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('print(\'{"error": "expected a finite loss."}\')', "expected a finite loss."),
        (
            'print(\'{"failed": "ValueError: no"}\')',
            "expected a network that Keras 2 can hold, around layers of Keras 3. Received: ValueError: no. Leave out "
            "the layer that it speaks of, or keep it by name with keep=.",
        ),
        (
            "print('{}', flush=True)\nos.kill(os.getpid(), 9)",
            "expected the process with tensorflow-model-optimization to finish. Received: it ended early (signal 9, "
            "SIGKILL: the system or somebody ended it; systems do where memory runs out). It "
            "may have had too little memory: pass a smaller batch_size.",
        ),
        (
            "sys.stderr.write('warning\\nout of memory\\n\\n')\nsys.exit(3)",
            "expected the process with tensorflow-model-optimization to finish. Received: it ended early (out of memory"
            "). It may have had too little memory: pass a smaller batch_size.",
        ),
    ],
)
def test_what_goes_wrong_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, said: str) -> None:
    program(monkeypatch, text)
    with pytest.raises(SepzooError) as error:
        carry_out(tmp_path, 1, "batches")
    assert str(error.value) == said


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras2_process, "_NEEDED", ("json", "no_such_package"))
    with pytest.raises(
        SepzooError, match=r"prune needs json, no_such_package. Received: no_such_package not installed."
    ):
        require_packages("prune")
