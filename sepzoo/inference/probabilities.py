"""From a network's class scores to probabilities."""

from __future__ import annotations

import numpy as np

from sepzoo.records.outputs import OutputKind


def probabilities(scores: np.ndarray, kind: OutputKind) -> np.ndarray:
    """Return the probability of each class, (n, classes), for class scores (n, ...) of a kind.

    Logits go through a softmax; one logit alone through a sigmoid. One probability becomes those of both classes.

    Example:
        >>> probabilities(np.array([[0.25]]), "sigmoid").tolist(), probabilities(np.array([[0.0]]), "logits").tolist()
        ([[0.75, 0.25]], [[0.5, 0.5]])
    """
    rows = scores.reshape(len(scores), -1)
    if kind == "logits":
        logits = np.concatenate([np.zeros_like(rows), rows], axis=1) if rows.shape[1] == 1 else rows
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)
    return np.concatenate([1 - rows, rows], axis=1) if kind == "sigmoid" else rows
