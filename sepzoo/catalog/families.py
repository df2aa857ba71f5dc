"""Every family of networks; a new one is a file in `sepzoo/applications` and a line here."""

from __future__ import annotations

from sepzoo.applications import (
    cifar_resnet,
    convnext,
    darknet_reference,
    ds_cnn,
    efficientnet,
    efficientnet_v2,
    fractalnet,
    ghostnet,
    hybrid_hypothesis,
    mcunet,
    mnasnet,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    mobilenet_v4,
    mobileone,
    quicknet,
    resnet,
    resnet50,
    vgg,
    wide_resnet,
    xception,
)
from sepzoo.records.family import Family

FAMILIES: tuple[Family, ...] = (
    mobilenet_v1.FAMILY,
    mobilenet_v2.FAMILY,
    mobilenet_v3.FAMILY,
    mobilenet_v4.FAMILY,
    mobileone.FAMILY,
    efficientnet.FAMILY,
    efficientnet_v2.FAMILY,
    mnasnet.FAMILY,
    convnext.FAMILY,
    mcunet.FAMILY,
    ghostnet.FAMILY,
    ds_cnn.FAMILY,
    xception.FAMILY,
    resnet.FAMILY,
    resnet50.FAMILY,
    cifar_resnet.FAMILY,
    wide_resnet.FAMILY,
    vgg.FAMILY,
    hybrid_hypothesis.FAMILY,
    darknet_reference.FAMILY,
    quicknet.FAMILY,
    fractalnet.FAMILY,
)
