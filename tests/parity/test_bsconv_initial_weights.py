"""Initial weights: every parameter is drawn from the distribution of its counterpart in the authors' package."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from tests.extras import needed
from tests.parity.torch_networks import arrays

torch = needed("torch", "parity")
get_model = needed("bsconv.pytorch", "parity").get_model
ks_2samp = needed("scipy.stats", "parity").ks_2samp

DRAWS = 3
NAMES = [
    "cifar_mobilenetv1_w1d4",
    "cifar_mobilenetv1_w1d4_bsconvu",
    "cifar_mobilenetv2_w1d4_bsconvs_p1d6",
    "cifar_resnet20",
    "cifar_resnet20_bsconvu",
    "cifar_resnet20_bsconvs_p1d4",
    "cifar_preresnet20_bsconvs_p1d8",
    "cifar_wrn16_1",
    "cifar_wrn16_2_bsconvu",
    "resnet10_bsconvs_p1d4",
]


def draws(name):
    """Return for each variable its values in fresh networks of both kinds, one row a network."""
    rows = {}
    model = build(name)
    for seed in range(DRAWS):
        torch.manual_seed(seed)
        ours = {w.path: w.numpy().ravel() for w in build(name).weights}
        load_weights(model, arrays(get_model(name, num_classes=model.output_shape[-1])), origin="bsconv")
        for weight in model.weights:
            rows.setdefault(weight.path, []).append((ours[weight.path], weight.numpy().ravel()))
    return {path: tuple(np.stack(side) for side in zip(*pairs, strict=True)) for path, pairs in rows.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_starts_from_their_distribution(name, seed):
    for path, (ours, theirs) in draws(name).items():
        if np.ptp(theirs) == 0:
            np.testing.assert_array_equal(ours, theirs, err_msg=path)
            continue
        assert ks_2samp(ours.ravel(), theirs.ravel()).pvalue > 1e-6, path
        if theirs.size >= 1000 and not path.startswith("predictions"):  # uniform: the limits show
            assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.02), path
        if theirs.shape[1] > 8:
            assert not np.array_equal(ours[0], ours[1]), f"{path} starts from the same numbers each time"


@pytest.mark.parametrize(
    ("name", "path", "limit"),
    [
        ("cifar_resnet20", "stage2_unit2_conv1/kernel", math.sqrt(6 / (9 * 32))),
        ("cifar_mobilenetv1_w1", "stage3_unit2_depthwise/kernel", math.sqrt(6 / 9)),
        ("cifar_resnet20_bsconvu", "stage2_unit2_conv1/pointwise/kernel", 1 / math.sqrt(32)),
        ("cifar_resnet20_bsconvu", "stage3_unit2_conv1/depthwise/kernel", 1 / 3),
        ("cifar_wrn16_4_bsconvs_p1d4", "stage2_unit2_conv1/pointwise_2/kernel", 1 / math.sqrt(32)),
    ],
)
def test_limits_of_the_uniform_distributions(name, path, limit):
    values = next(w.numpy() for w in build(name).weights if w.path == path)
    assert 0.97 * limit < np.abs(values).max() <= limit * (1 + 1e-6)
    assert values.std() == pytest.approx(limit / math.sqrt(3), rel=0.1)


def test_equal_kernels_are_drawn_apart():
    model = build("cifar_resnet20_bsconvs_p1d4")
    kernels = [w.numpy().tobytes() for w in model.weights if w.path.endswith("kernel")]
    assert len(set(kernels)) == len(kernels)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cifar_resnet20_bsconvs_p1d4", 3.65),
        ("cifar_mobilenetv2_w1_bsconvs_p1d6", 20.25),
        ("cifar_mobilenetv3_large_w1_bsconvs_p1d6", 19.05),
        ("cifar_mobilenetv3_small_w1_bsconvs_p1d6", 11.20),
        pytest.param("cifar_wrn28_10_bsconvs_p1d4", 14.73, marks=pytest.mark.slow),
        pytest.param("cifar_resnet602_bsconvs_p1d4", 121.2, marks=pytest.mark.nightly),
    ],
)
def test_orthonormal_penalty_at_the_start(name, expected, seed):
    assert sum(float(loss) for loss in build(name).losses) == pytest.approx(expected, rel=0.03)
