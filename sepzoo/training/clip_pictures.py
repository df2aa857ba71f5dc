"""Clips of sound as pictures of their spectra, for reports."""

from __future__ import annotations

import numpy as np

_WINDOW = 256
_FRAMES = 128
_RANGE = 8.0  # natural logarithms below the loudest that are shown, 70 dB


def pictures_of(clips: np.ndarray) -> np.ndarray:
    """Return the magnitudes of clips (n, samples), on a logarithmic scale, as uint8 (n, 128, frames, 1).

    Time runs to the right, frequency upwards; the loudest place of each clip is white.

    Example:
        >>> pictures_of(np.zeros((2, 16000), "int16")).shape[:2]
        (2, 128)
    """
    padded = np.pad(clips.astype(np.float32), ((0, 0), (0, max(0, _WINDOW - clips.shape[1]))))
    step = max(1, (padded.shape[1] - _WINDOW) // _FRAMES)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW, axis=1)[:, ::step]
    levels = np.log(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW)))[..., 1:] + 1)
    shades = 1 + (levels - levels.max(axis=(1, 2), keepdims=True)) / _RANGE
    upwards = np.flip(np.rint(255 * np.clip(shades, 0, 1)).astype(np.uint8), axis=2)
    return upwards.transpose(0, 2, 1)[..., None]
