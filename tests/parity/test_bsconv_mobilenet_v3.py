"""MobileNetV3 against the BSConv authors' package: values by name, initial weights."""

from __future__ import annotations

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from tests.extras import needed

torch = needed("torch", "parity")
mobilenet = needed("bsconv.pytorch.mobilenet", "parity")

CIFAR = {"classes": 7, "classifier_activation": None}
SMALLER = {**CIFAR, "input_shape": (64, 64, 3)}


def state_of(net, seed=0):
    """Return a network's arrays by name, its running statistics and zero biases randomized."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if name.endswith("running_mean") or (name.endswith("bias") and not tensor.any()):
            tensor.normal_(0.0, 0.1, generator=generator)
        elif name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def logits_of(net, pixels):
    with torch.no_grad():
        return net.double().eval()(torch.from_numpy(pixels.transpose(0, 3, 1, 2))).numpy()


def assert_parity(ours, net):
    """Compare in float64: of some initial weights the signal grows, and float32's rounding with it, to 3e-4."""
    state = state_of(net)
    report = load_weights(ours, state, origin="bsconv")
    theirs = [name for name in state if not name.endswith("num_batches_tracked")]
    assert len(report.matched) == len(theirs) == len(ours.weights)
    assert report.unused == ()
    pixels = np.random.default_rng(0).random((2, *ours.input_shape[1:]))
    expected = logits_of(net, pixels)
    np.testing.assert_allclose(np.asarray(ours(pixels)), expected, atol=1e-5 * max(1.0, np.abs(expected).max()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cifar_mobilenetv3_small_w7d20", CIFAR),
        ("cifar_mobilenetv3_large_w1d2_bsconvs_p1d6", CIFAR),
        ("mobilenetv3_small_w1d2_bsconvs_p1d6", SMALLER),
        ("mobilenetv3_large_w7d20", SMALLER),
        ("mobilenetv3_large_w3d2", SMALLER),
    ],
)
@pytest.mark.usefixtures("doubles")
def test_the_same_logits(name, arguments):
    assert_parity(build(name, **arguments), mobilenet.get_mobilenet(name, num_classes=7))


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.usefixtures("doubles")
def test_the_same_logits_with_the_full_head(size):
    net = mobilenet.build_mobilenet_v3(7, size, 0.5, cifar=True, use_lightweight_head=False)
    assert_parity(build(f"cifar_mobilenetv3_{size}_w1d2", **CIFAR, full_head=True), net)


@pytest.mark.parametrize("size", ["small", "large"])
def test_the_penalty_is_the_same(size):
    name = f"cifar_mobilenetv3_{size}_w1d2_bsconvs_p1d6"
    net, ours = mobilenet.get_mobilenet(name, num_classes=7), build(name, **CIFAR)
    load_weights(ours, state_of(net), origin="bsconv")
    expected = net.reg_loss(alpha=0.1).item()
    assert sum(float(loss) for loss in ours.losses) == pytest.approx(expected, rel=1e-5)


def test_initial_weights_spread_as_theirs(seed):
    """Uniform kernels reach the same limit, the classifier has the same deviation (bsconv.md, section 4)."""
    name = "cifar_mobilenetv3_small_w1"
    net = mobilenet.build_mobilenet_v3(10, "small", 1.0, cifar=True, use_lightweight_head=False)
    drawn = build(name, full_head=True)
    copied = build(name, full_head=True)
    load_weights(copied, {key: tensor.numpy() for key, tensor in net.state_dict().items()}, origin="bsconv")
    for ours, theirs in zip(drawn.weights, copied.weights, strict=True):
        ours_values, theirs_values = np.asarray(ours), np.asarray(theirs)
        if "kernel" not in ours.path:
            continue
        limit = np.abs(theirs_values).max()
        if ours.path == "predictions/kernel":
            assert ours_values.std() == pytest.approx(theirs_values.std(), rel=0.05)
            assert np.abs(ours_values).max() > 2.5 * ours_values.std()  # not truncated
        elif ours_values.size > 500:
            assert np.abs(ours_values).max() == pytest.approx(limit, rel=0.03), ours.path
            assert ours_values.std() == pytest.approx(theirs_values.std(), rel=0.1), ours.path
    biases = np.asarray(drawn.get_layer("predictions").bias)
    assert 0 < np.abs(biases).max() <= 1 / np.sqrt(1024)
    assert not np.asarray(drawn.get_layer("stage1_unit1_squeeze_reduce").bias).any()
