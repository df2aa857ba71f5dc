"""Building a network by its name."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from sepzoo.artifact.model_file import attach
from sepzoo.building.assembly import assemble
from sepzoo.building.checks import BuildArguments, build_arguments
from sepzoo.catalog.packaged import weight_names
from sepzoo.catalog.registry import find
from sepzoo.layers.factorization import Factorization
from sepzoo.records.family import Family, ModelSpec
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Output, is_map
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.types import Activation, Options, Tensor
from sepzoo.weights.imagenet import all_arguments, imagenet_labels, imagenet_weights
from sepzoo.weights.loading import load_weights
from sepzoo.weights.packaged import packaged_arrays, packaged_weights
from sepzoo.weights.reading import Arrays

logger = logging.getLogger("sepzoo")


def build(
    name: str = "",
    /,
    *,
    weights: str | os.PathLike[str] | None = None,
    input_shape: Sequence[int | None] | None = None,
    input_tensor: Tensor = None,
    classes: int | None = None,
    include_top: bool = True,
    pooling: str | None = None,
    classifier_activation: Activation = "softmax",
    conv: str | Factorization | None = None,
    conv_options: Options | None = None,
    model_name: str | None = None,
    **arguments: Any,
) -> keras.Model:
    """Return a network as a flat functional Keras model; channels last.

    Args:
        name: as `list_models` shows it, or by the grammar of a family's names.
        weights: None for initial weights, "imagenet" for the official file (downloaded, hashed, cached where Keras
            caches), the data set of weights that the package itself has of this very network (its card names them), or
            the path of a file that `load_weights` reads. With the first two the model carries its classes' labels.
        input_shape: (height, width, channels), or (steps, channels) of a series; None for the name's own. All but the
            channels may be None.
        input_tensor: a symbolic tensor to build upon, in place of an input of its own.
        classes: None for the name's own. With weights of another number the classifier keeps its initial weights.
        include_top: whether to end in the classifier; without it in the last feature map, or its pooled values.
        pooling: without the classifier: None, "avg" or "max".
        classifier_activation: "softmax" for probabilities, None for logits, as training wants them.
        conv: kind of convolution in the family's slots, a name of `sepzoo.layers.PRESETS` or a `Factorization`; None
            for the name's own.
        conv_options: the kind's options, for example `{"p": 0.25}`.
        model_name: of the Keras model; None for `name`.
        arguments: of the family, for example `alpha=0.25`, and the fields of `sepzoo.layers.Conventions`.

    Raises:
        SepzooError: an unknown name, kind, option or argument (the nearest known are named), an impossible size or
            class count, or weights that do not fit.

    Example:
        >>> model = build("mobilenet_v1", alpha=0.25, conv="bsconv_u", input_shape=(64, 64, 3), classes=5)
        >>> model.output_shape, model.count_params()
        ((None, 5), 217101)
    """
    if not name and isinstance(arguments.get("name"), str):
        name = arguments.pop("name")
    family, spec = find(name)
    given = build_arguments(
        spec,
        weights=weights,
        input_shape=input_shape,
        input_tensor=input_tensor,
        classes=classes,
        include_top=include_top,
        pooling=pooling,
        classifier_activation=classifier_activation,
        conv=conv,
        conv_options=conv_options,
        model_name=model_name,
    )
    model = assemble(family, spec, given, arguments)
    new_head = not include_top or classes not in (None, spec.classes)
    source, spec = _weights(model, family, spec, given, arguments, new_head=new_head)
    labels = None if new_head else spec.labels
    scores = include_top and not is_map(model.output_shape[1:])
    outputs = (Output("logits"),) if scores and classifier_activation is None else None
    taken = _inputs(spec, model.inputs[0].shape)
    attach(model, dataclasses.replace(taken, labels=labels, outputs=outputs))
    if source is not None:
        report = load_weights(model, source, new_head=new_head)
        if report.kept or report.unused or report.adapted:
            logger.warning("%s: %s", model.name, report)
    return model


def _inputs(spec: ModelSpec, shape: Sequence[int | None]) -> Metadata:
    """Return the record of what a network takes."""
    if spec.takes == "image":
        return Metadata(spec.name, preprocessing=spec.preprocessing.for_channels(shape[-1] or 1))
    sizes = tuple(size for size in shape[1:] if size is not None)
    if len(sizes) < len(shape) - 1:
        return Metadata(spec.name, preprocessing=None)
    sound = spec.sound if spec.sound is not None and spec.sound.shape == sizes else None
    return Metadata(spec.name, preprocessing=None, features=Features(sizes, sound=sound))


def _weights(
    model: keras.Model,
    family: Family,
    spec: ModelSpec,
    given: BuildArguments,
    arguments: Options,
    *,
    new_head: bool,
) -> tuple[Path | Arrays | None, ModelSpec]:
    """Return the weights that were asked for, downloading the official ones, and the spec with what they know of it."""
    if given.weights is None or given.weights not in weight_names():
        return None if given.weights is None else Path(given.weights), spec
    # A head's hidden layers are trained too, and only the whole file has them.
    whole = not new_head or any(layer.name.startswith("hidden") for layer in model.layers)
    values = all_arguments(family, {**spec.arguments, **arguments})
    own_form, shape = given.conv is None, model.inputs[0].shape
    if given.weights == "imagenet":
        file = imagenet_weights(family, spec, values, shape, own_form=own_form, include_top=whole)
        labels = None if new_head else tuple(name for _, name in imagenet_labels())
        return file, dataclasses.replace(spec, labels=labels)
    found = packaged_weights(
        family, spec, values, dataset=str(given.weights), own_form=own_form, include_top=not new_head
    )
    pixels = Preprocessing.from_dict(found.preprocessing)
    return packaged_arrays(found), dataclasses.replace(spec, labels=found.labels, preprocessing=pixels)
