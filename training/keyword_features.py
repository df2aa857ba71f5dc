"""Features of spoken keywords as MLPerf Tiny's keyword spotter takes them, in NumPy: one `.npz` for each split.

    python training/keyword_features.py --data_dir $TFDS_DATA_DIR --out runs/keywords

A clip of one second becomes 49 frames of 10 mel-frequency cepstral coefficients: frames of 480 samples every 320, Hann
window, 512-point Fourier transform, 40 mel bands from 20 to 4,000 Hz, logarithm, cosine transform (Hello Edge, arXiv
1711.07128; MLPerf Tiny's training program divides each clip by its largest value). The files hold `inputs`
(clips, 49, 10, 1) and `labels`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

RATE, CLIP, FRAME, STEP, FFT, BANDS, COEFFICIENTS = 16_000, 16_000, 480, 320, 512, 40, 10


def mel_filters(low: float = 20.0, high: float = 4_000.0) -> np.ndarray:
    """Return triangles on the mel scale: (frequencies of the transform, bands)."""
    mel = lambda hertz: 1127.0 * np.log1p(np.asarray(hertz) / 700.0)  # noqa: E731
    edges = np.linspace(mel(low), mel(high), BANDS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    frequencies = mel(np.linspace(0.0, RATE / 2, FFT // 2 + 1))[:, None]
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling))


def features(clips: np.ndarray) -> np.ndarray:
    """Return the coefficients of clips (n, samples) of any loudness: float32 (n, 49, 10, 1)."""
    sound = np.zeros((len(clips), CLIP))
    sound[:, : clips.shape[1]] = clips[:, :CLIP]
    sound /= np.maximum(sound.max(axis=1, keepdims=True), 1e-9)
    frames = np.lib.stride_tricks.sliding_window_view(sound, FRAME, axis=1)[:, ::STEP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    bands = np.log(np.abs(np.fft.rfft(frames * hann, FFT)) @ mel_filters() + 1e-6)
    angles = np.pi / BANDS * (np.arange(BANDS)[:, None] + 0.5) * np.arange(COEFFICIENTS)
    return (bands @ np.cos(angles) * np.sqrt(2 / BANDS))[..., None].astype("float32")


def main() -> None:
    """Write a file for each split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_dir", help="of TFDS; by default its own place")
    parser.add_argument("--out", type=Path, default=Path("runs/keywords"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for split in ("train", "validation", "test"):
        examples = list(tfds.as_numpy(tfds.load("speech_commands", split=split, data_dir=arguments.data_dir)))
        padded = [np.pad(e["audio"].astype("float64"), (0, max(0, CLIP - len(e["audio"]))))[:CLIP] for e in examples]
        inputs = np.concatenate([features(clip[None]) for clip in padded])
        labels = np.array([e["label"] for e in examples])
        np.savez_compressed(arguments.out / f"{split}.npz", inputs=inputs, labels=labels)
        print(f"{arguments.out / split}.npz: {len(labels)} clips")


if __name__ == "__main__":
    main()
