"""What values err by, without their unit.

Example:
    >>> float(RelativeError(variance=4.0)([[1.0, 5.0]], [[3.0, 5.0]]))
    0.5
"""

from __future__ import annotations

import keras

from sepzoo.support.types import Json, Tensor


@keras.saving.register_keras_serializable("sepzoo")
class RelativeError(keras.losses.MeanSquaredError):
    """The mean squared error as a share of the variance, so that no output outweighs another by its unit.

    Args:
        variance: that is the unit.
    """

    def __init__(self, variance: float) -> None:
        super().__init__(name="relative_error")
        self.variance = max(variance, 1e-12)

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the error of each sample."""
        return super().call(y_true, y_pred) / self.variance

    def get_config(self) -> Json:
        """Return the arguments."""
        return {"variance": self.variance}
