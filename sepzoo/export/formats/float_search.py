"""The search for the layers that must stay float: fewest bytes first, until the file answers as it shall.

Each layer is left float alone, and the file's error on the calibration samples is measured: what a layer wins for each
byte that it costs is its place in the order. Then as many are kept float, in this order, as it takes on the check
samples; and each whose leaving out does no harm, the largest first, is left out again. Every file on the way is one
that could be written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import Comparison
from sepzoo.export.formats.tflite_operators import FileOperator
from sepzoo.export.formats.tflite_run import outputs_of
from sepzoo.export.tolerance import BeyondToleranceError, Tolerance
from sepzoo.inference.classifier import Classifier
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import announced, counted
from sepzoo.support.quiet import quiet

RANKED_ON = 64
"""So many calibration samples tell the order."""

_NO_LABELS = (
    "expected labelled samples to check on, for max_drop. Received: samples without labels. Name labelled data, or use "
    "agreement."
)

Make = Callable[[Collection[str]], bytes]
Judge = Callable[[bytes], Comparison]


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a file shall reach; None: nothing.

    Attributes:
        agreement: least share of the samples on which file and model name the same class.
        max_drop: most accuracy that it may lose, as a share.
        relative_error: largest relative error, where there are no classes to agree on.
    """

    agreement: float | None = None
    max_drop: float | None = None
    relative_error: float | None = None

    def reached(self, seen: Comparison) -> bool:
        """Return whether a comparison shows it; of several outputs each must.

        Raises:
            SepzooError: there is no accuracy to judge by.
        """
        if seen.outputs:
            return all(self.reached(each) for each in seen.outputs)
        if self.max_drop is not None and seen.scores:
            if seen.accuracy_drop is None:
                raise SepzooError(_NO_LABELS)
            if seen.accuracy_drop > self.max_drop:
                return False
        if seen.agreement is None:
            return Tolerance(relative_error=self.relative_error).problems(seen) == []
        return self.agreement is None or seen.agreement >= self.agreement


def require_labels(check: Samples, classifier: Classifier) -> None:
    """See, before a search for `max_drop`, that there is an accuracy to judge by.

    Raises:
        SepzooError: there is none, of a network that names classes.
    """
    if check.labels is None and any(output.scores for output in classifier.outputs):
        raise SepzooError(_NO_LABELS)


def search(
    make: Make,
    probe: Make,
    judge: Judge,
    operators: Sequence[FileOperator],
    values: Mapping[str, np.ndarray],
    goal: Goal,
    exact: bytes,
) -> tuple[str, ...]:
    """Return the names of the tensors whose operators stay float.

    Args:
        make: returns the file's bytes where the operators of some tensors stay float.
        probe: likewise, of float inputs and outputs, whose errors are those of the layers alone.
        judge: compares such a file with the model on the check samples.
        operators: of the float file.
        values: calibration samples as the network takes them.
        goal: when it is enough.
        exact: the float file, whose outputs are right.

    Raises:
        SepzooError: not even with all layers float is it enough.
    """
    groups: dict[str, list[str]] = {}
    for operator in operators:
        groups.setdefault(operator.layers[0], []).append(operator.tensor)

    def tensors(layers: Collection[str]) -> tuple[str, ...]:
        return tuple(tensor for layer in layers for tensor in groups[layer])

    def enough(layers: Collection[str]) -> bool:
        return goal.reached(judge(_made(make, tensors(layers))))

    if enough(()):
        return ()
    order = _ranked(lambda layers: _made(probe, tensors(layers)), tuple(groups), values, exact)
    count = _fewest(lambda some: enough(order[:some]), len(order))
    kept = list(order[:count])
    sizes = {layer: len(_made(make, tensors([layer]))) for layer in kept}
    for layer in sorted(kept[:-1], key=lambda name: -sizes[name]):  # without the last one it is not enough
        without = [other for other in kept if other != layer]
        with announced(f"seeing whether {layer} may be rounded", terminal_only=True):
            kept = without if enough(without) else kept
    return tensors(kept)


def _ranked(
    make: Callable[[Collection[str]], bytes], layers: Sequence[str], values: Mapping[str, np.ndarray], exact: bytes
) -> list[str]:
    """Return the layers, those first that win most for each byte."""
    some = {name: array[:RANKED_ON] for name, array in values.items()}
    right = outputs_of(exact, some)
    rounded = make(())
    most = _error(outputs_of(rounded, some), right)
    gains = {}
    for layer in counted(layers, len(layers), "layers tried as float"):
        content = make([layer])
        gain = most - _error(outputs_of(content, some), right)
        more = max(len(content) - len(rounded), 1)
        gains[layer] = gain / more if gain > 0 else gain * more  # of those that win nothing the small ones first
    return sorted(layers, key=lambda layer: -gains[layer])


def _error(given: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> float:
    """Return the sum over the outputs of the squared error relative to the squared values."""
    return sum(
        float(np.square(one - other).sum() / max(np.square(other).sum(), np.finfo(np.float64).tiny))
        for one, other in zip(given, right, strict=True)
    )


def _fewest(enough: Callable[[int], bool], most: int) -> int:
    """Return the smallest count from 1 that is enough, as far as doubling and halving finds it.

    Raises:
        SepzooError: not even the largest is.
    """
    count, before = 1, 0
    while not enough(min(count, most)):
        if count >= most:
            raise BeyondToleranceError(
                "expected a file that reaches what keep_float='auto' asks for. Received: one that doesn't, even with "
                "all layers float. Ask for less, for float edges, or for tflite:float16."
            )
        before, count = count, count * 2
    count = min(count, most)
    while count - before > 1:
        middle = (count + before) // 2
        before, count = (before, middle) if enough(middle) else (middle, count)
    return count


def _made(make: Make, tensors: Collection[str]) -> bytes:
    with quiet():
        return make(tensors)
