"""The BSConv authors' networks and ours: weights moved by name, the same logits, the same penalty."""

from __future__ import annotations

import pytest

from sepzoo.applications import build, load_weights
from tests.extras import needed
from tests.parity.torch_networks import arrays, as_if_trained, assert_same_logits

get_model = needed("bsconv.pytorch", "parity").get_model

SMALL = [
    "cifar_mobilenetv1_w1d2",
    "cifar_mobilenetv1_w1d2_bsconvu",
    "cifar_mobilenetv2_w1d2",
    "cifar_mobilenetv2_w3d4_bsconvs_p1d6",
    "cifar_resnet20",
    "cifar_resnet20_bsconvu",
    "cifar_resnet20_bsconvs_p1d4",
    "cifar_resnet56_bsconvs_p1d8",
    "cifar_preresnet20",
    "cifar_preresnet20_bsconvu",
    "cifar_preresnet20_bsconvs_p3d8",
    "cifar_wrn16_1",
    "cifar_wrn16_2_bsconvu",
    "cifar_wrn16_3_bsconvs_p1d4",
    "cifar_wrn28_2",
]
LARGE = [
    "mobilenetv1_w1d4",
    "mobilenetv1_w3d4_bsconvu",
    "mobilenetv2_w1d4",
    "mobilenetv2_w1_bsconvs_p1d6",
    "resnet10",
    "resnet18_bsconvu",
    "resnet34_bsconvs_p1d4",
    "preresnet10",
    "preresnet18_bsconvu",
    "preresnet10_bsconvs_p1d8",
]
CASES = [(name, 32) for name in SMALL] + [(name, 64) for name in LARGE] + [("resnet10", 75), ("mobilenetv2_w1d4", 75)]


def moved(name, size=32, classes=10):
    """Return their network and ours with its weights."""
    reference = as_if_trained(get_model(name, num_classes=classes), size=size)
    model = build(name, classes=classes, input_shape=(size, size, 3), classifier_activation=None)
    report = load_weights(model, arrays(reference), origin="bsconv")
    assert len(report.matched) == len(arrays(reference)) == len(model.weights)
    assert report.kept == report.unused == ()
    return reference, model


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), CASES)
def test_moved_weights_give_the_same_logits(name, size):
    reference, model = moved(name, size)
    assert_same_logits(model, reference, size)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SMALL + LARGE if "bsconvs" in name])
def test_the_orthonormal_penalty_is_theirs(name):
    reference, model = moved(name)
    expected = reference.reg_loss(alpha=0.1).item()
    assert sum(float(loss) for loss in model.losses) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_resnet20_bsconvu", "cifar_mobilenetv1_w1d4_bsconvu"])
def test_networks_without_orthonormal_terms_have_no_penalty(name):
    assert build(name).losses == []


def test_a_depth_that_the_package_lacks_loads_by_the_same_grammar():
    names = arrays(get_model("cifar_preresnet20", num_classes=10))
    model = build("cifar_preresnet14")
    wanted = {name: array for name, array in names.items() if ".unit3." not in name}
    report = load_weights(model, wanted, origin="bsconv")
    assert len(report.matched) == len(wanted)
