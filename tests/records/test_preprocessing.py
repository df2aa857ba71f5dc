"""Preprocessing as data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from sepzoo.applications import decode_predictions, preprocess
from sepzoo.records.preprocessing import CAFFE, MINUS_ONE_TO_ONE, ZERO_TO_ONE, Preprocessing
from sepzoo.support.errors import SepzooError


def photograph(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("preprocessing", "low", "high"), [(MINUS_ONE_TO_ONE, -1.0, 1.0), (ZERO_TO_ONE, 0.0, 1.0)])
def test_normalize_maps_the_pixel_range(preprocessing, low, high):
    pixels = np.array([[[[0, 255, 0]]]], np.uint8)
    found = preprocessing.normalize(pixels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.ravel(), [low, high, low])
    assert pixels.tolist() == [[[[0, 255, 0]]]]


def test_mean_and_std_may_differ_by_channel():
    found = Preprocessing(mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0)).normalize(np.full((1, 1, 1, 3), 7.0))
    np.testing.assert_allclose(found.ravel(), [6.0, 2.5, 1.0])


def test_equal_to_keras_preprocessing():
    import keras

    pixels = photograph(8, 8)[None].astype("float32")
    theirs = keras.applications.mobilenet.preprocess_input(pixels.copy())
    np.testing.assert_allclose(MINUS_ONE_TO_ONE.normalize(pixels), theirs, atol=1e-6)


def test_an_image_with_the_right_short_side_is_only_cut():
    image = photograph(256, 300)
    found = MINUS_ONE_TO_ONE.resize(image, (224, 224))
    np.testing.assert_array_equal(found, image[16:240, 38:262])


def test_resizing_is_pillows_antialiased_bilinear():
    image = photograph(512, 640)
    small = Image.fromarray(image).resize((320, 256), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(MINUS_ONE_TO_ONE.resize(image, (224, 224)), np.asarray(small)[16:240, 48:272])


@pytest.mark.parametrize("shape", [(40, 30), (40, 30, 1), (40, 30, 3), (40, 30, 4)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_image_gets_the_networks_channels(shape, channels):
    image = np.zeros(shape, np.uint8)
    assert Preprocessing(crop_fraction=1.0).resize(image, (32, 24), channels=channels).shape == (32, 24, channels)


def test_record_round_trips_through_json():
    record = Preprocessing(mean=(1.0, 2.0, 3.0), std=(4.0,), crop_fraction=0.9, interpolation="bicubic")
    assert Preprocessing.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_impossible_records_are_refused():
    with pytest.raises(SepzooError, match="expected a positive std"):
        Preprocessing(std=(0.0,))
    with pytest.raises(SepzooError, match="expected a crop_fraction"):
        Preprocessing(crop_fraction=1.5)


def test_preprocess_takes_one_image_a_batch_or_a_list():
    one, batch = photograph(256, 256), np.stack([photograph(256, 256, seed) for seed in range(2)])
    assert preprocess("mobilenet_v1", one).shape == (1, 224, 224, 3)
    assert preprocess("mobilenet_v1", batch).shape == (2, 224, 224, 3)
    assert preprocess("cifar_mobilenetv1_w1", [one, photograph(40, 50)]).shape == (2, 32, 32, 3)


def test_float_images_must_have_the_networks_size():
    with pytest.raises(SepzooError, match=r"expected float images of \(224, 224, 3\)"):
        preprocess("mobilenet_v1", np.zeros((32, 32, 3), np.float32))


def test_decode_predictions_orders_by_probability():
    found = decode_predictions([[0.2, 0.5, 0.3]], top=2, labels=["ant", "bee", "cat"])
    assert [(guess.label, guess.probability) for guess in found[0]] == [("bee", 0.5), ("cat", 0.3)]
    with pytest.raises(SepzooError, match=r"expected probabilities of shape \(count, 2\)"):
        decode_predictions([[0.2, 0.5, 0.3]], labels=["ant", "bee"])


def test_blue_first_is_turned_before_the_mean_is_taken_off():
    pixels = np.array([[[[10, 20, 30, 40]]]], np.uint8)
    record = Preprocessing(mean=(1.0, 2.0, 3.0), std=(1.0,), channel_order="bgr")
    assert record.normalize(pixels[..., :3]).ravel().tolist() == [29.0, 18.0, 7.0]
    assert record.for_channels(4).normalize(pixels).ravel().tolist() == [29.0, 18.0, 7.0, 38.0]
    assert record.for_channels(1).normalize(pixels[..., :1]).ravel().tolist() == [8.0]
    assert pixels.ravel().tolist() == [10, 20, 30, 40]


def test_the_channel_order_travels_and_is_checked():
    assert Preprocessing.from_dict(CAFFE.to_dict()) == CAFFE
    older = {name: value for name, value in CAFFE.to_dict().items() if name != "channel_order"}
    assert Preprocessing.from_dict(older).channel_order == "rgb"
    with pytest.raises(SepzooError, match="unknown channel order 'brg'"):
        Preprocessing(channel_order="brg")


LONG = [(2000, 3), (1, 3000), (5, 900), (1500, 8)]


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize(("height", "width"), LONG)
def test_of_a_long_strip_only_what_is_seen_is_resized_and_looks_the_same(height, width, interpolation):
    rows, columns = np.mgrid[:height, :width]
    smooth = 127.5 + 60 * np.sin(rows / 7) + 60 * np.cos(columns / 5)
    image = np.stack([smooth, smooth[::-1], 255 - smooth], axis=-1).astype(np.uint8)
    record = Preprocessing(interpolation=interpolation, crop_fraction=0.75)
    size = (24, 16)
    scale = max(32 / height, round(16 / 0.75) / width)
    whole = (max(16, round(width * scale)), max(24, round(height * scale)))
    assert whole[0] * whole[1] > 16 * 24 * 16
    left, top = (whole[0] - 16) // 2, (whole[1] - 24) // 2
    expected = Image.fromarray(image).resize(whole, Image.Resampling[interpolation.upper()])
    expected = np.asarray(expected.crop((left, top, left + 16, top + 24)), int)
    assert np.abs(record.resize(image, size).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("size", [(100_000, 1), (1, 20_000)])
@pytest.mark.parametrize("mode", ["L", "RGB", "I;16", "P"])
def test_strips_take_little_memory(size, mode):
    import resource

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = MINUS_ONE_TO_ONE.resize(Image.new(mode, size), (224, 224))
    assert found.shape == (224, 224, 3)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB


def test_an_image_without_pixels_is_refused():
    with pytest.raises(SepzooError, match=r"expected an image with pixels\. Received: 0 x 5"):
        MINUS_ONE_TO_ONE.resize(Image.new("RGB", (0, 5)), (2, 2))


@pytest.mark.parametrize(
    ("preprocessing", "channels", "fits"),
    [
        (Preprocessing(), 3, True),
        (Preprocessing(mean=(9.0, 9.0, 9.0), std=(2.0, 2.0, 2.0)), 3, True),
        (Preprocessing(mean=(0.0,)), 3, True),
        (Preprocessing(mean=(255.0,)), 3, True),
        (Preprocessing(mean=(-0.1,)), 3, False),
        (Preprocessing(mean=(255.1,)), 3, False),
        (Preprocessing(mean=(9.0, 9.0, 8.0)), 3, False),
        (Preprocessing(std=(9.0, 9.0, 8.0)), 3, False),
        (Preprocessing(channel_order="bgr"), 3, False),
        (Preprocessing(channel_order="bgr"), 4, False),
        (Preprocessing(channel_order="bgr"), 1, True),
    ],
)
def test_which_numbers_integers_can_be(preprocessing, channels, fits):
    assert preprocessing.fits_integers(channels) is fits
