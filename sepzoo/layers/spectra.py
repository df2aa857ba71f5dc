"""Spectra of sound as layers, so that a network may take waveforms."""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from sepzoo.layers.mel import FLOOR, LEAST_PEAK, cosines, hann, mel_filters
from sepzoo.support.arguments import Interval, checked
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Config, Tensor

_AXES = 2


@keras.saving.register_keras_serializable("sepzoo")
class LogMelSpectrogram(keras.layers.Layer):
    """Waveforms (n, samples) to logarithms of mel bands (n, frames, bands), float32.

    A frame begins every `step` samples and is looked at through a Hann window; frames that would go beyond the end are
    left out, so there are (samples - window) // step + 1. Of its Fourier transform the magnitude is taken, summed in
    triangles on the mel scale, and the logarithm of that plus 1e-6 (TensorFlow's signal library; `MelSpectrogram` of
    Keras centres its frames, and has decibels).

    Args:
        rate: of the sound, in Hz.
        window: samples that a frame looks at.
        step: samples between frames.
        fft: length of the Fourier transform, of which those beyond the window are 0.
        bands: of the mel scale.
        low: lower end of the lowest band, in Hz.
        high: upper end of the highest, in Hz.
        scaled: whether each clip is divided by its largest value, as MLPerf Tiny's program does.

    Raises:
        SepzooError: a window longer than the transform, bands that can't be, or a clip shorter than the window.

    Example:
        >>> import numpy as np
        >>> tuple(LogMelSpectrogram()(np.zeros((1, 16000), "float32")).shape)
        (1, 49, 40)
    """

    def __init__(
        self,
        *,
        rate: int = 16_000,
        window: int = 480,
        step: int = 320,
        fft: int = 512,
        bands: int = 40,
        low: float = 20.0,
        high: float = 4_000.0,
        scaled: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        for name, value in {"rate": rate, "window": window, "step": step, "fft": fft, "bands": bands}.items():
            checked(value, Annotated[int, Interval(1)], name=name)
        if window > fft:
            raise SepzooError(f"expected a window of at most fft samples. Received: window={window}, fft={fft}.")
        if not 0 <= low < high <= rate / 2:
            raise SepzooError(f"expected 0 <= low < high <= {rate / 2:g} Hz. Received: low={low:g}, high={high:g}.")
        self.rate, self.window, self.step, self.fft, self.bands = rate, window, step, fft, bands
        self.low, self.high, self.scaled = low, high, scaled
        self._filters = mel_filters(rate=rate, fft=fft, bands=bands, low=low, high=high).astype("float32")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """See that clips have one axis of samples, enough for a frame."""
        if len(input_shape) != _AXES or (input_shape[1] or self.window) < self.window:
            raise SepzooError(
                f"{self.name}: expected clips (n, samples) of at least {self.window} samples. Received: {input_shape}."
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return the logarithms of the bands."""
        if self.scaled:
            inputs = inputs / ops.maximum(ops.max(inputs, axis=1, keepdims=True), LEAST_PEAK)
        # Keras puts the window into the middle of the transform: so each frame must begin that much earlier.
        before = (self.fft - self.window) // 2
        inputs = ops.pad(inputs, ((0, 0), (before, self.fft - self.window - before)))
        real, imaginary = ops.stft(
            inputs, self.window, self.step, self.fft, window=hann(self.window).astype("float32"), center=False
        )
        magnitudes = ops.sqrt(ops.square(real) + ops.square(imaginary))
        return ops.log(ops.matmul(magnitudes, self._filters) + FLOOR)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (n, frames, bands)."""
        samples = input_shape[1]
        frames = None if samples is None else (samples - self.window) // self.step + 1
        return (input_shape[0], frames, self.bands)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        names = ("rate", "window", "step", "fft", "bands", "low", "high", "scaled")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("sepzoo")
class MFCC(LogMelSpectrogram):
    """Waveforms (n, samples) to mel-frequency cepstral coefficients (n, frames, coefficients), float32.

    They are the first of a cosine transform of the mel bands' logarithms (DCT-II, times the square root of 2 / bands).

    Args:
        coefficients: how many, at most as many as bands.
        kwargs: of `LogMelSpectrogram`.

    Raises:
        SepzooError: more coefficients than bands, or what `LogMelSpectrogram` raises.

    Example:
        >>> import numpy as np
        >>> tuple(MFCC(coefficients=10)(np.zeros((1, 16000), "float32")).shape)
        (1, 49, 10)
    """

    def __init__(self, *, coefficients: int = 10, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        checked(coefficients, Annotated[int, Interval(1)], name="coefficients")
        if coefficients > self.bands:
            raise SepzooError(
                f"expected at most as many coefficients as bands. Received: coefficients={coefficients}, "
                f"bands={self.bands}."
            )
        self.coefficients = coefficients
        self._cosines = cosines(self.bands, coefficients).astype("float32")

    def call(self, inputs: Tensor) -> Tensor:
        """Return the coefficients."""
        return ops.matmul(super().call(inputs), self._cosines)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (n, frames, coefficients)."""
        return (*super().compute_output_shape(input_shape)[:2], self.coefficients)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {**super().get_config(), "coefficients": self.coefficients}
