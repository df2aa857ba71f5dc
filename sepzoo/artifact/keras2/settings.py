"""One layer of Keras 2 as a layer of Keras 3: what inference does not use is dropped, what changed is mapped."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable, Mapping

import keras

from sepzoo.artifact.keras2.values import value
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.types import Json, Kwargs, Layer, LayerClass

ADVICE = "Rebuild the network in Keras 3 and load the weights into it."

CODE = {
    "Lambda": "which holds Python code",
    "TFSMLayer": "which loads a SavedModel from elsewhere",
    "TorchModuleWrapper": "which unpickles a PyTorch module",
    "JaxLayer": "which holds Python code",
    "FlaxLayer": "which holds Python code",
}
"""Layers that would run what a file brings along, or read other files; none is ever built from a file."""

_NEW_NAMES = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
    "ThresholdedReLU": "ReLU",
    # In inference these give what they get.
    "RandomHeight": "Identity",
    "RandomWidth": "Identity",
    "AddLoss": "Identity",
    "AddMetric": "Identity",
    # And this crops to the aspect ratio and resizes, which the layer of that name in Keras 3 does not.
    "RandomCrop": "Resizing",
}
_NEW_KEYS = {
    "LeakyReLU": {"alpha": "negative_slope"},
    "ThresholdedReLU": {"theta": "threshold"},
    "Discretization": {"bins": "bin_boundaries"},
    "CategoryEncoding": {"max_tokens": "num_tokens"},
}
_ADDED = {"RandomCrop": {"crop_to_aspect_ratio": True}}
_OWN_KERNELS = {"kernel_initializer", "kernel_regularizer", "kernel_constraint"}
_UNUSED = {
    "": {"batch_input_shape", "dynamic", "force_generator", "implementation", "input_dtype", "rng_type", "trainable"},
    "BatchNormalization": {"fused", "virtual_batch_size", "renorm", "renorm_clipping", "renorm_momentum"},
    "DepthwiseConv1D": _OWN_KERNELS,
    "DepthwiseConv2D": _OWN_KERNELS,
    "SeparableConv1D": _OWN_KERNELS,
    "SeparableConv2D": _OWN_KERNELS,
    "Embedding": {"input_length", "sparse"},
    "SpatialDropout1D": {"noise_shape"},
    "SpatialDropout2D": {"noise_shape"},
    "SpatialDropout3D": {"noise_shape"},
    "MultiHeadAttention": {"query_shape", "key_shape", "value_shape", "softmax_robust_masking"},
    "Softmax": {"robust_masking"},
    "IntegerLookup": {"vocabulary_size", "has_input_vocabulary"},
    "StringLookup": {"vocabulary_size", "has_input_vocabulary"},
    "TextVectorization": {"vocabulary_size", "has_input_vocabulary"},
    "Resizing": {"seed"},
    "Attention": {"causal"},
    "AdditiveAttention": {"causal"},
}
"""Settings that say nothing about inference, or are told elsewhere (`causal` at each call), by kind; "" for all."""

_WITH_VOCABULARY = ("IntegerLookup", "StringLookup", "TextVectorization")
"""Layers that answer nothing without their vocabulary."""

_ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax", "ThresholdedReLU")
"""Layers that stand for an activation in another layer's settings."""

_HARMLESS: tuple[Json, ...] = (None, False, 0, 1, "", [], {})
"""Values of an unknown setting that mean that it is not used; True, which equals 1, means that it is."""


def layer_from(kind: str, settings: Mapping[str, Json], inner: Mapping[str, Layer]) -> Layer:
    """Return a new layer of Keras 3, without weights as yet.

    Args:
        kind: its class in Keras 2.
        settings: its configuration there.
        inner: the layers in it that are already built: `layer`, `backward_layer`, `cell`, `cells`.

    Raises:
        SepzooError: a layer or a setting that Keras 3 lacks; it is named.
    """
    name = settings.get("name")
    custom: LayerClass = keras.saving.get_registered_object(kind)
    try:
        if hasattr(custom, "from_config"):
            return custom.from_config(dict(settings))
        cls = builtin(kind, name)
        layer = cls(**{**_renewed(kind, cls, settings, skip=set(inner)), **inner})
    except SepzooError:
        raise
    except Exception as error:  # whatever a layer's constructor says of settings that it can't take
        raise SepzooError(
            f"Keras cannot read this file: layer {name!r} ({kind}): {first_line(error)}. {ADVICE}"
        ) from error
    if settings.get("trainable") is False:
        layer.trainable = False
    return layer


