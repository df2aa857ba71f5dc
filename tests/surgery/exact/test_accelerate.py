"""Fast twins: the same network, the same training, and files that open without us."""

from __future__ import annotations

import collections
import subprocess
import sys

import keras
import numpy as np
import pytest

from sepzoo.applications import build
from sepzoo.artifact.model_file import metadata_of
from sepzoo.layers import BSConvS
from sepzoo.layers.twins import is_twin
from sepzoo.surgery import accelerate, fold_batch_norm, to_keras

SMALL = {"alpha": 0.125, "input_shape": (16, 16, 3), "classes": 4, "classifier_activation": None}


def network(**arguments):
    return build("cifar_mobilenetv1_w1d4", **SMALL, **arguments)


def grouped():
    image = keras.Input((8, 8, 16))
    x = keras.layers.Conv2D(32, 3, groups=4, name="grouped")(image)
    x = keras.layers.BatchNormalization(name="bn")(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D(name="pool")(x))


def twins(model):  # layers of layers left out: factorized ones run twins in any case
    return [layer for layer in model.layers if is_twin(layer)]


@pytest.mark.slow
@pytest.mark.parametrize("conv", [None, "bsconv_u", "bsconv_s"])
def test_names_weights_and_outputs_are_the_same(seed, conv, outputs_of):
    model = network(conv=conv)
    fast, report = accelerate(model)
    assert [layer.name for layer in fast.layers] == [layer.name for layer in model.layers]
    assert [type(layer).__name__ for layer in fast.layers] == [type(layer).__name__ for layer in model.layers]
    for ours, theirs in zip(fast.weights, model.weights, strict=True):
        assert (ours.path, ours.trainable) == (theirs.path, theirs.trainable)
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    np.testing.assert_allclose(outputs_of(fast)[0], outputs_of(model)[0], atol=1e-6)
    actions = collections.Counter(change.action for change in report.changes)
    pointwise = sum(isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1) for layer in model.layers)
    assert pointwise == (13 if conv is None else 0)
    assert actions["trains on the fused kernel"] == sum("_bn" in layer.name for layer in model.layers)
    assert actions["trains as a matrix product"] == pointwise
    assert actions["takes a faster gradient"] == (10 if conv is None else 0)  # of 13: strides stay as they are
    assert len(report.changes) == actions.total() == len(twins(fast))
    assert metadata_of(fast) == metadata_of(model)
    assert not twins(model)


def test_training_is_the_same(seed):
    """On smooth ground: in deep networks the last digits of any two programs part soon, at every ReLU's kink."""
    image = x = keras.Input((8, 8, 3))
    for unit in (1, 2):
        x = BSConvS(16, 3, padding="same", batch_norm=True, name=f"conv{unit}")(x)
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"bn{unit}")(x)
        x = keras.layers.Activation("tanh", name=f"tanh{unit}")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(image, keras.layers.Dense(4, name="logits")(x))
    fast, _report = accelerate(model)
    generator = np.random.default_rng(0)
    images, labels = generator.normal(size=(64, 8, 8, 3)).astype("float32"), generator.integers(0, 4, 64)
    for one in (model, fast):
        one.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        one.fit(images, labels, batch_size=16, epochs=5, shuffle=False, verbose=0)
    for ours, theirs in zip(fast.weights, model.weights, strict=True):
        np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), atol=1e-5, err_msg=ours.path)


def test_frozen_layers_stay_frozen():
    model = network()
    model.get_layer("stage2_unit1_depthwise_bn").trainable = False
    fast, _report = accelerate(model)
    assert not fast.get_layer("stage2_unit1_depthwise_bn").trainable
    assert len(fast.trainable_weights) == len(model.trainable_weights)


def test_stock_grouped_convolutions_are_taken_apart(seed, outputs_of):
    model = grouped()
    fast, report = accelerate(model)
    assert [(change.layer, change.action) for change in report.changes] == [
        ("grouped", "trains group by group"),
        ("bn", "trains on the fused kernel"),
    ]
    np.testing.assert_allclose(outputs_of(fast)[0], outputs_of(model)[0], atol=1e-6)


def test_separable_convolutions_of_several_terms_train_as_one(seed, outputs_of):
    multipliers = {"one": 1, "few": 2, "many": 9}
    layers = [keras.layers.SeparableConv2D(128, 3, depth_multiplier=m, name=name) for name, m in multipliers.items()]
    model = keras.Sequential([keras.Input((12, 12, 4)), *layers])
    fast, report = accelerate(model)
    assert [(change.layer, change.action) for change in report.changes] == [("many", "trains as one convolution")]
    np.testing.assert_allclose(outputs_of(fast)[0], outputs_of(model)[0], atol=1e-6)
    assert {layer.name for layer in twins(fast)} == {"many"}


@pytest.mark.slow
def test_what_is_saved_opens_where_there_is_no_sepzoo(seed, tmp_path):
    fast, _report = accelerate(grouped())
    fast.save(tmp_path / "fast.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    program = (
        "import sys; sys.modules['sepzoo'] = None\n"
        "import keras, numpy as np\n"
        "model = keras.models.load_model('fast.keras')\n"
        "builtin = {type(layer) for layer in model.layers}\n"
        "assert builtin >= {keras.layers.Conv2D, keras.layers.BatchNormalization}, builtin\n"
        "np.save('y.npy', model(np.load('x.npy')))\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.asarray(fast(x)), atol=1e-6)


def test_weight_files_go_both_ways(seed, tmp_path):
    model, again = network(), network()
    fast, _report = accelerate(model)
    fast.save_weights(tmp_path / "fast.weights.h5")
    again.load_weights(tmp_path / "fast.weights.h5")
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    again.save_weights(tmp_path / "builtin.weights.h5")
    fast.load_weights(tmp_path / "builtin.weights.h5")


@pytest.mark.slow
def test_to_keras_and_folding_shed_the_twins(seed, outputs_of):
    fast, _report = accelerate(network(conv="bsconv_s", conv_options={"batch_norm": True}))
    builtin, report = to_keras(fast)
    assert not twins(builtin)
    assert "as the built-in layer" in {change.action for change in report.changes}
    folded, _report = fold_batch_norm(fast)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers[2:])
    for model in (builtin, folded):
        np.testing.assert_allclose(outputs_of(model)[0], outputs_of(fast)[0], atol=1e-4)


def test_accelerating_twice_changes_nothing_more():
    fast, _report = accelerate(network())
    again, report = accelerate(fast)
    assert not report.changes
    assert len(twins(again)) == len(twins(fast))


def test_on_another_backend_batch_norm_stays_and_the_report_says_why(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    fast, report = accelerate(grouped())
    assert report.changes[1].skipped == "the fused kernel is TensorFlow's, the backend is jax"
    assert type(fast.get_layer("bn")) is keras.layers.BatchNormalization
