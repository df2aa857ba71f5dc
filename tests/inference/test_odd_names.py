"""Models and layers of names that TensorFlow refuses as scopes: all that is done with a network is done with them."""

from __future__ import annotations

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import surgery
from sepzoo.data import Samples, open_source
from sepzoo.export.targets import TARGETS, export
from sepzoo.inference import open as open_file
from sepzoo.inference.keras_model import from_model
from sepzoo.records.preprocessing import ZERO_TO_ONE
from sepzoo.training import FitSettings, Networks, Sources, fit
from tests.extras import needed_by

ODD = ["my model (v2)", "_stem", "é", "3é3", "-a", "a:b"]


def network(name: str, layer: str) -> keras.Model:
    """A small net; the seed makes the weights, so that the names alone differ."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(6, 3, activation="relu", name=layer)(inputs)
    x = keras.layers.BatchNormalization(name=f"{layer} norm" if layer != "plain" else "norm")(x)
    x = keras.layers.SeparableConv2D(8, 3, name=f"{layer}s")(x)
    x = keras.layers.GlobalAveragePooling2D(name=f"{layer}g")(x)
    wide = keras.initializers.RandomNormal(stddev=3, seed=3)  # else all answers are near to a tenth
    x = keras.layers.Dense(10, activation="softmax", kernel_initializer=wide, name=f"{layer}d")(x)
    return keras.Model(inputs, x, name=name)


PLACES = [(name, "plain") for name in ODD] + [("plain", name) for name in ODD]


@pytest.mark.parametrize(("name", "layer"), PLACES)
def test_it_answers_and_is_rewritten_as_under_a_plain_name(name: str, layer: str) -> None:
    odd, images = network(name, layer), np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    expected = network("plain", "plain")(images)
    names = [each.name for each in odd.layers]
    np.testing.assert_allclose(from_model(odd).run(images), expected, atol=1e-6)
    rewritten, _ = surgery.fold_leading_batch_norm(odd)
    np.testing.assert_allclose(from_model(rewritten).run(images), expected, atol=1e-6)
    assert (odd.name, rewritten.name) == (name, name)
    assert [each.name for each in odd.layers] == names


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layer"), [("my model (v2)", "_stem"), ("_m", "é 1"), ("3é3", "a:b")])
def test_it_trains_as_under_a_plain_name(tmp_path: Path, name: str, layer: str) -> None:
    train = open_source("digits", split="train[:5%]")
    settings = FitSettings(optimizer={"learning_rate": 0.01}, epochs=1, batch_size=32)
    losses = []
    for folder, model in (("odd", network(name, layer)), ("plain", network("plain", "plain"))):
        networks = Networks.of(model, ZERO_TO_ONE)
        [epoch] = fit(networks, Sources(train, train), settings, tmp_path / folder, quiet=True)
        losses.append((epoch.loss, epoch.val_loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    saved = keras.saving.load_model(tmp_path / "odd" / "best.keras")
    assert saved.name == name
    assert saved.layers[1].name == layer


PAIRS = [("my model (v2)", "_stem"), ("é", "3é3 (b)")]
"""Names of a model and a layer; each format gets one of them."""


@pytest.mark.slow
@pytest.mark.parametrize(("target", "names"), list(zip(sorted(TARGETS), itertools.cycle(PAIRS), strict=False)))
def test_it_is_exported(tmp_path: Path, target: str, names: tuple[str, str]) -> None:
    name, layer = names
    needed_by(target)
    odd = network(name, layer)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    samples = Samples(pixels, None, origin="noise", seed=0)
    path = tmp_path / f"file{TARGETS[target].extension}"
    report = export(odd, target, path, calibration=samples, preprocessing=ZERO_TO_ONE)
    assert report.name == name
    assert odd.name == name
    file = open_file(path)
    answers = np.concatenate([file.run(batch) for batch in file.batches(pixels, 20)])
    expected = network("plain", "plain")(pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(answers, expected, atol=0.05)
