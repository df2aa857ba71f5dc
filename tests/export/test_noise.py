"""Random samples tell networks apart, and files that ignore their input from those that don't."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.export.answers import relative_error
from sepzoo.export.noise import noise, noise_of
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features

FEATURES = {
    "pixels": ((8, 9, 3), None),
    "series": ((40, 3), Features((40, 3))),
    "series of a range": ((40, 3), Features((40, 3), low=-1.0, high=2.0)),
    "numbers": ((40,), Features((40,))),
    "one number": ((1,), Features((1,))),
    "words": ((40,), Features((40,), "int32", low=0, high=99)),
}


@pytest.mark.parametrize("kind", FEATURES)
def test_samples_differ_from_each_other_and_are_the_same_every_time(kind: str) -> None:
    shape, features = FEATURES[kind]
    found = noise(shape, features).images
    assert found.shape == (16, *shape)
    assert found.dtype == ("uint8" if features is None else features.dtype)
    assert len({each.tobytes() for each in found}) == 16
    np.testing.assert_array_equal(found, noise(shape, features).images)


@pytest.mark.parametrize("kind", ["pixels", "series", "series of a range"])
def test_a_sample_has_a_level_and_a_spread_of_its_own_in_each_channel(kind: str) -> None:
    shape, features = FEATURES[kind]
    found = noise(shape, features).images.astype("float64")
    places = tuple(range(1, found.ndim - 1))
    level, spread = found.mean(axis=places), found.std(axis=places)
    by_chance = spread.mean() / np.sqrt(np.prod(shape[:-1]))
    assert level.std(axis=0).min() > 2 * by_chance
    assert level.std(axis=1).min() > 0
    assert spread.max() > 2 * spread.min()


@pytest.mark.parametrize("kind", ["series of a range", "words"])
def test_samples_lie_within_the_range_that_is_said(kind: str) -> None:
    shape, features = FEATURES[kind]
    assert features is not None
    assert features.low is not None
    assert features.high is not None
    found = noise(shape, features).images
    assert features.low <= found.min() < found.max() <= features.high


def test_a_file_that_ignores_its_input_does_not_pass_for_a_trained_network() -> None:
    model = from_model(build("cifar_resnet20", weights="cifar10"))
    error = {}
    for alike in (False, True):
        answers = model.predict(noise_of(model, alike=alike).images)
        error[alike] = relative_error(answers, np.broadcast_to(answers.mean(axis=0), answers.shape))
    assert error[True] < 1e-3  # it gives one answer to all samples of one distribution
    assert error[False] > 0.3


def test_files_are_sealed_with_the_samples_of_all_versions() -> None:
    shape, features = FEATURES["pixels"]
    expected = np.random.default_rng(0).integers(0, 256, (16, *shape), "uint8")
    np.testing.assert_array_equal(noise(shape, features, alike=True).images, expected)
