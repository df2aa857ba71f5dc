"""One small member of each family, with nothing random in it: for tests that every family must pass."""

from __future__ import annotations

from typing import Any

_IMAGES = {"input_shape": (32, 32, 3), "classes": 5, "classifier_activation": None}
_LARGER = {**_IMAGES, "input_shape": (64, 64, 3)}  # at a total stride of 32: four positions to normalize over
_SERIES = {"input_shape": (24, 6), "classes": 5, "classifier_activation": None}

SMALL: dict[str, tuple[str, dict[str, Any]]] = {  # family: name, arguments
    "mobilenet_v1": ("mobilenet_v1", {**_LARGER, "alpha": 0.125, "dropout": 0.0}),
    "mobilenet_v2": ("mobilenet_v2", {**_LARGER, "alpha": 0.125}),
    "mobilenet_v3": ("mobilenet_v3_small", {**_LARGER, "alpha": 0.25, "dropout": 0.0}),
    "mobilenet_v4": ("mobilenet_v4_small", {**_LARGER, "alpha": 0.125, "dropout": 0.0}),
    "mobileone": (  # TensorFlow's gradient of a strided 1 x 1 to few channels ends the process now and then
        "mobileone_s0",
        {**_LARGER, "widths": (0.75, 0.125, 0.0625, 0.0625), "units": (1, 2, 2, 1), "branches": 1},
    ),
    "efficientnet": (
        "efficientnet_b0",
        {**_LARGER, "width": 0.125, "depth": 0.5, "drop_path": 0.0, "dropout": 0.0},
    ),
    "efficientnet_v2": (
        "efficientnet_v2_b0",
        {**_LARGER, "width": 0.125, "depth": 0.25, "drop_path": 0.0, "dropout": 0.0},
    ),
    "convnext": ("convnext_atto", {**_LARGER, "depths": (1, 1, 2, 1), "channels": 8, "layer_scale": 0.5}),
    "ghostnet": ("ghostnet_w050", {**_LARGER, "alpha": 0.125, "dropout": 0.0}),
    "nasnet": ("nasnet_mobile", {**_LARGER, "channels": 8, "units": (1, 0, 0), "stem": 4}),
    "ds_cnn": ("ds_cnn_s", {"channels": 16, "units": 2, "classes": 5, "classifier_activation": None}),
    "matchboxnet": ("matchboxnet_3x1x64", {**_SERIES, "blocks": 1, "units": 2, "channels": 8}),
    "quartznet": ("quartznet_5x5", {**_SERIES, "alpha": 0.03125, "units": 1}),
    "tc_resnet": ("tc_resnet8", {**_SERIES, "channels": (24, 24), "dropout": 0.0}),
    "inceptiontime": ("inceptiontime", {**_SERIES, "modules": 3, "channels": 4, "windows": (8, 3)}),
    "mnasnet": ("mnasnet_small", {**_LARGER, "alpha": 0.5, "dropout": 0.0}),
    "mcunet": ("mcunet_in0", _LARGER),
    "xception": ("xception", {**_IMAGES, "alpha": 0.0625, "input_shape": (71, 71, 3)}),
    "resnet": ("resnet10_bsconvs_p1d4", _IMAGES),
    "resnet50": ("resnet50", {**_LARGER, "alpha": 0.125}),
    "cifar_resnet": ("cifar_preresnet20_bsconvu", {**_IMAGES, "units": 1}),
    "wide_resnet": ("cifar_wrn16_1", _IMAGES),
    "vgg": ("vgg16", {**_IMAGES, "alpha": 0.125, "hidden": 16}),
    "hybrid_hypothesis": ("hybrid_hypothesis_parallel", {**_IMAGES, "width": 0.125, "shortcut": True}),
    "darknet_reference": ("darknet_reference", {**_LARGER, "alpha": 0.25}),
    "quicknet": ("quicknet_r", {**_IMAGES, "alpha": 0.25, "dropout": 0.0}),
    "fractalnet": (
        "fractalnet_c3_separable",
        {**_IMAGES, "alpha": 0.125, "drop_path": 0.0, "single_column": 0.0, "block_dropout": 0.0},
    ),
}

_OWN = {"resnet": "resnet10", "cifar_resnet": "cifar_preresnet20", "fractalnet": "fractalnet_c3"}
"""Names without a kind, of families whose member above has one in its name."""
_FITTING = {"inception": {"segments": 2}, "resnext": {"cardinality": 2}}
"""What a few channels can be divided by."""
_WIDTHS = {"xception": {"alpha": 0.25}, "hybrid_hypothesis": {"beside": None}}
"""Even numbers of channels."""


def with_kind(family: str, kind: str | None) -> tuple[str, dict[str, Any]]:
    """Return name and arguments of a family's small member with a kind of convolution in its slots.

    Args:
        family: of `SMALL`.
        kind: one that the family takes; None: the family's own form.
    """
    name, arguments = SMALL[family]
    if kind is None:
        return _OWN.get(family, name), arguments
    options = {"conv": kind, "conv_options": _FITTING.get(kind, {})}
    return name, {**arguments, **_WIDTHS.get(family, {}), **options}
