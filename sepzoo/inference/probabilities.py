"""From a network's class scores to probabilities."""

from __future__ import annotations

import numpy as np

from sepzoo.records.outputs import Output, OutputKind
from sepzoo.support.errors import SepzooError

_NEARLY = 0.02
"""Half precision adds up to 1 no better."""


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


def require_probabilities(name: str, output: Output, rows: np.ndarray) -> None:
    """See that what a model answers is what is said of it; scores that are NaN say nothing of that.

    Args:
        name: of the model.
        output: what is said.
        rows: what `probabilities` makes of class scores, (n, classes).

    Raises:
        SepzooError: they are no probabilities, or those of a softmax don't add up to 1.

    Example:
        >>> require_probabilities("net", Output("softmax"), np.array([[3.0, -1.0]]))
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: net: expected probabilities that add up to 1, as was said: softmax. Received: values from -1 to 3, ...
    """  # noqa: E501  (the message is one line)
    if not output.scores or not np.isfinite(rows).all():
        return
    given, sums = rows[:, 1:] if output.kind == "sigmoid" else rows, rows.sum(axis=1)
    inside = given.min() >= -_NEARLY and given.max() <= 1 + _NEARLY
    if inside and (output.kind != "softmax" or np.abs(sums - 1).max() <= _NEARLY):
        return
    wanted = "probabilities that add up to 1" if output.kind == "softmax" else "probabilities of 0 … 1"
    right = "multilabel" if inside else "values" if output.kind == "multilabel" else "logits"
    word = f"{output.name}={right}" if output.name else right
    told = f", and sums from {sums.min():.3g} to {sums.max():.3g}" if output.kind == "softmax" else ""
    raise SepzooError(
        f"{name}: expected {wanted}, as was said: {output.kind}. Received: values from {given.min():.3g} to "
        f"{given.max():.3g}{told}. Say {right!r}: outputs= (on the command line: --output-kind {word})."
    )
