"""What spectra of sound are made of, in NumPy: the window, the bands of the mel scale, the cosines of coefficients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    import numpy as np

FLOOR = 1e-6
"""Added to a band before its logarithm, and thus what silence has."""

LEAST_PEAK = 1e-9
"""What clips are divided by at least, where they are divided by their largest value: silence stays silence."""


def hann(size: int) -> np.ndarray:
    """Return a periodic Hann window.

    Example:
        >>> hann(4).round(6).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    import numpy as np

    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)


def mel_filters(*, rate: int, fft: int, bands: int, low: float, high: float) -> np.ndarray:
    """Return triangles on the mel scale (1127 ln(1 + f / 700), as HTK has it), (fft // 2 + 1, bands).

    Args:
        rate: of the sound, in Hz.
        fft: length of the Fourier transform.
        bands: how many.
        low: where the first begins, in Hz.
        high: where the last ends, in Hz.

    Raises:
        SepzooError: bands so narrow that some have no frequency of the transform within them.

    Example:
        >>> filters = mel_filters(rate=16000, fft=512, bands=40, low=20.0, high=4000.0)
        >>> filters.shape, bool((filters.sum(axis=0) > 0).all())
        ((257, 40), True)
    """
    import numpy as np

    edges = np.linspace(1127.0 * np.log1p(low / 700.0), 1127.0 * np.log1p(high / 700.0), bands + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    frequencies = 1127.0 * np.log1p(np.linspace(0.0, rate / 2, fft // 2 + 1) / 700.0)[:, None]
    rising, falling = (frequencies - left) / (centre - left), (right - frequencies) / (right - centre)
    filters = np.maximum(0.0, np.minimum(rising, falling))
    empty = np.count_nonzero(filters.sum(axis=0) == 0)
    if empty:
        raise SepzooError(
            f"expected bands that hold a frequency of the transform each. Received: bands={bands} from {low:g} to "
            f"{high:g} Hz with fft={fft} at {rate:,} Hz, {empty} of them empty. Take fewer bands or a longer fft."
        )
    return filters


def cosines(bands: int, coefficients: int) -> np.ndarray:
    """Return the table that makes cepstral coefficients of log bands, a DCT-II: (bands, coefficients).

    All columns are scaled by the square root of 2 / bands, the first one too, as TensorFlow's signal library has it.

    Example:
        >>> cosines(2, 1).ravel().tolist()
        [1.0, 1.0]
    """
    import numpy as np

    angles = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    return np.cos(angles) * np.sqrt(2 / bands)
