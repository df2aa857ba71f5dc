"""Whether a run has ended before its last epoch: told by what was measured alone, so a resumed run tells the same."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.training.finished_run import Epoch
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.recipe_sections import EarlyStoppingSection


def is_complete(history: Sequence[Epoch], settings: FitSettings) -> bool:
    """Return whether training has ended: after the last epoch, or before it as `early_stopping` says."""
    return len(history) >= settings.epochs or stops(history, settings.early_stopping)


def stops(history: Sequence[Epoch], section: EarlyStoppingSection | None) -> bool:
    """Return whether so many last epochs as `patience` says brought nothing better.

    Example:
        >>> def record(epoch, loss):
        ...     return Epoch(epoch, 1.0, 0.5, loss, 0.5, 0.1, 1.0, 1.0)
        >>> section = EarlyStoppingSection(monitor="val_loss", patience=2)
        >>> stops([record(1, 0.9), record(2, 0.8), record(3, 0.85)], section)
        False
        >>> stops([record(1, 0.9), record(2, 0.8), record(3, 0.85), record(4, 0.8)], section)
        True
    """
    if section is None:
        return False
    sign = -1 if section.monitor == "val_loss" else 1
    best, waited = float("-inf"), 0
    for record in history:
        value = sign * float(getattr(record, section.monitor))
        if value > best + section.min_delta:
            best, waited = value, 0
        else:
            waited += 1
    return waited >= section.patience
