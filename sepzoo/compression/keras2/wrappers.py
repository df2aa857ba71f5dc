"""What tensorflow-model-optimization puts around a layer, and the weights that it leaves behind."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.sparsity.keras import pruning_impl

from sepzoo.compression.keras2.twin import Twin, in_keras_2
from sepzoo.support.types import Json, Layer, Tensor

_sparsity, _clustering = tfmot.sparsity.keras, tfmot.clustering.keras
_INITIALIZATIONS = {
    "kmeans++": _clustering.CentroidInitialization.KMEANS_PLUS_PLUS,
    "linear": _clustering.CentroidInitialization.LINEAR,
    "density": _clustering.CentroidInitialization.DENSITY_BASED,
}


class Pruning:
    """Weights of least magnitude become zero.

    Args:
        settings: `schedule`, with the arguments of tensorflow-model-optimization's own, `block_size`, and `m_by_n`:
            (2, 4) for two zeros of each four weights, or None.
    """

    def __init__(self, settings: Json) -> None:
        schedule = dict(settings["schedule"])
        kinds = {"constant": _sparsity.ConstantSparsity, "polynomial": _sparsity.PolynomialDecay}
        self._arguments: dict[str, Any] = {
            "pruning_schedule": kinds[schedule.pop("kind")](**schedule),
            "block_size": tuple(settings["block_size"]),
            "sparsity_m_by_n": tuple(settings["m_by_n"]) if settings["m_by_n"] else None,
        }
        pruning_impl.Pruning._validate_block = lambda _pruning: None  # it refuses 1 x 1 kernels, which are matrices too

    def wrap(self, layer: Layer, source: Tensor, name: str) -> Layer:
        """Return a layer that is pruned as it is trained."""
        return _sparsity.prune_low_magnitude(in_keras_2(layer, source, name), **self._arguments)

    def begin(self, twin: Twin) -> None:
        """Get ready for training."""
        self._callback = _sparsity.UpdatePruningStep()
        self._callback.set_model(twin.model)
        self._callback.on_train_begin()

    def end_step(self) -> None:
        """Do nothing: weights are zero at each use."""

    def end_epoch(self) -> None:
        """Let the weights be zero that are to be: the last step of the optimizer has moved them."""
        self._callback.on_epoch_end(0)

    def weights(self, name: str, wrapper: Layer) -> list[np.ndarray]:
        """Return the weights of a wrapped layer in the order of its own."""
        return list(wrapper.layer.get_weights())


class Clustering:
    """Weights take the values of a few centroids, one set a kernel.

    Args:
        settings: `clusters`, how many, and `initialization`.
    """

    def __init__(self, settings: Json) -> None:
        self._arguments = {
            "number_of_clusters": settings["clusters"],
            "cluster_centroids_init": _INITIALIZATIONS[settings["initialization"]],
        }

    def wrap(self, layer: Layer, source: Tensor, name: str) -> Layer:
        """Return a layer whose weights share values as it is trained."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _clustering.cluster_weights(in_keras_2(layer, source, name), **self._arguments)

    def begin(self, twin: Twin) -> None:
        """Do nothing: layers are ready."""

    def end_step(self) -> None:
        """Do nothing: weights are clustered at each use."""

    def end_epoch(self) -> None:
        """Do nothing: weights are clustered at each use."""

    def weights(self, name: str, wrapper: Layer) -> list[np.ndarray]:
        """Return the weights of a wrapped layer in the order of its own."""
        wrapper.update_clustered_weights_associations()
        found = [np.asarray(each) for each in wrapper.layer.get_weights()]  # without those that are clustered
        for position, name in wrapper.position_original_weights.items():
            found.insert(position, np.asarray(tf.convert_to_tensor(wrapper.get_weight_from_layer(name))))
        return found
