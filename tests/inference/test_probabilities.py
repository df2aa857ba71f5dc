"""What a model answers is held against what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.inference.probabilities import probabilities, require_probabilities
from sepzoo.records.outputs import Output, OutputKind
from sepzoo.support.errors import SepzooError

SHARES = np.array([[0.25, 0.75], [0.5, 0.5]])


@pytest.mark.parametrize(
    ("kind", "scores"),
    [
        ("softmax", SHARES),
        ("softmax", SHARES + 0.005),  # as half precision rounds
        ("softmax", np.array([[np.nan, 1.0]])),
        ("sigmoid", np.array([[0.0], [1.0]])),
        ("multilabel", np.array([[1.0, 1.0], [0.0, 0.25]])),
        ("logits", np.array([[-30.0, 40.0]])),
        ("logits", np.array([[-30.0]])),
        ("values", np.array([[-30.0, 40.0]])),
    ],
)
def test_what_is_as_was_said_passes(kind: OutputKind, scores: np.ndarray) -> None:
    require_probabilities("net", Output(kind), probabilities(scores, kind))


@pytest.mark.parametrize(
    ("kind", "scores", "told"),
    [
        ("softmax", [[-1.0, 3.0]], r"that add up to 1, .*values from -1 to 3, and sums from 2 to 2\. Say 'logits'"),
        (
            "softmax",
            [[0.5, 0.9]],
            r"that add up to 1, .*values from 0\.5 to 0\.9, and sums from 1\.4 .* Say 'multilabel'",
        ),
        ("sigmoid", [[4.0], [-2.0]], r"of 0 … 1, .*values from -2 to 4\. Say 'logits'"),
        ("multilabel", [[0.5, 1.5]], r"of 0 … 1, .*values from 0\.5 to 1\.5\. Say 'values'"),
    ],
)
def test_what_is_not_is_told_with_what_to_say(kind: OutputKind, scores: list[list[float]], told: str) -> None:
    with pytest.raises(SepzooError, match=rf"^net: expected probabilities {told}: outputs= .*--output-kind class="):
        require_probabilities("net", Output(kind, "class"), probabilities(np.array(scores), kind))
