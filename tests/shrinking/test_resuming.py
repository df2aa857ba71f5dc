"""A shrink that was interrupted goes on where it was."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.benchmark.operator_costs import Costs
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.shrinking import Budget, Shrinker, fitting, measuring, shrink, work
from sepzoo.shrinking.files import Measured
from sepzoo.shrinking.kept_work import KeptWork
from sepzoo.shrinking.measuring import key_of
from tests.command import PROGRAM, run_command

RUNTIME = "tflite:float32"


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is written: a network costs its multiply-accumulates."""

    def measured(classifier: KerasClassifier, path: Path, **more: Any) -> Measured:
        return Measured(path, {"macs": float(profile(classifier.model).macs), "kib": 1.0, "ram_kib": 1.0}, None)  # type: ignore[arg-type]

    monkeypatch.setattr(work, "measured_file", measured)
    monkeypatch.setattr(measuring, "TRIALS", 3)
    monkeypatch.setattr(fitting, "PROPOSALS", 1)


@pytest.mark.slow
@pytest.mark.usefixtures("unwritten")
def test_interrupted_work_goes_on(
    tiny: keras.Model, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped while it looks at layers, fits them and learns, it does each step once, and ends as it would have."""
    done: list[str] = []
    stops = {"layer inner", "head", "epoch 2"}
    once = KeptWork.once

    def counting(work: KeptWork, name: str, make: Any) -> Any:
        def counted() -> Any:
            if name in stops:
                stops.remove(name)
                raise KeyboardInterrupt
            done.append(name)
            return make()

        return once(work, name, counted)

    arguments = {
        "samples": pictures,
        "techniques": ["decouple"],
        "budget": Budget(macs="60%"),
        "distil": 2,
        "runtime": RUNTIME,
    }
    whole, report = shrink(tiny, **arguments)
    monkeypatch.setattr(KeptWork, "once", counting)
    for _stop in range(3):
        with pytest.raises(KeyboardInterrupt):
            shrink(tiny, resume=tmp_path, **arguments)
    model, again = shrink(tiny, resume=tmp_path, **arguments)
    judged = [f"layer {name}" for name in ("stem", "inner", "head")]
    fitted = [each.layer for each in report.layers if each.output_error is not None]
    assert len(fitted) > 1
    assert done == ["information", *judged, *fitted, "epoch 1", "epoch 2"]
    assert not stops
    assert again.expected == report.expected
    assert again.distilled == pytest.approx(report.distilled, rel=1e-4)
    assert all(np.allclose(*pair, atol=1e-5) for pair in zip(whole.get_weights(), model.get_weights(), strict=True))


def test_steps_of_other_work_are_made_anew(tmp_path: Path) -> None:
    work = KeptWork(tmp_path, "first")
    made = work.once("step", lambda: {"x": np.arange(3)})
    assert list(work.once("step", lambda: {"x": np.zeros(3)})["x"]) == list(made["x"]) == [0, 1, 2]
    assert list(work.of("part").once("step", lambda: {"x": np.ones(2)})["x"]) == [1, 1]
    assert list(KeptWork(tmp_path, "second").once("step", lambda: {"x": np.zeros(2)})["x"]) == [0, 0]
    assert len([*tmp_path.iterdir()]) == 3


def _halved(file: Path, _other: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


def _of_another_form(file: Path, _other: Path) -> None:
    np.savez(file, weights=np.zeros(2))


def _pickled(file: Path, _other: Path) -> None:
    np.savez(file, x=np.array([{"a": 1}], object))


def _another_step(file: Path, other: Path) -> None:
    file.write_bytes(other.read_bytes())


def _no_archive(file: Path, _other: Path) -> None:
    np.save(file.with_suffix(".npy"), np.zeros(2))
    file.with_suffix(".npy").replace(file)


@pytest.mark.parametrize("damage", [_halved, _of_another_form, _pickled, _another_step, _no_archive])
def test_files_that_are_damaged_or_another_thing_are_made_anew(
    tmp_path: Path, damage: Callable[[Path, Path], None]
) -> None:
    work, names = KeptWork(tmp_path, "first"), ("step", "file")  # the second one is NumPy's own argument too
    work.once("step", lambda: dict.fromkeys(names, np.arange(3)))
    (file,) = tmp_path.iterdir()
    work.once("other", lambda: {"x": np.zeros(1)})
    (other,) = {*tmp_path.iterdir()} - {file}
    damage(file, other)
    for make in (lambda: dict.fromkeys(names, np.full(2, 7)), dict):
        found = work.once("step", make)
        assert {name: list(each) for name, each in found.items()} == {name: [7, 7] for name in names}


def test_steps_of_another_version_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = KeptWork(tmp_path, "first")
    work.once("step", lambda: {"x": np.arange(3)})
    monkeypatch.setattr("sepzoo.__version__", "another")
    assert list(work.once("step", lambda: {"x": np.full(2, 7)})["x"]) == [7, 7]


@pytest.mark.nightly
def test_a_killed_command_goes_on(network: keras.Model, pictures: np.ndarray, tmp_path: Path) -> None:
    network.save(tmp_path / "small.keras")
    np.savez(tmp_path / "data.npz", inputs=np.tile(pictures, (5, 1, 1, 1)), labels=np.arange(5 * len(pictures)) % 4)
    options = ["--data", "data.npz", "--macs", "60%", "--samples", "48", "--distil", "3", "--lessons", "96"]
    line = ["shrink", "small.keras", *options, "--resume", "steps", "--out", "small.tflite"]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *line], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len([*tmp_path.glob("steps/*.npz")]) < 5:
            time.sleep(0.02)
        process.kill()
    assert process.returncode < 0
    kept = {path: path.stat().st_mtime_ns for path in tmp_path.glob("steps/*.npz")}
    assert len(kept) >= 5
    assert not (tmp_path / "small.tflite").exists()
    done = run_command(*line, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "small.tflite").is_file()
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len([*tmp_path.glob("steps/*.npz")]) > len(kept)


@pytest.mark.usefixtures("unwritten")
@pytest.mark.parametrize("kept", ["scores", "resume"])
def test_what_was_kept_for_another_question_is_not_taken(
    kept: str, tiny: keras.Model, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors are in nats of the outputs as they are said, compared on these samples; times are of a machine."""

    def key(samples: np.ndarray = pictures, timed: bool = False, **settings: Any) -> str:
        arguments = {kept: tmp_path / "kept", "runtime": RUNTIME, **settings}
        with Shrinker(tiny, samples=samples, **arguments) as shrinker:
            return shrinker._original(timed)[0].kept.key

    monkeypatch.setattr(work.Work, "clocked", lambda _work, found, _original: found)
    plain = key()
    assert key() == plain
    others = [
        key(outputs="values"),
        key(compare=pictures),
        key(compare=2 * pictures),
        key(pictures[:40]),
        key(runtime="tflite:int8"),
        key(keep=["inner"]),
        key(timed=True),
    ]
    monkeypatch.setattr(Costs, "path", tmp_path / "another-machine.json")
    others.append(key(timed=True))
    assert len({plain, *others}) == 1 + len(others)


def test_where_an_array_ends_is_part_of_a_key(tiny: keras.Model) -> None:
    one, two = np.arange(6.0), np.arange(6.0).reshape(2, 3)
    keys = [(one,), (two,), (one[:2], one[2:]), (one.astype("int64"),)]
    assert len({key_of(tiny, each, {}) for each in keys}) == len(keys)
