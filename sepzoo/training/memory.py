"""What is said when a batch does not fit in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sepzoo.support.errors import SepzooError
from sepzoo.training.fit_settings import FitSettings

_SAID = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "out of memory", "OOM when allocating", "bad_alloc")
"""How TensorFlow, JAX, PyTorch and C++ say it."""


@contextlib.contextmanager
def says_which_batch_size(settings: FitSettings) -> Iterator[None]:
    """Turn any backend's complaint of too little memory into a line that says what to try.

    Raises:
        SepzooError: the batch did not fit.

    Example:
        >>> with says_which_batch_size(FitSettings(optimizer={"learning_rate": 0.1}, epochs=1, batch_size=64)):
        ...     raise MemoryError
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected a batch that fits in memory. Received: batch_size=64. Try batch_size=32 with optimizer.accumulate_steps=2, which steps as often.
    """  # noqa: E501
    try:
        yield
    except Exception as error:  # each backend has a class of its own
        if not isinstance(error, MemoryError) and not any(said in f"{type(error)} {error}" for said in _SAID):
            raise
        size, steps = settings.batch_size, settings.optimizer.accumulate_steps
        advice = (
            f"Try batch_size={size // 2} with optimizer.accumulate_steps={2 * steps}, which steps as often"
            if size > 1
            else "Try a smaller model.image_size"
        )
        raise SepzooError(f"expected a batch that fits in memory. Received: batch_size={size}. {advice}.") from error
