"""ResNet, CIFAR ResNet, WideResNet: their names, forms, slots and options."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from sepzoo.applications import build, list_models, load_weights
from sepzoo.layers import PRESETS
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import to_keras
from sepzoo.weights.reading import named_arrays


def structure(model):
    return [(layer.name, type(layer).__name__, [tuple(w.shape) for w in layer.weights]) for layer in model.layers]


def images(size, seed=0):
    return np.random.default_rng(seed).uniform(0, 1, (2, size, size, 3)).astype("float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "base", "conv", "options"),
    [
        ("resnet18_bsconvs_p1d4", "resnet18", "bsconv_s", {"p": 0.25}),
        ("resnet10_bsconvu", "resnet10", "bsconv_u", {}),
        ("preresnet10_bsconvs_p1d8", "preresnet10", "bsconv_s", {"p": 0.125}),
        ("cifar_resnet20_bsconvs_p1d3", "cifar_resnet20", "bsconv_s", {"p": 1 / 3}),
        ("cifar_wrn16_2_bsconvu", "cifar_wrn16_2", "bsconv_u", {}),
    ],
)
def test_a_kind_by_name_and_by_argument_is_the_same_network(name, base, conv, options):
    named, asked = build(name), build(base, conv=conv, conv_options=options)
    assert structure(named) == structure(asked)
    configs = [[layer.get_config() for layer in model.layers] for model in (named, asked)]
    for ours, other in zip(*configs, strict=True):
        assert _without_seeds(ours) == _without_seeds(other)


def _without_seeds(config):
    if isinstance(config, dict):
        return {key: _without_seeds(value) for key, value in config.items() if key != "seed"}
    return config


@pytest.mark.parametrize("alpha", [0.375, 1.0, 2.6])
def test_a_width_of_any_cifar_resnet(alpha):
    first, *_ = widths = [int(alpha * channels) for channels in (16, 16, 32, 64)]
    count = 12 + 27 * first + 4 * first + 10 * widths[3] + 10  # batch norm of pixels, stem, classifier
    for before, channels in itertools.pairwise(widths):
        projection = 0 if before == channels else before * channels + 4 * channels
        count += projection + 9 * channels * (before + 5 * channels) + 6 * 4 * channels
    assert build("cifar_resnet20", alpha=alpha).count_params() == count


@pytest.mark.parametrize(("conv", "batch_norm"), [("bsconv_s", True), ("bsconv_u", False)])
def test_batch_norm_between_the_factors_by_default(conv, batch_norm):
    for name in ("resnet10", "cifar_resnet8", "cifar_wrn10_1"):
        layer = build(name, conv=conv).get_layer("stage1_unit1_conv1")
        assert layer.factorization.batch_norm is batch_norm
    other = build("cifar_resnet8", conv=conv, conv_options={"batch_norm": not batch_norm})
    assert other.get_layer("stage1_unit1_conv1").factorization.batch_norm is not batch_norm


@pytest.mark.slow
@pytest.mark.parametrize("conv", PRESETS)
@pytest.mark.parametrize("name", ["resnet10", "preresnet10", "cifar_resnet8", "cifar_preresnet8", "cifar_wrn10_1"])
def test_every_kind_in_every_slot(name, conv):
    model = build(name, conv=conv, input_shape=(32, 32, 3), classes=4)
    slots = [layer for layer in model.layers if layer.name.endswith(("conv1", "conv2"))]
    assert all(layer.kernel_size == (3, 3) for layer in slots)
    stem = model.get_layer("stem")
    if name.startswith("cifar"):
        slots.append(stem)
    else:
        assert type(stem) is keras.layers.Conv2D
    kinds = {type(layer).__name__ for layer in slots}
    assert kinds == {"Conv2D"} if conv == "regular" else "Conv2D" not in kinds
    assert np.isfinite(model(images(32))).all()


def test_the_number_of_layers_is_the_depth():
    for name, depth in (("resnet10", 10), ("resnet34", 34), ("resnet68", 68), ("cifar_resnet26", 26)):
        layers = [
            layer
            for layer in build(name).layers
            if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and "projection" not in layer.name
        ]
        assert len(layers) == depth
    wide = [layer for layer in build("cifar_wrn22_2").layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(wide) == 22  # with its three projections, without the classifier


@pytest.mark.parametrize("name", ["resnet18", "preresnet18_bsconvu", "resnet10_bsconvs_p1d4"])
def test_output_stride_keeps_weights_and_values(name):
    models = {
        stride: build(name, include_top=False, input_shape=(96, 96, 3), output_stride=stride) for stride in (8, 32)
    }
    for layer in models[32].layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.random.default_rng(1).uniform(0.01, 0.1, layer.moving_variance.shape))
    models[8].set_weights(models[32].get_weights())
    fine, coarse = (np.asarray(models[stride](images(96))) for stride in (8, 32))
    assert fine.shape[1:3] == (12, 12)
    assert coarse.shape[1:3] == (3, 3)
    assert np.abs(coarse).max() > 1e-3
    np.testing.assert_allclose(fine[:, ::4, ::4], coarse, rtol=1e-4, atol=1e-5)


def test_drop_path_grows_from_the_first_unit_to_the_last():
    model = build("cifar_resnet20", drop_path=0.4)
    rates = [layer.rate for layer in model.layers if layer.name.endswith("drop_path")]
    np.testing.assert_allclose(rates, np.linspace(0, 0.4, 9)[1:])
    plain = build("cifar_resnet20")
    load_weights(plain, named_arrays(model), origin="sepzoo")  # by name: the branches stand in another order
    np.testing.assert_allclose(model(images(32)), plain(images(32)), atol=1e-6)


def test_listed_names():
    assert len(list_models(["resnet[0-9]*", "preresnet*"], exclude="resnet50")) == 2 * 6 * 4
    assert len(list_models(["cifar_resnet*", "cifar_preresnet*"])) == 2 * 5 * 4
    assert len(list_models("cifar_wrn*")) == 23 * 4


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "cifar_resnet21",
            "cifar_resnet21: expected a depth of 6n+2. Received: 21. The nearest: cifar_resnet20 and cifar_resnet26.",
        ),
        (
            "cifar_preresnet2_bsconvu",
            "cifar_preresnet2_bsconvu: expected a depth of 6n+2. Received: 2. "
            "The nearest: cifar_preresnet8_bsconvu and cifar_preresnet14_bsconvu.",
        ),
        (
            "cifar_wrn30_2",
            "cifar_wrn30_2: expected a depth of 6n+4. Received: 30. The nearest: cifar_wrn28_2 and cifar_wrn34_2.",
        ),
        (
            "cifar_wrn28_0",
            "cifar_wrn28_0: expected a width of at least 1. Received: 0. The nearest: cifar_wrn28_1.",
        ),
        (
            "resnet20",
            "resnet20: expected a depth of 10, 18, 26, 34, 68, 102. Received: 20. The nearest: resnet18 and resnet26.",
        ),
        (
            "resnet18_bsconvs_p5d4",
            "resnet18_bsconvs_p5d4: expected a ratio of mid channels in 0 … 1. Received: p=5/4. "
            "The nearest is resnet18_bsconvs_p1d1.",
        ),
        (
            "cifar_wrn28_2_bsconvs_p1d0",
            "cifar_wrn28_2_bsconvs_p1d0: expected a ratio of mid channels in 0 … 1. Received: p=1/0. "
            "The nearest is cifar_wrn28_2_bsconvs_p1d1.",
        ),
    ],
)
def test_illegal_names_are_answered_with_the_nearest(name, text):
    with pytest.raises(SepzooError) as error:
        build(name)
    assert str(error.value) == text


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"name": "resnet18", "units": (2, 2)},
            "resnet: expected units as 4 entries, each a whole number from 1 to 1,000. Received: units=(2, 2).",
        ),
        (
            {"name": "cifar_resnet20", "units": 0},
            "cifar_resnet: expected units as a whole number from 1 to 1,000. Received: units=0.",
        ),
        (
            {"name": "cifar_wrn16_1", "width": 0.5},
            "wide_resnet: expected width as a whole number from 1 to 64. Received: width=0.5.",
        ),
    ],
)
def test_illegal_arguments(arguments, text):
    with pytest.raises(SepzooError) as error:
        build(**arguments)
    assert str(error.value) == text


def test_ends_of_the_range_of_p():
    for name, mid in (("cifar_resnet8_bsconvs_p0d1", 4), ("cifar_resnet8_bsconvs_p1d1", 64)):
        layer = build(name).get_layer("stage3_unit1_conv2")
        assert layer.factors[0].filters == mid


def test_a_file_gives_the_network_back(tmp_path):
    model = build("cifar_preresnet8_bsconvs_p1d4")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(images(32)), again(images(32)))


def test_stock_layers_give_the_same_answers():
    model = build("cifar_resnet8_bsconvs_p1d4")
    builtin, _ = to_keras(model)
    np.testing.assert_allclose(model(images(32)), builtin(images(32)), atol=1e-6)
