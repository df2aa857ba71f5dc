"""Preparing images for a network and decoding its predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sepzoo.artifact.model_file import metadata_of
from sepzoo.catalog.registry import find
from sepzoo.records.metadata import Metadata
from sepzoo.records.prediction import Prediction, likeliest
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import ArrayLike, Model
from sepzoo.weights.imagenet import imagenet_labels


def preprocess(model_or_name: Model | str, images: ArrayLike) -> np.ndarray:
    """Return images as the network wants them: resized, centre-cropped and normalized as its card says.

    Args:
        model_or_name: a model from `build` or `load`, or a registry name.
        images: pixels of 0 … 255: one image (height, width, channels), a batch of them, or a list of images of any
            sizes. A float image is only normalized, and must have the network's size. The caller's arrays stay as
            they are.

    Returns:
        float32 of (count, height, width, channels); one image gives a batch of one.

    Raises:
        SepzooError: nothing is known of the model, or the images have another form.

    Example:
        >>> import numpy as np
        >>> preprocess("mobilenet_v1", np.zeros((480, 640, 3), np.uint8)).shape
        (1, 224, 224, 3)
    """
    preprocessing, (height, width, channels) = _expected(model_or_name)
    batch = [images] if isinstance(images, np.ndarray) and images.ndim in (2, 3) else list(images)
    if not batch:
        raise SepzooError("expected at least one image. Received: none.")
    prepared = []
    for image in (np.asarray(image) for image in batch):
        if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[-1] not in (1, 3, 4)):
            raise SepzooError(f"expected images (height, width, channels). Received: shape {image.shape}.")
        size = (height or image.shape[0], width or image.shape[1])
        if image.dtype == np.uint8:
            image = preprocessing.resize(image, size, channels=channels)
        elif image.shape != (*size, channels):
            raise SepzooError(
                f"expected float images of {(*size, channels)}, or uint8 ones of any size. Received: {image.shape}."
            )
        prepared.append(image)
    return preprocessing.normalize(np.stack(prepared))


def decode_predictions(
    probabilities: ArrayLike, top: int = 5, labels: Sequence[str] | None = None
) -> list[list[Prediction]]:
    """Return the `top` guesses for each row of probabilities, best first.

    Args:
        probabilities: (count, classes).
        top: how many, at most the number of classes.
        labels: class names in the order of the outputs; None takes ImageNet's, downloaded once to where Keras caches.

    Raises:
        SepzooError: the number of labels differs from the number of classes.

    Example:
        >>> decode_predictions([[0.1, 0.7, 0.2]], top=1, labels=["ant", "bee", "cat"])
        [[Prediction(label='bee', probability=0.7, index=1)]]
    """
    rows = np.asarray(probabilities, np.float64)
    names = [name for _, name in imagenet_labels()] if labels is None else list(labels)
    if rows.ndim != 2 or rows.shape[1] != len(names):
        raise SepzooError(f"expected probabilities of shape (count, {len(names)}). Received: {rows.shape}.")
    return likeliest(rows, names, top)


def _expected(model_or_name: Model | str) -> tuple[Preprocessing, tuple[int | None, int | None, int]]:
    if isinstance(model_or_name, str):
        spec = find(model_or_name)[1]
        if spec.takes != "image":
            raise SepzooError(f"{spec.name}: expected a network that takes pictures. Received: one of {spec.takes}.")
        height, width, channels = spec.input_shape
        return spec.preprocessing, (height, width, channels)
    metadata: Metadata | None = metadata_of(model_or_name)
    if metadata is None:
        raise SepzooError(
            f"nothing says how {model_or_name.name!r} wants its images. Give a registry name, a model from "
            "sepzoo.applications.build, or one from sepzoo.inference.open."
        )
    return metadata.require_preprocessing(), model_or_name.input_shape[1:]
