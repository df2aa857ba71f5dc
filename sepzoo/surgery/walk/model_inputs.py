"""Samples in the form that a model takes."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.data.samples import Samples
from sepzoo.layers.graph import graph_of
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import ArrayLike


def model_inputs(model: keras.Model, data: Samples | np.ndarray) -> np.ndarray:
    """Return unlabelled samples as float32 inputs of a model.

    Args:
        model: of one input; its size may be open.
        data: an array as the model takes it, (n, height, width, channels), or `sepzoo.data.Samples`, whose pixels are
            normalized as the model's own preprocessing says; features are taken as they are.

    Raises:
        SepzooError: several inputs, another shape, no sample at all, values that are not finite, or `Samples` for a
            model that does not say its preprocessing.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
        >>> model_inputs(model, np.zeros((5, 8, 8, 3), "uint8")).dtype.name
        'float32'
    """
    tensors = graph_of(model).inputs
    if len(tensors) != 1:
        names = ", ".join(repr(tensor.name) for tensor in tensors)
        raise SepzooError(f"expected a model of one input to be shown samples. Received: {model.name!r}, with {names}.")
    values: ArrayLike = data
    if isinstance(data, Samples) and isinstance(data.images, Mapping):
        received = ", ".join(data.images)
        raise SepzooError(
            f"expected samples of one array for {model.name!r}, which has one input. Received: {received}."
        )
    if isinstance(data, Samples):
        metadata = model_file.metadata_of(model)
        features = data.images.dtype != np.uint8 or (metadata is not None and metadata.features is not None)
        if features:
            values = data.images
        elif metadata is None:
            raise SepzooError(
                f"expected a model that says how pixels become its input. Received: {model.name!r} without, and "
                "Samples. Pass an array as the model takes it."
            )
        else:
            values = metadata.require_preprocessing().normalize(data.images)
    values = np.asarray(values)
    wanted = tuple(tensors[0].shape[1:])
    fits = values.ndim == len(wanted) + 1 and all(
        size in (None, given) for size, given in zip(wanted, values.shape[1:], strict=True)
    )
    if not fits or not len(values) or not np.issubdtype(values.dtype, np.number):
        shape = ", ".join("any" if size is None else str(size) for size in wanted)
        raise SepzooError(
            f"expected samples of shape (n, {shape}) for {model.name!r}, at least one. Received: {values.dtype} of "
            f"shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise SepzooError(f"expected finite samples for {model.name!r}. Received: NaN or infinite values.")
    return values.astype("float32")
