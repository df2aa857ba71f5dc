"""Feature maps by stride: checked against shapes, for every family."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.applications import build, features
from sepzoo.artifact.model_file import load, save
from sepzoo.support.errors import SepzooError

SMALL = {
    "mobilenet_v1": {"alpha": 0.25},
    "mobilenet_v2": {"alpha": 0.35},
    "mobilenet_v3_large": {"alpha": 0.35},
    "mobilenet_v3_small": {"alpha": 0.35},
    "mobilenetv3_small_w7d20_bsconvs_p1d6": {},
    "xception": {"alpha": 0.125},
    "resnet10": {},
    "preresnet10_bsconvu": {},
    "resnet50": {"alpha": 0.125},
    "vgg16": {"alpha": 0.125},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_strides_are_those_of_the_shapes(seed, name):
    """Also with open height and width, where shapes say nothing: the maps of an image then do."""
    size = 128
    model = build(name, **SMALL[name], input_shape=(None, None, 3), include_top=False)
    maps = features(model)(np.zeros((1, size, size, 3), "float32"))
    assert list(maps) == sorted(maps)
    assert set(maps) >= {2, 4, 8, 16, 32}
    for stride, values in maps.items():
        assert 0 <= size / stride - values.shape[1] <= 3, stride  # a stem without padding loses a few positions
        assert values.shape[1] == values.shape[2]
    known = features(build(name, **SMALL[name], input_shape=(size, size, 3), include_top=False)).output
    assert {stride: tuple(tensor.shape[1:]) for stride, tensor in known.items()} == {
        stride: tuple(values.shape[1:]) for stride, values in maps.items()
    }


@pytest.mark.parametrize("name", ["cifar_resnet20", "cifar_wrn16_1_bsconvu", "cifar_mobilenetv2_w1d4"])
def test_networks_for_small_images(name):
    maps = features(build(name)).output
    assert list(maps) == [1, 2, 4] if "mobilenet" not in name else [1, 2, 4, 8]
    assert {32 // tensor.shape[1] for tensor in maps.values()} == set(maps)


def test_the_coarsest_map_is_the_headless_networks_output():
    for name in ("mobilenet_v1", "mobilenetv3_small_w7d20_bsconvs_p1d6", "xception", "preresnet10_bsconvu", "vgg16"):
        model = build(name, **SMALL[name], input_shape=(96, 96, 3), include_top=False)
        assert features(model, 32).output[32] is model.output


def test_with_the_head_on():
    whole = build("mobilenet_v2", alpha=0.35, input_shape=(64, 64, 3), classes=4)
    assert [tensor.shape[-1] for tensor in features(whole, (4, 32)).output.values()] == [8, 1280]


def test_output_stride_moves_the_last_maps_to_a_finer_one():
    model = build("resnet10", input_shape=(64, 64, 3), include_top=False, output_stride=8)
    maps = features(model).output
    assert list(maps) == [2, 4, 8]
    assert tuple(maps[8].shape) == (None, 8, 8, 512)


def test_layers_are_shared_and_the_order_is_the_askers():
    model = build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=4)
    taps = features(model, (16, 4))
    assert list(taps.output) == [16, 4]
    assert all(layer in model.layers for layer in taps.layers)


def test_layers_in_front_count_too():
    images = keras.Input((64, 64, 3))
    model = build("mobilenet_v1", alpha=0.25, input_tensor=keras.layers.AveragePooling2D(2)(images), classes=4)
    assert list(features(model).output) == [4, 8, 16, 32, 64]


def test_a_model_from_its_file(tmp_path):
    model = build("mobilenet_v2", alpha=0.35, input_shape=(64, 64, 3), classes=4)
    again = load(save(model, tmp_path / "model.keras"))
    x = np.random.default_rng(0).uniform(-1, 1, (1, 64, 64, 3)).astype("float32")
    for stride, values in features(again)(x).items():
        np.testing.assert_allclose(values, features(model, stride)(x)[stride], atol=1e-5)


def test_what_is_refused_is_said():
    model = build("mobilenet_v1", alpha=0.25, input_shape=(64, 64, 3))
    for strides in ((8, 64), 64, ()):
        with pytest.raises(SepzooError) as raised:
            features(model, strides)
        text = f"mobilenet_v1: expected strides out of 2, 4, 8, 16, 32. Received: strides={strides}."
        assert str(raised.value) == text
    foreign = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)], name="foreign")
    with pytest.raises(SepzooError, match="whose layers are named by their places"):
        features(foreign)
