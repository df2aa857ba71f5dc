"""Read a sound file as a clip of the rate and length that a network takes."""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from sepzoo.data.photo import SkippedImageWarning
from sepzoo.records.sound import FULL_SCALE, Sound, sixteen_bits
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.regular_file import read_bounded, why_unreadable

MAX_BYTES = 2**28
"""The largest sound file that is read: over two hours of one channel at 16 kHz."""

RATES = (1_000, 768_000)
"""The lowest and the highest rate that is resampled, in Hz."""

SUFFIXES = (".wav", ".wave")

_BEGINNINGS = (b"RIFF", b"RIFX", b"RF64")
_HEAD = 12
_FINEST_RATIO = 2_000


class SkippedClipWarning(SkippedImageWarning):
    """A clip that cannot be read was left out of a data set."""


class ChangedClipWarning(UserWarning):
    """Clips of another rate or length were resampled, cut or padded."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A clip as a network takes it.

    Attributes:
        samples: of 16 bits, as many as the network takes, one channel.
        change: what was done to make it so, in words; "" where it was so already.
    """

    samples: np.ndarray
    change: str = ""


def read_clip(path: str | os.PathLike[str], sound: Sound) -> Clip:
    """Return the clip of a WAV file (PCM of 8 to 64 bits, or floats), fitted by `fitted_clip`.

    Raises:
        SepzooError: the file is missing, damaged or no WAV file, or its rate is out of `RATES`.

    Example:
        >>> read_clip("missing.wav", Sound())
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: missing.wav: expected a readable WAV file. Received: no such file.
    """
    reason = why_unreadable(path, most_bytes=MAX_BYTES)
    if reason is None:
        try:
            rate, samples = _decoded(read_bounded(path, most_bytes=MAX_BYTES))
            return fitted_clip(samples, rate, sound)
        except SepzooError as error:
            raise SepzooError(f"{path}: {error}") from None
        except Exception as error:  # a damaged file makes SciPy's reader raise almost anything
            reason = (isinstance(error, OSError) and error.strerror) or f"damaged ({first_line(error).rstrip('.')})"
    raise SepzooError(f"{path}: expected a readable WAV file. Received: {reason}.")


def fitted_clip(samples: np.ndarray, rate: int, sound: Sound) -> Clip:
    """Return samples as a clip: channels averaged, resampled (SciPy's polyphase filter), cut or padded at the end.

    Args:
        samples: (n,) or (n, channels): whole numbers of their type's range, uint8 around 128, or floats of -1 … 1.
        rate: of them, in Hz.
        sound: says which rate and how many samples.

    Raises:
        SepzooError: no sample, a rate out of `RATES`, or numbers that are none.

    Example:
        >>> clip = fitted_clip(np.zeros(4000, "int16"), 8000, Sound())
        >>> clip.samples.shape, clip.change
        ((16000,), '8,000 Hz resampled to 16,000 Hz, 0.5 s padded to 1 s')
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise SepzooError(f"expected a rate of {RATES[0]:,} to {RATES[1]:,} Hz. Received: {rate:,} Hz. Resample it.")
    if not samples.size:
        raise SepzooError("expected sound. Received: no sample.")
    changes = []
    length = math.ceil(sound.samples * rate / sound.rate)
    seconds, part = len(samples) / rate, samples[:length]
    if rate == sound.rate and part.dtype == np.int16 and part.ndim == 1:
        clip = part
    else:
        clip = sixteen_bits(_resampled(_as_floats(part), rate, sound.rate) * FULL_SCALE)
    if rate != sound.rate:
        changes.append(f"{rate:,} Hz resampled to {sound.rate:,} Hz")
    if len(samples) != length:
        changes.append(f"{seconds:.3g} s {'cut' if len(samples) > length else 'padded'} to {sound.seconds:.3g} s")
    whole = np.zeros(sound.samples, np.int16)
    whole[: len(clip)] = clip[: sound.samples]
    return Clip(whole, ", ".join(changes))


def is_sound(path: Path) -> bool:
    """Tell whether a file is one of sound: by its suffix, or its content.

    Example:
        >>> is_sound(Path("missing.WAV")), is_sound(Path("missing.txt"))
        (True, False)
    """
    if path.suffix.lower() in SUFFIXES:
        return True
    if why_unreadable(path, most_bytes=MAX_BYTES) is not None:
        return False
    try:
        with path.open("rb") as file:
            return _begins_as_wave(file.read(_HEAD))
    except OSError:
        return False


def warn_of_changes(changes: Sequence[str], count: int, title: str = "") -> None:
    """Warn of clips that were changed: of the only one by itself, else how many of `count`, and of the first."""
    if not changes:
        return
    begins = f"{title}: " if title else ""
    text = changes[0] if count == 1 else f"{len(changes)} of {count} clips were changed, first {changes[0]}"
    warnings.warn(f"{begins}{text}.", ChangedClipWarning, stacklevel=3)


def _begins_as_wave(content: bytes) -> bool:
    return content[:4] in _BEGINNINGS and content[8:_HEAD] == b"WAVE"


def _decoded(content: bytes) -> tuple[int, np.ndarray]:
    """Return rate and samples of a WAV file's bytes."""
    from scipy.io import wavfile

    if not _begins_as_wave(content):
        raise SepzooError("expected a readable WAV file. Received: no WAV file. Convert it, for example with ffmpeg.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of what stands beside the sound
        warnings.filterwarnings("error", "Reached EOF prematurely", wavfile.WavFileWarning)
        rate, samples = wavfile.read(io.BytesIO(content))
    return int(rate), samples


def _as_floats(samples: np.ndarray) -> np.ndarray:
    """Return samples of any type as the mean of their channels, float64 of -1 … 1."""
    kind = samples.dtype.kind
    if kind == "u":
        values = samples.astype(np.float64) / 128 - 1
    elif kind == "i":
        values = samples / -float(np.iinfo(samples.dtype).min)
    else:
        values = samples.astype(np.float64)
    if not np.isfinite(values).all():
        raise SepzooError("expected sound of finite numbers. Received: NaN or infinite ones.")
    return values.mean(axis=1) if values.ndim > 1 else values


def _resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly

    ratio = Fraction(wanted, rate).limit_denominator(_FINEST_RATIO)  # exact for the rates in use; else filters grow
    return np.asarray(resample_poly(samples, max(ratio.numerator, 1), ratio.denominator))
