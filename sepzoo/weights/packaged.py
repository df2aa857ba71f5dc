"""The trained weights that the package itself holds, as arrays for a network."""

from __future__ import annotations

import hashlib
import io

import numpy as np

from sepzoo.catalog.packaged import PackagedWeights, packaged, packaged_names, weight_bytes
from sepzoo.records.family import Family, ModelSpec
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Options
from sepzoo.weights.imagenet import differing_arguments
from sepzoo.weights.reading import Arrays


def packaged_weights(
    family: Family, spec: ModelSpec, arguments: Options, *, dataset: str, own_form: bool, include_top: bool
) -> PackagedWeights:
    """Return the record of the weights that the package has of a network.

    Args:
        family: of the network.
        spec: of its name.
        arguments: that it was built with, the defaults and conventions too.
        dataset: that the weights were trained on.
        own_form: whether the name's own convolutions stand in the slots.
        include_top: whether the head's weights are wanted.

    Raises:
        SepzooError: the package has none of this network, or they do not fit the arguments.
    """
    found = packaged(spec.name, dataset)
    if found is None:
        names = ", ".join(packaged_names()[dataset])
        raise SepzooError(
            f"the package has no weights of {spec.name} trained on {dataset}. It has those of {names}. Take one of "
            "these, or the path of a weight file."
        )
    differing = differing_arguments(family, spec, {}, arguments, include_top=include_top)
    stands = [f"{name}={arguments[name]!r}" for name in differing] + ([] if own_form else ["conv"])
    if stands:
        raise SepzooError(
            f"weights={dataset!r} are of {spec.name} as its name says. Received: {', '.join(stands)}. Leave it out."
        )
    return found


def packaged_arrays(weights: PackagedWeights) -> Arrays:
    """Return packaged weights by name, in single precision.

    Raises:
        SepzooError: the file in the package is not the one of the record.
    """
    content = weight_bytes(weights)
    found = hashlib.sha256(content).hexdigest()
    if found != weights.sha256:
        raise SepzooError(
            f"weights of {weights.name} trained on {weights.dataset}: expected the sha256 {weights.sha256}. Received: "
            f"{found}. Install sepzoo anew."
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float32) for name in archive.files}
