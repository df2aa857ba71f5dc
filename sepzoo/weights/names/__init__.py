"""What our layers are called in other people's ports: one file a family, and this table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from sepzoo.weights.names import (
    convnext,
    ds_cnn,
    efficientnet,
    efficientnet_v2,
    ghostnet,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v4,
    mobileone,
    nasnet,
    resnet,
    resnet50,
    vgg,
    xception,
)

Origin = Literal["sepzoo", "keras", "bsconv", "timm"]
"""Whose names a weight file uses: ours, `keras.applications`', the BSConv authors' package's, timm's."""

Names = Mapping[str, str]
"""For each of our layers with weights the other port's name."""

NAMES: Mapping[str, Mapping[Origin, Callable[[Sequence[str]], Names]]] = {
    "mobilenet_v1": {
        "keras": mobilenet_v1.keras_names,
        "bsconv": mobilenet_v1.bsconv_names,
        "timm": mobilenet_v1.timm_names,
    },
    "mobilenet_v2": {
        "keras": mobilenet_v2.keras_names,
        "bsconv": mobilenet_v2.bsconv_names,
        "timm": mobilenet_v2.timm_names,
    },
    "mobilenet_v3": {
        "keras": mobilenet_v3.keras_names,
        "bsconv": mobilenet_v3.bsconv_names,
        "timm": mobilenet_v3.timm_names,
    },
    "mobilenet_v4": {"timm": mobilenet_v4.timm_names},
    "mobileone": {"timm": mobileone.timm_names},
    "efficientnet": {"keras": efficientnet.keras_names, "timm": efficientnet.timm_names},
    "efficientnet_v2": {"keras": efficientnet_v2.keras_names, "timm": efficientnet_v2.timm_names},
    "convnext": {"keras": convnext.keras_names, "timm": convnext.timm_names},
    "ghostnet": {"timm": ghostnet.timm_names},
    "nasnet": {"keras": nasnet.keras_names},
    "ds_cnn": {"keras": ds_cnn.keras_names},
    "mnasnet": {"timm": mnasnet.timm_names},
    "xception": {"keras": xception.keras_names, "timm": xception.timm_names},
    "resnet": {"bsconv": resnet.bsconv_names, "timm": resnet.timm_names},
    "resnet50": {"keras": resnet50.keras_names, "timm": resnet.timm_names},
    "cifar_resnet": {"bsconv": resnet.bsconv_names},
    "wide_resnet": {"bsconv": resnet.bsconv_names},
    "vgg": {"keras": vgg.keras_names, "timm": vgg.timm_names},
}
"""Family -> origin -> function that takes the places of a network's units in their order ("stage1_unit1", or
"stage1_conv1" in VGG) and returns the names. A family that has no other port is not in it."""
