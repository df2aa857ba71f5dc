"""How far an exported file may stray from its model."""

from __future__ import annotations

import dataclasses
import math

from sepzoo.export.comparison import Comparison
from sepzoo.support.errors import SepzooError


class BeyondToleranceError(SepzooError):
    """A file was made whose answers stray further from its model's than is allowed; it was not kept."""


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The limits beyond which an export is refused. None: no limit.

    Agreement and accuracy are shares of a finite number of samples. They count as beyond a limit only where they are so
    by more than two standard errors: with 25 samples one image more or less is four points, and says nothing.

    Attributes:
        max_error: largest difference of one probability.
        agreement: least share of the samples on which file and model name the same class.
        accuracy_drop: largest loss of top-1 accuracy, as a share: 0.03 is three points.
        relative_error: largest relative error of the outputs where there is no agreement: of values and maps, and
            where the model names one class alone.

    Example:
        >>> Tolerance(max_error=1e-4)
        Tolerance(max_error=0.0001, agreement=None, accuracy_drop=None, relative_error=None)
    """

    max_error: float | None = None
    agreement: float | None = None
    accuracy_drop: float | None = None
    relative_error: float | None = None

    def problems(self, comparison: Comparison) -> list[str]:
        """Return what is beyond the limits, one phrase each; an empty list where all is well.

        Of several outputs each is judged by its own measures, and named.
        """
        if comparison.outputs:
            return [f"output {seen.name!r}: {text}" for seen in comparison.outputs for text in self.problems(seen)]
        found = []
        if self.max_error is not None and comparison.scores and not comparison.max_error <= self.max_error:
            found.append(f"probabilities differ by up to {comparison.max_error:.2g} (limit {self.max_error:g})")
        if self.agreement is not None and comparison.agreement is not None:
            error = math.sqrt(self.agreement * (1 - self.agreement) / comparison.count)
            if comparison.agreement < self.agreement - 2 * error:
                found.append(f"the likeliest class agrees on {comparison.agreement:.3f} (limit {self.agreement:g})")
        relative = comparison.relative_error
        judged = self.relative_error is not None and comparison.agreement is None and relative is not None
        if judged and not relative <= self.relative_error:  # type: ignore[operator]
            found.append(f"outputs have a relative error of {relative:.2g} (limit {self.relative_error:g})")
        drop = comparison.accuracy_drop
        if self.accuracy_drop is not None and drop is not None:
            certain = drop - 2 * comparison.accuracy_drop_error
            if certain > self.accuracy_drop:
                found.append(
                    f"top-1 accuracy falls from {comparison.model_accuracy:.3f} to {comparison.file_accuracy:.3f} "
                    f"(limit {self.accuracy_drop:g})"
                )
        return found


EXACT = Tolerance(max_error=1e-4, relative_error=1e-4)
"""For files that compute in float32 as the model does. docs/tolerances.md has what the relative errors come from."""

ROUNDED = Tolerance(agreement=0.95, accuracy_drop=0.01, relative_error=0.01)
"""For files whose weights or activations have more than 8 bits."""

QUANTIZED = Tolerance(agreement=0.85, accuracy_drop=0.02, relative_error=0.2)
"""For files of integers throughout."""

QUANTIZED_WEIGHTS = dataclasses.replace(QUANTIZED, relative_error=0.05)
"""For files of 8-bit weights that compute in floats."""
