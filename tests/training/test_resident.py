"""Images that lie on the device: the numbers of the ordinary way, without TensorFlow, and exact where a run goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sepzoo.data.augment import Augmentation
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.training.resident import _arrays, changed
from tests.backends import variables
from tests.extras import needed
from tests.test_imports import ROOT
from tests.training.small_training import settings, train

WITHOUT_TENSORFLOW = """
import json, sys
sys.modules["tensorflow"] = sys.modules["tensorflow_datasets"] = None
from pathlib import Path
from sepzoo.training import resident
from sepzoo.training.step_watch import StepWatch
from tests.training.small_training import measured, settings, state_of, train

resident.STEPS_PER_CALL = 2
folder, said = Path(sys.argv[1]), json.loads(sys.argv[2])
host = train(folder / "host", settings(**said))

class Killed(BaseException):
    "Stands for a process that ends at once."

look, calls = StepWatch.saw, iter(range(100))
def saw(self, losses):
    self._seconds = -1.0 if (number := next(calls)) == 2 else 1e9
    look(self, losses)
    if number == 3:
        raise Killed  # after the last call of the second epoch; the state is that after its second step
StepWatch.saw = saw
try:
    train(folder / "broken", settings(**said, on_device=True))
    raise SystemExit("it was not broken off")
except Killed:
    StepWatch.saw = look
kept = resident.np.load(folder / "broken" / "state.npz")
places = int(kept["epochs"]), int(kept["steps"])
again = train(folder / "broken", settings(**said, on_device=True))
if sys.argv[3] == "whole":
    whole = train(folder / "whole", settings(**said, on_device=True))
    assert measured(again) == measured(whole), (again, whole)
    assert state_of(folder / "broken") == state_of(folder / "whole")
print(json.dumps([places, measured(host), measured(again)]))
"""
CHANGES = {
    "augmentation": {"padding": 1, "flip": "alternate", "brightness": 0.3},
    "class_weights": "balanced",
    "ema": 0.5,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "whole"),
    [
        (CHANGES, False),
        pytest.param({}, True, marks=pytest.mark.nightly),
        pytest.param(CHANGES, True, marks=pytest.mark.nightly),
    ],
)
def test_a_broken_run_goes_on_to_the_numbers_of_the_ordinary_way_and_to_the_bits_of_a_whole_one(
    changes: dict, whole: bool, tmp_path: Path
) -> None:
    needed("jax", "jax")
    said = {"epochs": 2, **changes}
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, str(tmp_path), json.dumps(said), "whole" if whole else ""]
    done = subprocess.run(command, cwd=ROOT, env=variables("jax"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    places, host, device = json.loads(done.stdout)
    assert places == [1, 2]
    assert [record["epoch"] for record in device] == [1, 2]
    for ours, theirs in zip(device, host, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-5)
    with np.load(tmp_path / "host" / "state.npz") as one, np.load(tmp_path / "broken" / "state.npz") as two:
        assert max(np.abs(one[name].astype(float) - two[name]).max() for name in one.files) < 1e-5


@pytest.mark.parametrize("channel_order", ["rgb", "bgr"])
@pytest.mark.parametrize(("padding", "size"), [(0, (12, 10)), (2, (12, 10)), (0, (9, 7)), (3, (8, 10))])
def test_the_compiled_changes_are_those_of_numpy(padding: int, size: tuple[int, int], channel_order: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=(16, 12, 10, 3), dtype=np.uint8)
    augmentation = Augmentation(padding=padding, flip=True, brightness=0.4)
    preprocessing = Preprocessing(mean=(10.0, 20.0, 30.0), std=(2.0, 3.0, 4.0), channel_order=channel_order)
    free, random = augmentation.free((12, 10), size), np.random.default_rng([1, 2, 3])
    drawn = _arrays(augmentation, np.arange(16, dtype=np.int32), free, random, None)
    ours = changed(images, drawn, size=size, padding=padding, preprocessing=preprocessing)
    expected = preprocessing.normalize(augmentation(images, size, np.random.default_rng([1, 2, 3])))
    np.testing.assert_allclose(np.asarray(ours), expected, rtol=1e-6, atol=1e-6)


def test_another_backend_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"expected the jax backend for on_device\. Received: tensorflow\."):
        train(tmp_path, settings(epochs=1, on_device=True))


@pytest.mark.parametrize("name", ["operations", "mixup", "cutmix"])
def test_what_keras_s_layers_do_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.training.resident.require_backend", lambda *_: None)
    with pytest.raises(SepzooError, match=rf"expected no augmentation\.{name} with on_device, .* Received: {name}=1"):
        train(tmp_path, settings(epochs=1, on_device=True, augmentation={name: 1}))


def test_images_that_do_not_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.training.resident.require_backend", lambda *_: None)
    monkeypatch.setattr("sepzoo.training.resident._room", lambda: 1000)
    with pytest.raises(SepzooError, match=r"expected training images that fit on the device, 0 MiB, for on_device"):
        train(tmp_path, settings(epochs=1, on_device=True))
