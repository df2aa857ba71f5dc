"""Whether samples of pixels are of 0 … 255, where a network says how it normalizes them."""

from __future__ import annotations

from collections.abc import Mapping

from sepzoo.data.samples import Samples, require_pixel_range
from sepzoo.inference.described_model import DescribedModel


def pixels_in_range(model: DescribedModel, samples: Samples) -> Samples:
    """Return samples whose pixels are of 0 … 255.

    Not asked of what `predict` gets as arrays: a camera's frames may all be dark.

    Args:
        model: what was said of it tells which of its inputs take pixels.
        samples: of all its inputs.

    Raises:
        SepzooError: pixels that were divided by 255.
    """
    for tensor in model.input_tensors:
        if model.said_of(tensor.name).preprocessing is not None:
            images = samples.images
            given = images.get(str(tensor.name)) if isinstance(images, Mapping) else images
            if given is not None:
                require_pixel_range(given, samples.origin)
    return samples
