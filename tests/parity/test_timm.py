"""timm's networks and ours: weights moved by name, through a file too, the same logits."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.records.conventions import TIMM
from tests.extras import needed
from tests.parity.timm_package import timm
from tests.parity.torch_networks import arrays, as_if_trained, assert_same_logits, logits

CASES = {  # timm's name: ours, our arguments, the image size
    "mobilenetv1_100": ("mobilenet_v1", TIMM, 64),
    "mobilenetv1_125": ("mobilenet_v1", {**TIMM, "alpha": 1.25}, 75),
    "mobilenetv2_035": ("mobilenet_v2", {**TIMM, "alpha": 0.35}, 64),
    "mobilenetv2_140": ("mobilenet_v2", {**TIMM, "alpha": 1.4}, 75),
    "mobilenetv3_small_050": ("mobilenet_v3_small", {**TIMM, "alpha": 0.5}, 64),
    "mobilenetv3_large_075": ("mobilenet_v3_large", {**TIMM, "alpha": 0.75}, 75),
    "tf_mobilenetv3_small_100": ("mobilenet_v3_small", {}, 64),
    "tf_mobilenetv3_large_minimal_100": ("mobilenet_v3_large", {"minimalistic": True}, 64),
    "mobilenetv4_conv_small_050": ("mobilenet_v4_small_w050", TIMM, 64),
    "mobilenetv4_conv_medium": ("mobilenet_v4_medium", TIMM, 75),
    "convnext_atto": ("convnext_atto", {}, 64),
    "ghostnet_100": ("ghostnet_w100", {}, 75),
    "tf_efficientnet_lite1": ("efficientnet_lite1", {}, 75),
    "semnasnet_075": ("mnasnet_a1", {**TIMM, "alpha": 0.75}, 64),
    "mnasnet_140": ("mnasnet_b1", {**TIMM, "alpha": 1.4}, 75),
    "mnasnet_small": ("mnasnet_small", TIMM, 64),
    "resnet18": ("resnet18", TIMM, 75),
    "resnet34": ("resnet34", TIMM, 64),
    "resnet50": ("resnet50", {**TIMM, "use_bias": False, "strided_conv": 2}, 75),
    "legacy_xception": ("xception", TIMM, 98),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_moved_weights_give_the_same_logits(name):
    ours_name, arguments, size = CASES[name]
    theirs = as_if_trained(timm.create_model(name, num_classes=10), size=size)
    ours = build(ours_name, input_shape=(size, size, 3), classes=10, classifier_activation=None, **arguments)
    report = load_weights(ours, arrays(theirs), origin="timm")
    assert len(report.matched) == len(arrays(theirs)) == len(ours.weights)
    assert report.kept == report.unused == ()
    assert_same_logits(ours, theirs, size)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("mobileone_s0", 75), ("mobileone_s4", 64)])
def test_sums_of_branches_in_double_precision(doubles, name, size):
    """Each sum makes the signal larger, and rounding with it, than a bound on float32 logits allows."""
    theirs = as_if_trained(timm.create_model(name, num_classes=10), size=size).double()
    ours = build(name, input_shape=(size, size, 3), classes=10, classifier_activation=None)
    report = load_weights(ours, arrays(theirs), origin="timm")
    assert len(report.matched) == len(arrays(theirs)) == len(ours.weights)
    images = np.random.default_rng(0).uniform(0, 1, (2, size, size, 3))
    np.testing.assert_allclose(np.asarray(ours(images)), logits(theirs, images), rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_vgg_of_an_eighth_of_the_width(name):
    configuration = [entry if entry == "M" else entry // 8 for entry in timm.models.vgg.cfgs[name]]
    theirs = as_if_trained(timm.models.vgg.VGG(configuration, num_classes=10), size=224)
    ours = build(name, alpha=0.125, classes=10, classifier_activation=None)
    report = load_weights(ours, arrays(theirs), origin="timm")
    assert len(report.matched) == len(arrays(theirs)) == len(ours.weights)
    assert_same_logits(ours, theirs, 224)


def test_through_a_safetensors_file_without_saying_whose(tmp_path):
    safetensors = needed("safetensors.torch", "parity")
    theirs = as_if_trained(timm.create_model("mobilenetv3_small_050", num_classes=10), size=64)
    safetensors.save_file(theirs.state_dict(), tmp_path / "model.safetensors", metadata={"format": "pt"})
    form = {**TIMM, "alpha": 0.5, "input_shape": (64, 64, 3), "classifier_activation": None}
    ours = build("mobilenet_v3_small", classes=10, **form)
    assert load_weights(ours, tmp_path / "model.safetensors").origin == "timm"
    assert_same_logits(ours, theirs, 64)
    other = build("mobilenet_v3_small", classes=4, **form)
    report = load_weights(other, tmp_path / "model.safetensors", new_head=True)
    assert set(report.kept) == {"logits/kernel", "logits/bias"}
