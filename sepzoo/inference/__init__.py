"""Open an exported or saved network and use it: labels, predictions, accuracy, all from the file alone.

Importing this costs nothing heavy. A `.tflite` file is run without TensorFlow and without Keras; a `.keras` file brings
Keras in when it is opened, a SavedModel brings TensorFlow.
"""

from __future__ import annotations

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.evaluation import Evaluation
from sepzoo.inference.features import feature_samples
from sepzoo.inference.images import load_images
from sepzoo.inference.opening import open, suffixes  # noqa: A004  (named for what it does, as in gzip.open)
from sepzoo.records.prediction import Prediction

__all__ = ["Classifier", "Evaluation", "Prediction", "feature_samples", "load_images", "open", "suffixes"]
