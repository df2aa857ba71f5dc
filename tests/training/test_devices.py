"""Devices of one machine: each gets a part of every batch, and the weights are those of one device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.data import ArraySource, open_digits
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import Networks, Sources, fit
from sepzoo.training.devices import Devices, Mirrored
from tests.test_imports import ROOT
from tests.training.small_training import measured, settings, small_network

TWO_CPUS = """
import sys
from pathlib import Path
import tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from sepzoo.training.devices import Mirrored
from tests.training.test_devices import train
devices = Mirrored(("CPU:0", "CPU:1"))
assert devices.count == 2
for epochs in (1, 2):  # the second goes on from the first
    train(Path(sys.argv[1]), epochs=epochs, devices=devices)
"""


def train(folder: Path, *, epochs: int, devices: Devices) -> list:
    networks = Networks.of(small_network(dropout=0.0), ZERO_TO_ONE)
    digits = open_digits(split="train[:20%]")
    images = ArraySource(digits.pixels[:280], digits.targets[:280], digits.class_names)
    said = settings(epochs=epochs, optimizer={"learning_rate": 0.05, "weight_decay": 1e-3}, ema=0.5)
    return fit(networks, Sources(images, images), said, folder, quiet=True, devices=devices)


@pytest.mark.nightly
def test_two_mirrored_devices_end_in_the_weights_of_one_and_go_on(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWO_CPUS, str(tmp_path / "two")]  # one strategy a process
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    history = train(tmp_path / "one", epochs=2, devices=Devices())
    with np.load(tmp_path / "one" / "state.npz") as one, np.load(tmp_path / "two" / "state.npz") as two:
        assert int(one["optimizer_0000"]) == int(two["optimizer_0000"]) == 6
        assert max(np.abs(one[name].astype(float) - two[name]).max() for name in one.files) < 1e-5
    assert measured(history)[-1]["accuracy"] > 0.2


def test_a_batch_that_the_devices_do_not_divide_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError) as caught:
        train(tmp_path, epochs=1, devices=_of(3))
    assert str(caught.value) == (
        "expected a batch_size that 3 devices divide. Received: batch_size=100. Say batch_size=99."
    )
    _of(4).check(100)


@pytest.mark.parametrize(
    ("images", "batch_size", "steps"), [(104, 8, 13), (103, 8, 13), (105, 8, 13), (109, 8, 14), (3, 8, 0), (4, 8, 1)]
)
def test_a_last_batch_of_fewer_images_than_devices_is_no_step(images: int, batch_size: int, steps: int) -> None:
    sizes = [len(part) for part, *_ in _of(4).parts(iter([(np.zeros(n),) for n in _sizes(images, batch_size)]))]
    assert _of(4).steps(images, batch_size) == len(sizes) == steps
    assert all(size and size % 4 == 0 for size in sizes)
    assert images - sum(sizes) < 4


def test_one_device_takes_all() -> None:
    batches = [(np.arange(3), np.arange(3)), (np.arange(1), np.arange(1))]
    assert [len(x) for x, _ in Devices().parts(iter(batches))] == [3, 1]
    assert (Devices().steps(7, 3), Devices().steps(6, 3)) == (3, 2)


def test_mirrored_needs_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(SepzooError, match=r"expected the tensorflow backend for mirrored. Received: jax\."):
        Mirrored()


def _of(count: int) -> Devices:
    devices = Devices()
    devices.count = count
    return devices


def _sizes(images: int, batch_size: int) -> list[int]:
    return [min(batch_size, images - start) for start in range(0, images, batch_size)]