def builtin(kind: str, name: str | None) -> type:
    """Return the class of Keras 3 that stands for one of Keras 2.

    Raises:
        SepzooError: there is none, or it would run code.
    """
    if kind in CODE:
        raise SepzooError(
            f"Keras cannot read this file: layer {name!r} is a {kind}, {CODE[kind]}. It was not run. {ADVICE}"
        )
    cls = getattr(keras.layers, _NEW_NAMES.get(kind, kind), None)
    if not isinstance(cls, type) or not issubclass(cls, keras.layers.Layer):
        titled = "the model" if name is None else f"layer {name!r}"
        raise SepzooError(f"Keras cannot read this file: {titled} is of class {kind}, which Keras 3 lacks. {ADVICE}")
    return cls


def _renewed(kind: str, cls: type, settings: Mapping[str, Json], skip: set[str]) -> Kwargs:
    """Return a layer's settings by the names and with the values of Keras 3."""
    if cls is keras.layers.Identity:
        return {"name": plain_name(settings.get("name"))}
    new_keys = _NEW_KEYS.get(kind, {})
    unused = _UNUSED[""] | _UNUSED.get(cls.__name__, set()) | skip
    legal = _parameters(cls)
    found: Kwargs = {}
    for old_key, setting in settings.items():
        key = new_keys.get(old_key, old_key)
        if old_key in unused:
            continue
        if key not in legal:
            if setting is True or setting not in _HARMLESS:
                raise _unknown_setting(kind, settings, key)
            continue
        try:
            found[key] = _activation_layer(setting) if _is_layer(key, setting) else value(key, setting)
        except SepzooError as error:
            raise SepzooError(
                f"expected settings that Keras 3 has. Received: layer {settings.get('name')!r} ({kind}) with {error}. "
                f"{ADVICE}"
            ) from error
    axis = found.get("axis")
    if settings.get("virtual_batch_size") and isinstance(axis, list):  # which Keras 2 counts as an axis more
        axis = [each - 1 for each in axis]
    if isinstance(axis, list | tuple) and len(axis) == 1:
        found["axis"] = axis[0]
    elif cls is keras.layers.BatchNormalization and isinstance(axis, list | tuple):
        raise _unknown_setting(kind, settings, "axis")
    if isinstance(found.get("vocabulary"), str) or isinstance(found.get("idf_weights"), str):
        raise _unknown_setting(kind, settings, "vocabulary")
    if cls.__name__ in _WITH_VOCABULARY and not found.get("vocabulary"):
        raise SepzooError(
            f"expected layers with their vocabularies among their settings. Received: layer {settings.get('name')!r} "
            f"({kind}) without, as adapt() leaves it. Give it vocabulary=layer.get_vocabulary(include_special_tokens="
            "False) in Keras 2 and save the network again."
        )
    return {**found, **_ADDED.get(kind, {}), "name": plain_name(found.get("name"))}


def _is_layer(key: str, setting: Json) -> bool:
    """Return whether a layer stands in an activation's place: `Dense(3, activation=LeakyReLU())`."""
    return key.endswith("activation") and isinstance(setting, dict) and setting.get("class_name") != "function"


def _activation_layer(setting: dict[str, Json]) -> Layer:
    """Return the layer of an activation; one with weights of its own can't be built inside another.

    Raises:
        SepzooError: it is none of `_ACTIVATION_LAYERS`.
    """
    kind = str(setting.get("class_name"))
    if kind not in _ACTIVATION_LAYERS:
        raise SepzooError(f"activation {kind!r}, which is no layer without weights ({', '.join(_ACTIVATION_LAYERS)})")
    return layer_from(kind, setting.get("config") or {}, {})


def _unknown_setting(kind: str, settings: Mapping[str, Json], key: str) -> SepzooError:
    return SepzooError(
        f"expected settings that Keras 3 has. Received: layer {settings.get('name')!r} ({kind}) with "
        f"{key}={settings.get(key)!r}. {ADVICE}"
    )


def apart(names: Iterable[str]) -> dict[str, str]:
    """Return the plain name of each of a model's layers; those that would become one are numbered.

    Example:
        >>> apart(["a/b", "a.b", "c"])
        {'a/b': 'a.b_1', 'a.b': 'a.b', 'c': 'c'}
    """
    given = list(names)
    taken = {name for name in given if "/" not in name}
    found = {}
    for name in given:
        plain = plain_name(name) or name
        if "/" in name:
            numbered = (f"{plain}_{number}" for number in itertools.count(1))
            plain = next(each for each in itertools.chain([plain], numbered) if each not in taken)
            taken.add(plain)
        found[name] = plain
    return found


def plain_name(name: Json) -> str | None:
    """Return a name without the slashes that Keras 2 allowed."""
    return None if name is None else str(name).replace("/", ".")


def _parameters(cls: type) -> set[str]:
    """Return the arguments of a class's constructor, and of those that it hands further ones to."""
    found: set[str] = set()
    for each in cls.__mro__:
        if "__init__" in vars(each):
            parameters = inspect.signature(vars(each)["__init__"]).parameters.values()
            found |= {parameter.name for parameter in parameters}
            if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
                break
    return found - {"self", "args", "kwargs"}
