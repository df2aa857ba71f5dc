"""Whether what is said of a network fits it: labels, features, preprocessing."""

from __future__ import annotations

from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError


def check_labels(metadata: Metadata, classes: int) -> None:
    """See that there are as many labels as classes.

    Raises:
        SepzooError: more or fewer.
    """
    if metadata.labels is not None and len(metadata.labels) != classes:
        raise SepzooError(
            f"{metadata.name}: expected as many labels as outputs. Received: {len(metadata.labels)} labels for "
            f"{classes} outputs."
        )


def check_inputs(metadata: Metadata, input_shape: tuple[int, ...]) -> None:
    """See that features and preprocessing are made for the input.

    Raises:
        SepzooError: features of another shape, or a mean or deviation for another number of channels.
    """
    features, preprocessing = metadata.features, metadata.preprocessing
    if features is not None and features.shape != input_shape:
        raise SepzooError(f"{metadata.name}: expected features of shape {input_shape}. Received: {features.shape}.")
    for name in () if preprocessing is None else ("mean", "std"):
        numbers = getattr(preprocessing, name)
        if len(numbers) not in (1, input_shape[-1]):
            raise SepzooError(
                f"{metadata.name}: expected {name} of the pixels as one number, or one for each of its "
                f"{input_shape[-1]} channels. Received: {name}={numbers}."
            )
