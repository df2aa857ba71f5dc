"""One seed gives one result, however many threads read the images; every epoch has an order of its own."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sepzoo.data import open_digits
from sepzoo.data.augment import Augmentation
from sepzoo.data.folder import open_folder
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.support.errors import SepzooError
from sepzoo.training import Networks, Recipe, Sources, fit, run
from sepzoo.training.batches import training_batches
from tests.training.small_training import measured, settings, small_network, state_of


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    source = open_digits(split="test[:20%]")
    for number, (pixels, label) in enumerate(zip(source.pixels, source.labels, strict=True)):
        (folder / str(label)).mkdir(exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(folder / str(label) / f"{number}.png")
    return folder


@pytest.mark.slow
def test_one_or_two_threads_that_read_end_in_the_same_bits(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        source = open_folder(photos, image_size=(8, 8), channels=1, memory_budget=0)
        assert source._pool._max_workers == threads
        networks = Networks.of(small_network(), ZERO_TO_ONE)
        said = settings(epochs=2, batch_size=16, augmentation=Augmentation(padding=1, mixup=0.2))
        history = fit(networks, Sources(source, source), said, tmp_path / str(threads), quiet=True)
        found.append((measured(history), state_of(tmp_path / str(threads))))
    assert found[0] == found[1]


def test_every_epoch_has_an_order_of_its_own_and_a_seed_decides_it(photos: Path) -> None:
    source = open_folder(photos, image_size=(8, 8), channels=1)

    def order(seed: int, epoch: int) -> bytes:
        said = {"size": (8, 8), "batch_size": 100, "seed": seed, "epoch": epoch}
        return np.concatenate([y for _, y in training_batches(source, ZERO_TO_ONE, Augmentation(), **said)]).tobytes()

    orders = [order(seed, epoch) for seed in (0, 1) for epoch in range(4)]
    assert len(set(orders)) == 8
    assert order(0, 3) == orders[3]


def test_strict_fails_at_an_image_that_cannot_be_read(photos: Path, tmp_path: Path) -> None:
    recipe = Recipe.load("digits").with_overrides([f"data={tmp_path / 'photos'}", "export=[]"])
    for label in "01":
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number, file in enumerate(sorted((photos / label).iterdir())):
            (tmp_path / "photos" / label / f"{number}.png").write_bytes(file.read_bytes())
    broken = tmp_path / "photos" / "0" / "0.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(SepzooError) as caught:
        run(recipe, tmp_path / "run", quiet=True, strict=True)
    assert "0.png: expected a readable image. Received: " in str(caught.value)
    assert str(caught.value).endswith(" Mend it, or leave strict out.")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
