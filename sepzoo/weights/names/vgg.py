"""VGG's layers in `keras.applications` and timm."""

from __future__ import annotations

from collections.abc import Sequence


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.VGG16` and `VGG19`."""
    names = {"hidden1": "fc1", "hidden2": "fc2", "predictions": "predictions"}
    return names | {place: place.replace("stage", "block") for place in places}


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `vgg16` and `vgg19`."""
    names = {"hidden1": "pre_logits.fc1", "hidden2": "pre_logits.fc2", "predictions": "head.fc"}
    position = 0
    for before, place in zip(["stage1", *places], places, strict=False):
        position += before.partition("_")[0] != place.partition("_")[0]  # behind a max pooling
        names[place] = f"features.{position}"
        position += 2  # itself and its ReLU
    return names
