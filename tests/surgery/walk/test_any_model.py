"""Other people's models: names, state, modes and precisions that ours don't have; Keras's own outputs are right."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo import surgery
from sepzoo.artifact import model_file
from sepzoo.layers import BSConvU
from sepzoo.support.recursion import deep_recursion
from sepzoo.surgery import accelerate, rewrite
from sepzoo.surgery.walk.comparison import compare

IMAGES = np.random.default_rng(0).normal(size=(6, 12, 12, 4)).astype("float32")
EXACT = {
    "fold_batch_norm": surgery.fold_batch_norm,
    "fold_leading_batch_norm": surgery.fold_leading_batch_norm,
    "split_separable": surgery.split_separable,
    "merge_separable": surgery.merge_separable,
    "fuse_pointwise": surgery.fuse_pointwise,
    "to_keras": surgery.to_keras,
    "accelerate": accelerate,
}
APPROXIMATE = {
    "decouple": lambda model: surgery.decouple(model, terms=9, only_if_cheaper=False, data=IMAGES),
    "decompose_spatially": lambda model: surgery.decompose_spatially(model, ratio=0.01, only_if_cheaper=False),
    "decompose_channels": lambda model: surgery.decompose_channels(model, ratio=0.01, only_if_cheaper=False),
}
OTHER = {
    "blueprint": lambda model: surgery.blueprint(model, only_if_cheaper=False),
    "replace": lambda model: surgery.replace(model, "bsconv_s", only_if_cheaper=False),
    "recalibrate_batch_norm": lambda model: surgery.recalibrate_batch_norm(model, IMAGES),
}
ALL = {**EXACT, **APPROXIMATE, **OTHER}


def everything(x):
    """Something for each surgery to do."""
    x = layers.BatchNormalization(name="first")(x)
    x = layers.Conv2D(6, 3, name="conv")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.SeparableConv2D(8, 3, depth_multiplier=2, name="separable")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.Conv2D(8, 1, name="one")(x)
    x = layers.Conv2D(4, 1, name="two")(x)
    return BSConvU(4, 3, padding="same", padding_mode="reflect", name="own")(x)


def plain():
    x = keras.Input((12, 12, 4), name="x")
    return keras.Model(x, everything(x), name="plain")


def collisions():
    """Kept layers bear the names that new ones would get, and those that Keras gives by itself."""
    x = keras.Input((12, 12, 4), name="image")
    y = everything(x)
    for name in (
        *("conv_vertical", "conv_reduced", "conv_pointwise", "conv_depthwise", "separable_depthwise", "own_pad"),
        *(
            "separable_pointwise",
            "separable_vertical",
            "add",
            "probability",
            "batch_normalization",
            "own_pointwise",
            "pad",
        ),
    ):
        y = layers.ReLU(name=name)(y)
    return keras.Model(x, y, name="conv")


def twins_in_nests():
    """Two nested models with the same names inside."""

    def nest(name):
        x = keras.Input((12, 12, 4), name="image")
        return keras.Model(x, layers.Dense(4, name="add")(everything(x)), name=name)

    x = keras.Input((12, 12, 4), name="image")
    return keras.Model(x, layers.Add(name="add")([nest("left")(x), nest("right")(x)]), name="outer")


def augmented():
    """Image augmentation inside the model, nested too, and a layer that is told to train."""
    x = keras.Input((12, 12, 4), name="image")
    inner = keras.Sequential(
        [keras.Input((12, 12, 4)), layers.RandomRotation(0.5), layers.RandomFlip()], name="augment"
    )
    y = layers.RandomTranslation(0.4, 0.4, name="shift")(inner(x))
    y = layers.Dropout(0.5, name="drop")(layers.GaussianNoise(0.9, name="noise")(y), training=True)
    return keras.Model(x, everything(y), name="augmented")


MODELS = (plain, collisions, twins_in_nests, augmented)


def outputs(model, images=IMAGES):
    return np.asarray(keras.ops.convert_to_numpy(model(images, training=False)), "float32")


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", [*EXACT, *APPROXIMATE])
def test_exact_surgery_gives_the_same_outputs(name, make, randomize):
    model = randomize(make())
    expected = outputs(model)
    new, report = ALL[name](model)
    np.testing.assert_allclose(outputs(new), expected, atol=1e-4 * np.abs(expected).max())
    assert any(change.action for change in report.changes)
    assert report.comparison.error < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("name", OTHER)
def test_other_surgery_runs_and_says_how_far_off_it_is(name, make, randomize):
    model = randomize(make())
    new, report = ALL[name](model)
    expected, found = outputs(model), outputs(new)
    assert report.comparison.random_error > 1e-3
    assert np.isfinite(found).all()
    if name == "recalibrate_batch_norm":
        gaps = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(found, expected, strict=True)]
        assert report.comparison.sample_error == pytest.approx(max(gaps), rel=1e-3)
        assert report.comparison.samples == len(IMAGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_names_do_not_hang_on_what_ran_before(name, randomize):
    names = []
    for _turn in range(2):
        new, _report = ALL[name](randomize(collisions()))
        names.append([operation.name for operation in new.operations])
    assert names[0] == names[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_twins_are_shed_before_anything_else(name, randomize):
    """On an accelerated model every surgery does what it does on the plain one."""
    model = randomize(plain())
    fast, accelerated = accelerate(model)
    new, report = ALL[name](fast)
    plainly, expected = ALL[name](model)
    assert [layer.name for layer in new.layers] == [layer.name for layer in plainly.layers]
    if name == "accelerate":
        assert report.changes == ()
    else:
        done = [change.action for change in report.changes if change.action != "as the built-in layer"]
        assert [action.split(",")[0] for action in done] == [c.action.split(",")[0] for c in expected.changes]
        assert [change.action for change in report.changes].count("as the built-in layer") == len(accelerated.changes)


def test_statistics_are_not_of_augmented_images(randomize):
    new, _report = surgery.recalibrate_batch_norm(randomize(augmented()), IMAGES)
    norm = new.get_layer("first")
    np.testing.assert_allclose(norm.moving_mean, IMAGES.mean(axis=(0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, IMAGES.var(axis=(0, 1, 2)), rtol=1e-4)


def adapted(layer, data):
    layer.adapt(data)
    return layer


NUMBERS = np.random.default_rng(0).normal(5.0, 3.0, (50, 4)).astype("float32")
WORDS = np.array([["a", "b"], ["c", "a"]])
STATES = {
    "normalization": (lambda: adapted(layers.Normalization(), NUMBERS), NUMBERS),
    "inverted": (lambda: adapted(layers.Normalization(invert=True), NUMBERS), NUMBERS),
    "discretization": (lambda: adapted(layers.Discretization(num_bins=4), NUMBERS), NUMBERS),
    "words": (lambda: adapted(layers.StringLookup(), WORDS), WORDS),
    "counts": (lambda: adapted(layers.StringLookup(output_mode="count"), WORDS), WORDS),
    "tf_idf": (lambda: adapted(layers.StringLookup(output_mode="tf_idf"), WORDS), WORDS),
    "integers": (lambda: adapted(layers.IntegerLookup(), np.array([3, 5, 9])), np.array([[3, 7], [9, 5]])),
    "text": (
        lambda: adapted(layers.TextVectorization(output_mode="tf_idf"), ["a b", "c a"]),
        np.array([["a c"], ["b"]]),
    ),
    "spectral": (lambda: layers.SpectralNormalization(layers.Dense(3)), NUMBERS),
    "spread": (lambda: layers.TimeDistributed(adapted(layers.Normalization(), NUMBERS)), NUMBERS[:, None]),
    "recurrent": (lambda: layers.Bidirectional(layers.GRU(3)), NUMBERS[:, None]),
    "sound": (lambda: layers.MelSpectrogram(sequence_stride=16, fft_length=32), NUMBERS.reshape(2, 100)),
    "lambda": (lambda: layers.Lambda(lambda x, k: x * k, arguments={"k": 2.0}), NUMBERS),
}


@pytest.mark.parametrize("name", STATES)
def test_state_beside_variables_is_kept(name):
    make, data = STATES[name]
    layer = make()
    values = keras.ops.convert_to_tensor(data)
    x = keras.Input(data.shape[1:], dtype=keras.backend.standardize_dtype(values.dtype))
    model = keras.Model(x, layer(x))
    if name == "spectral":
        model(values, training=True)
    expected = keras.ops.convert_to_numpy(model(values))
    new, _report = rewrite(model, lambda site: None)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(new(values)), expected)
    assert compare(model, new).random_error == 0.0


def test_an_adapted_normalization_in_front_of_a_fold(randomize):
    norm = layers.Normalization(name="norm")
    x = keras.Input((12, 12, 4), name="x")
    model = keras.Model(x, everything(norm(x)))
    randomize(model)
    norm.adapt(IMAGES * 9.0 + 4.0)
    new, _report = surgery.fold_batch_norm(model)
    np.testing.assert_allclose(outputs(new), outputs(model), atol=1e-4 * np.abs(outputs(model)).max())


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
@pytest.mark.parametrize("name", ALL)
def test_models_of_other_precisions(name, policy, randomize):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        x = keras.Input((12, 12, 4), name="x")
        model = keras.Model(x, layers.Lambda(lambda y: y * 2.0, name="double")(everything(x)), name="half")
    finally:
        keras.config.set_dtype_policy(before)
    for norm in ("first", "bn"):
        model.get_layer(norm).moving_mean.assign(0.1 * np.arange(model.get_layer(norm).moving_mean.shape[0]))
    new, report = ALL[name](model)
    expected = outputs(model)
    if name not in OTHER:
        np.testing.assert_allclose(outputs(new), expected, atol=0.15 * np.abs(expected).max())
    assert new.get_layer("double").dtype_policy.name == policy
    assert report.comparison.random_error is not None


@pytest.mark.slow
def test_a_chain_of_1300_layers(tmp_path):
    x = y = keras.Input((6, 6, 2), name="x")
    for layer in (layers.Conv2D(2, 3, name="conv"), layers.BatchNormalization(name="bn")):
        y = layer(y)
    for number in range(1300):
        y = layers.Identity(name=f"layer{number}")(y)
    with deep_recursion():
        model = keras.Model(x, layers.BatchNormalization(name="last")(y), name="deep")
    images = IMAGES[:2, :6, :6, :2]
    folded, report = surgery.fold_batch_norm(model)
    assert len(folded.layers) == len(model.layers) - 1
    again, _report = surgery.recalibrate_batch_norm(folded, images)
    assert float(again.get_layer("last").moving_variance[0]) != 1.0
    model_file.save(folded, tmp_path / "deep.keras")
    loaded = model_file.load(tmp_path / "deep.keras")
    np.testing.assert_allclose(outputs(loaded, images), outputs(model, images), atol=1e-5)
    assert report.macs_after == 16 * 9 * 4
