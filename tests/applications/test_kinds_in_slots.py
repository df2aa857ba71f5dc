"""Every kind stands in every slot, in small networks that answer and learn."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.catalog.families import FAMILIES
from sepzoo.support.errors import SepzooError
from tests.small import SMALL, with_kind

NEW = ("inception", "resnext", "hybrid")
FREE = [family.name for family in FAMILIES if set(NEW) <= set(family.slots)]


def test_the_depthwise_of_inverted_bottlenecks_alone_is_no_slot():
    inverted = {"mobilenet_v2", "mobilenet_v3", "efficientnet", "mnasnet", "mcunet", "convnext", "ghostnet"}
    assert {family.name for family in FAMILIES} - set(FREE) == inverted


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEW)
@pytest.mark.parametrize("family", FREE)
def test_the_network_answers(seed, family, kind):
    name, arguments = with_kind(family, kind)
    model = build(name, **arguments)
    kinds = [layer.factorization.kind for layer in model.layers if hasattr(layer, "factorization")]
    assert kinds
    assert set(kinds) == {kind}
    x = np.random.default_rng(0).uniform(-1, 1, (2, *model.input_shape[1:])).astype("float32")
    assert np.isfinite(keras.ops.convert_to_numpy(model(x, training=True))).all()


def test_segments_that_do_not_divide_are_refused_with_the_nearest():
    with pytest.raises(SepzooError, match=r"divides 16 channels\. Received: 3\. The nearest that do: 2, 4\."):
        build("cifar_resnet20", conv="inception", conv_options={"segments": 3})


@pytest.mark.slow
@pytest.mark.parametrize(("segments", "order"), [(1, "pw_dw"), (2, "dw_pw"), ("channels", "pw_dw")])
def test_the_spectrum_of_xception(seed, segments, order):
    """Any number of segments, either order, with an activation between."""
    options = {"segments": segments, "order": order, "batch_norm": True, "activation": "relu"}
    arguments = {**SMALL["xception"][1], "alpha": 0.25}
    model = build("xception", **arguments, residual=False, conv="inception", conv_options=options)
    layer = model.get_layer("stage3_unit2_conv1")
    steps = [factor.name for factor in layer.factors]
    middle = ["pointwise", "pointwise_bn", "pointwise_relu"]
    spatial = {1: "conv", 2: "grouped", "channels": "depthwise"}[segments]
    if order == "pw_dw":
        assert steps == [*middle, spatial]
    else:
        assert steps == [spatial, f"{spatial}_bn", f"{spatial}_relu", "pointwise"]
    assert not any(layer.name.endswith("_add") for layer in model.layers)
