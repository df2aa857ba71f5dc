"""A network that was trained with the rounding of integers."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import keras

from sepzoo.data.samples import Samples
from sepzoo.data.source import Source
from sepzoo.export.formats.tflite import tflite
from sepzoo.export.report import ExportReport
from sepzoo.inference.evaluation import Evaluation
from sepzoo.inference.keras_model import from_model
from sepzoo.surgery.exact.rounding_layers import remove_rounding


@dataclasses.dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A network whose layers round as its int8 file will.

    Attributes:
        model: it is an ordinary Keras model: compile and fit it further, save it, and `sepzoo export` finds its steps.
        samples: those that its ranges began with.
        losses: before training and after each epoch, in nats where they are of class probabilities.

    Example:
        >>> import numpy as np
        >>> from sepzoo.compression import quantize_aware
        >>> from sepzoo.records.preprocessing import Preprocessing
        >>> layers = [keras.layers.Conv2D(4, 3), keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")]
        >>> images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), np.uint8)
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), *layers], name="small")
        >>> data = Samples(images, None, origin="noise", seed=0)
        >>> quantized = quantize_aware(model, data, epochs=1, preprocessing=Preprocessing((0.0,), (1.0,)))
        >>> [type(layer).__name__ for layer in quantized.keras_model.layers][-2:]
        ['Dense', 'Activation']
    """

    model: keras.Model
    samples: Samples
    losses: tuple[float, ...] = ()

    @property
    def keras_model(self) -> keras.Model:
        """The trained weights alone, in a float32 model of built-in layers; the steps are lost."""
        return remove_rounding(self.model)

    def evaluate(self, source: Source | Samples, *, batch_size: int = 32) -> Evaluation:
        """Return the accuracy with rounding, as `sepzoo.inference` measures it.

        Raises:
            SepzooError: the data has classes that the network has not, or the network gives no class scores.
        """
        return from_model(self.model).evaluate(source, batch_size=batch_size)

    def export_tflite(self, path: str | os.PathLike[str], **arguments: Any) -> ExportReport:
        """Write the int8 `.tflite` file, whose integers stand on the trained steps.

        Args:
            path: of the file, ending in `.tflite`.
            **arguments: of `sepzoo.export.tflite`, such as `check` and `interface`.

        Raises:
            SepzooError: as `sepzoo.export.tflite` does.
        """
        return tflite(self.model, path, quantize="int8", **{"calibration": self.samples, **arguments})
