"""What happens to a clip of sound before a network hears it, as data that a file can carry: rate, length, features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from sepzoo.layers.mel import FLOOR, LEAST_PEAK, cosines, hann, mel_filters
from sepzoo.support.arguments import Interval, checked, field_types
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import ArrayLike, Json

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["mfcc", "log_mel", "waveform"]
"""Mel-frequency cepstral coefficients, logarithms of mel bands, or the samples themselves."""

FULL_SCALE = 32_768.0
"""What a sample of 16 bits is divided by to lie in -1 … 1."""

_AT_ONCE = 256
_Count = Annotated[int, Interval(1)]


def sixteen_bits(values: np.ndarray) -> np.ndarray:
    """Return floats of the range of 16 bits as whole numbers of it: rounded, and cut where they are out of it.

    Example:
        >>> import numpy as np
        >>> sixteen_bits(np.array([-40_000.0, 1.6, 32_768.0])).tolist()
        [-32768, 2, 32767]
    """
    import numpy as np

    return np.clip(np.rint(values), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


@dataclasses.dataclass(frozen=True)
class Sound:
    """How clips of sound become a network's input.

    Attributes:
        kind: of the features.
        rate: of the clips, in Hz; others are resampled.
        samples: of a clip; longer ones are cut, shorter ones end in silence.
        window: samples that a frame looks at, through a Hann window.
        step: samples between frames.
        fft: length of the Fourier transform, of whose result the magnitude is taken.
        bands: of the mel scale.
        low: lower end of the lowest band, in Hz.
        high: upper end of the highest, in Hz.
        coefficients: of `mfcc`, the first ones.
        scaled: whether each clip is divided by its largest value.
        channel: whether the features end in an axis of one channel, as two-dimensional convolutions take them.

    The defaults are MLPerf Tiny's (Banbury et al. 2021, arXiv 2106.07597; its keyword spotting program). Of `waveform`
    all from `window` on means nothing.

    Raises:
        SepzooError: a field of another type or range, or fields that contradict each other.

    Example:
        >>> import numpy as np
        >>> sound = Sound()
        >>> sound.shape, sound.normalize(np.zeros((2, 16000), "int16")).shape
        ((49, 10, 1), (2, 49, 10, 1))
    """

    kind: Kind = "mfcc"
    rate: _Count = 16_000
    samples: _Count = 16_000
    window: _Count = 480
    step: _Count = 320
    fft: _Count = 512
    bands: _Count = 40
    low: Annotated[float, Interval(0)] = 20.0
    high: Annotated[float, Interval(above=0)] = 4_000.0
    coefficients: _Count = 10
    scaled: bool = True
    channel: bool = True

    def __post_init__(self) -> None:
        for name, hint in field_types(Sound).items():
            checked(getattr(self, name), hint, name=name, of="sound")
        if self.kind == "waveform":
            return
        if not self.window <= min(self.fft, self.samples):
            raise SepzooError(
                f"sound: expected a window of at most fft and of at most all samples. Received: window={self.window}, "
                f"fft={self.fft}, samples={self.samples}."
            )
        if not self.low < self.high <= self.rate / 2:
            raise SepzooError(
                f"sound: expected low < high <= {self.rate / 2:g}, half the rate. Received: low={self.low:g}, "
                f"high={self.high:g}."
            )
        if self.kind == "mfcc" and self.coefficients > self.bands:
            raise SepzooError(
                f"sound: expected at most as many coefficients as bands. Received: coefficients={self.coefficients}, "
                f"bands={self.bands}."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one clip's features: (frames, coefficients or bands, 1), or (samples,) of waveforms."""
        if self.kind == "waveform":
            return (self.samples,)
        size = self.coefficients if self.kind == "mfcc" else self.bands
        frames = (self.samples - self.window) // self.step + 1
        return (frames, size, 1) if self.channel else (frames, size)

    @property
    def seconds(self) -> float:
        """Of a clip."""
        return self.samples / self.rate

    def normalize(self, clips: ArrayLike) -> np.ndarray:
        """Return the features of clips (n, samples), float32 (n, *shape).

        Args:
            clips: whole numbers of 16 bits, or floating ones of -1 … 1.

        Raises:
            SepzooError: clips of another shape.
        """
        import numpy as np

        clips = np.asarray(clips)
        if clips.ndim != 2 or clips.shape[1] != self.samples or clips.dtype.kind not in "iuf":
            raise SepzooError(
                f"expected clips of shape (n, {self.samples}), {self.seconds:g} s at {self.rate:,} Hz, as int16 or as "
                f"floats of -1 to 1. Received: {clips.dtype} of shape {clips.shape}."
            )
        features = np.empty((len(clips), *self.shape), np.float32)
        for start in range(0, len(clips), _AT_ONCE):
            part = clips[start : start + _AT_ONCE]
            values = part / FULL_SCALE if part.dtype.kind in "iu" else part.astype(np.float64)
            features[start : start + _AT_ONCE] = self._features(values).reshape(-1, *self.shape)
        return features

    def log_mel(self, clips: np.ndarray) -> np.ndarray:
        """Return logarithms of mel bands (n, frames, bands) of float64 clips (n, samples)."""
        import numpy as np

        if self.scaled:
            clips = clips / np.maximum(clips.max(axis=1, keepdims=True), LEAST_PEAK)
        frames = np.lib.stride_tricks.sliding_window_view(clips, self.window, axis=1)[:, :: self.step]
        magnitudes = np.abs(np.fft.rfft(frames * hann(self.window), self.fft))
        filters = mel_filters(rate=self.rate, fft=self.fft, bands=self.bands, low=self.low, high=self.high)
        return np.log(magnitudes @ filters + FLOOR)

    def to_dict(self) -> dict[str, Json]:
        """Return the fields as JSON can hold them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Json]) -> Sound:
        """Return the record that `to_dict` described."""
        return cls(**fields)

    def _features(self, clips: np.ndarray) -> np.ndarray:
        if self.kind == "waveform":
            return clips
        bands = self.log_mel(clips)
        return bands if self.kind == "log_mel" else bands @ cosines(self.bands, self.coefficients)
