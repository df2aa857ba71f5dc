"""Small data sets of sound: tones of three pitches in noise, as WAV files in class folders; and a small network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import wavfile

PITCHES = {"high": 2_400.0, "low": 300.0, "middle": 900.0}
"""Class -> hertz, in the order of the classes."""


def tone(hertz: float, *, seed: int = 0, rate: int = 16_000, seconds: float = 1.0) -> np.ndarray:
    """Return a tone of random phase in noise, int16 (samples,)."""
    random = np.random.default_rng(seed)
    times = np.arange(round(rate * seconds)) / rate
    wave = 0.3 * np.sin(2 * np.pi * (hertz * times + random.random())) + random.normal(scale=0.05, size=len(times))
    return np.rint(wave * 32_767).clip(-32_768, 32_767).astype(np.int16)


def write_tones(folder: Path, count: int, *, seed: int = 0, **settings: float) -> Path:
    """Write so many clips of each class into folders of their names, and return the folder."""
    for name, hertz in PITCHES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            clip = tone(hertz, seed=1_000 * seed + 3 * number + len(name), **settings)
            wavfile.write(folder / name / f"{number}.wav", settings.get("rate", 16_000), clip)
    return folder


def ear():
    """Return an untrained network of the three classes."""
    import keras

    from sepzoo.applications import build
    from sepzoo.artifact.model_file import attach, metadata_of

    keras.utils.set_random_seed(0)
    network = build("ds_cnn_s", channels=4, units=1, classes=3)
    return attach(network, metadata_of(network).updated(labels=tuple(PITCHES)))
