"""Random changes of clips and features: each does what it says, and the random numbers alone decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepzoo.data.sound_augment import SoundAugmentation, random_masks, random_noise, random_shift
from sepzoo.records.sound import Sound

SOUND = Sound(samples=4_000)
CLIPS = np.random.default_rng(0).integers(-9_000, 9_000, (40, 4_000)).astype("int16")
ALL = SoundAugmentation(shift=0.05, noise=0.1, time_masks=2, time_width=4, frequency_masks=1, frequency_width=3)


def random(seed=1):
    return np.random.default_rng(seed)


def test_nothing_asked_changes_nothing():
    np.testing.assert_array_equal(SoundAugmentation()(CLIPS, SOUND, random()), SOUND.normalize(CLIPS))


def test_the_random_numbers_alone_decide():
    first, again, other = ALL(CLIPS, SOUND, random()), ALL(CLIPS, SOUND, random()), ALL(CLIPS, SOUND, random(2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (40, *SOUND.shape)
    assert first.dtype == np.float32
    assert (first != other).any(axis=(1, 2, 3)).all()


def test_a_shift_moves_the_clip_and_silence_comes_in():
    moved = random_shift(CLIPS, 100, random())
    found = set()
    for clip, original in zip(moved, CLIPS, strict=True):
        same = [s for s in range(-100, 101) if np.array_equal(clip[100:-100], np.roll(original, s)[100:-100])]
        [shift] = same
        silent = clip[:shift] if shift >= 0 else clip[shift:]
        assert not silent.any()
        found.add(shift)
    assert min(found) < -50
    assert max(found) > 50


def test_noise_is_as_loud_as_it_says_and_never_wraps():
    loud = np.full((200, 4_000), 32_700, np.int16)
    noisy = random_noise(loud, 3_000.0, random())
    assert noisy.max() == 32_767
    assert noisy.min() > 10_000
    deviations = random_noise(np.zeros_like(loud), 3_000.0, random()).std(axis=1)
    assert deviations.max() < 3_200
    assert abs(deviations.mean() - 1_500) < 250


@given(st.integers(1, 2), st.integers(1, 3), st.integers(0, 12), st.integers(0, 99))
def test_masks_are_blocks_of_the_mean(axis, count, width, seed):
    features = np.random.default_rng(0).normal(size=(5, 11, 6, 1)).astype("float32")
    masked = random_masks(features, axis, count, width, random(seed))
    for before, after in zip(features, masked, strict=True):
        changed = (before != after).all(axis=tuple(each for each in range(3) if each != axis - 1))
        np.testing.assert_array_equal((before != after).any(axis=tuple({0, 1, 2} - {axis - 1})), changed)
        np.testing.assert_allclose(after.compress(changed, axis - 1), before.mean(), rtol=1e-5)
        assert changed.sum() <= count * width
        edges = np.diff(np.concatenate([[0], changed, [0]]).astype(int))
        assert (edges == 1).sum() <= count


def test_what_is_no_setting_is_refused():
    with pytest.raises(ValueError, match="shift"):
        SoundAugmentation(shift=-0.1)
