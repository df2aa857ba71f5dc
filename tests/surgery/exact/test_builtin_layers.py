"""Our layers put into Keras's words."""

from __future__ import annotations

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from keras.ops import convert_to_numpy as to_numpy

from sepzoo.analysis import profile
from sepzoo.layers import (
    BSConvS,
    BSConvS1D,
    BSConvU,
    EdgePadding,
    FactorizedConv2D,
    OrthonormalRegularizer,
    SumTerms,
    factorization,
)
from sepzoo.layers.graph import nodes
from sepzoo.surgery import to_keras


def separable(name, **options):
    own = {key: options.pop(key) for key in ("terms", "order", "batch_norm", "activation") if key in options}
    return FactorizedConv2D(factorization("separable", **own), 5, 3, name=name, **options)


CHAINS = {
    "u": lambda: BSConvU(5, 3, name="c"),
    "u_full": lambda: BSConvU(5, 3, strides=2, padding="symmetric", batch_norm=True, activation="relu", name="c"),
    "u_dilated": lambda: BSConvU(5, 3, dilation_rate=2, padding="same", use_bias=False, name="c"),
    "s": lambda: BSConvS(5, 3, p=0.5, padding="same", name="c"),
    "s_batch_norm": lambda: BSConvS(5, 3, batch_norm=True, pointwise_regularizer="l2", name="c"),
    "dw_pw": lambda: separable("c", terms=3, activation="relu", batch_norm=True),
}
OTHERS = {
    "terms": lambda: separable("c", terms=3, order="pw_dw", padding="same"),
    "terms_full": lambda: FactorizedConv2D(
        factorization("separable", terms=2, order="pw_dw", batch_norm=True, activation="relu"),
        5,
        3,
        strides=2,
        padding=1,
        activation="tanh",
        activity_regularizer="l2",
        name="c",
    ),
    "terms_unbiased": lambda: separable("c", terms=9, order="pw_dw", use_bias=False),
    "reflect": lambda: BSConvU(5, 3, padding="same", padding_mode="reflect", name="c"),
    "replicate": lambda: BSConvU(5, 3, padding=((2, 0), (1, 3)), padding_mode="replicate", name="c"),
    "circular": lambda: BSConvU(5, 3, padding=((2, 0), (0, 1)), padding_mode="circular", name="c"),
    "circular_terms": lambda: separable("c", terms=2, order="pw_dw", padding=1, padding_mode="circular"),
}


def model_with(layer):
    return keras.Sequential(
        [keras.Input((10, 8, 4)), layers.ReLU(name="before"), layer, layers.ReLU(name="after")], name="m"
    )


@pytest.mark.parametrize("name", {**CHAINS, **OTHERS})
def test_outputs_stay_and_nothing_of_ours_is_left(name, randomize, outputs_of, fingerprint):
    model = randomize(model_with({**CHAINS, **OTHERS}[name]()))
    before = fingerprint(model)
    new, report = to_keras(model)
    assert fingerprint(model) == before
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)
    assert "sepzoo" not in json.dumps(new.get_config(), default=str)
    assert [change.layer for change in report.changes] == ["c"]
    assert report.changes[0].params_after == model.get_layer("c").count_params()
    assert report.macs_after == report.macs_before == profile(new).macs
    names = [node.operation.name for node in nodes(new)]
    assert [name for name in names if not name.startswith("c_")] == ["before", "after"]


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_profiled_as_it_is_expanded(name):
    model = model_with(CHAINS[name]())
    assert profile(model).layers == profile(to_keras(model)[0]).layers


def test_factors_are_named_after_their_layer():
    new, report = to_keras(model_with(CHAINS["u_full"]()))
    names = ("c_pointwise", "c_pointwise_bn", "c_pad", "c_depthwise")
    assert tuple(layer.name for layer in new.layers) == ("before", *names, "after")
    assert report.changes[0].became == names
    assert report.changes[0].action == "expanded into pointwise, pointwise_bn, pad, depthwise"
    assert new.get_layer("c_depthwise").activation is keras.activations.relu


def test_one_branch_a_term():
    new, _report = to_keras(model_with(OTHERS["terms"]()))
    assert isinstance(new, keras.Model)
    assert not isinstance(new, keras.Sequential)
    assert [layer.name for layer in new.layers if layer.name.startswith("c_")] == [
        *(f"c_pointwise_{term}" for term in (1, 2, 3)),
        *(f"c_depthwise_{term}" for term in (1, 2, 3)),
        "c_sum",
    ]


def test_flags_regularizers_and_losses_are_kept_but_the_orthonormal_ones(randomize):
    model = model_with(CHAINS["s_batch_norm"]())
    model.get_layer("c").factors[1].trainable = False
    randomize(model)
    conv = to_keras(model)[0]
    assert isinstance(conv.get_layer("c_pointwise_1").kernel_regularizer, keras.regularizers.L2)
    assert isinstance(conv.get_layer("c_pointwise_2").kernel_regularizer, keras.regularizers.L2)
    assert not conv.get_layer("c_pointwise_1_bn").trainable
    assert len(conv.trainable_variables) == len(model.trainable_variables)


def test_a_frozen_layer_stays_frozen():
    model = model_with(CHAINS["u"]())
    model.get_layer("c").trainable = False
    assert to_keras(model)[0].trainable_variables == []


def test_the_penalty_of_a_stock_layer_is_left_out(randomize, outputs_of):
    penalty = OrthonormalRegularizer(0.1, plus=keras.regularizers.L2(0.5))
    model = randomize(model_with(layers.Conv2D(5, 1, kernel_regularizer=penalty, name="projection")))
    new, report = to_keras(model)
    assert report.changes[0].action == "its orthonormal penalty is left out"
    assert new.get_layer("projection").kernel_regularizer.l2 == 0.5
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])


def test_nested_and_shared_layers_are_expanded(randomize, outputs_of):
    shared = BSConvU(4, 3, padding="same", name="c")
    x = keras.Input((10, 8, 4), name="inner")
    net = keras.Model(x, shared(shared(x)), name="net")
    y = keras.Input((10, 8, 4), name="outer")
    model = randomize(keras.Model(y, net(y), name="m"))
    new, report = to_keras(model)
    assert [change.layer for change in report.changes] == ["net/c"]
    assert report.params_after == model.count_params()
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


def test_one_dimension(randomize, outputs_of):
    model = randomize(
        keras.Sequential([keras.Input((12, 6)), BSConvS1D(4, 3, strides=2, padding="symmetric", name="c")])
    )
    new, _report = to_keras(model)
    assert [layer.name for layer in new.layers] == ["c_pointwise_1", "c_pointwise_2", "c_pad", "c_depthwise"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-5)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_edge_padding_of_open_size(mode):
    x = keras.Input((None, None, 2), name="x")
    model = keras.Model(x, EdgePadding(((2, 1), (0, 3)), mode=mode, name="pad")(x), name="m")
    new, report = to_keras(model)
    image = np.random.default_rng(0).normal(size=(1, 5, 6, 2)).astype("float32")
    np.testing.assert_array_equal(to_numpy(new(image)), to_numpy(model(image)))
    assert report.changes[0].action == f"written in keras.ops ({mode})"


def test_what_no_stock_layer_does_is_said():
    model = keras.Sequential([keras.Input((4, 4, 6)), SumTerms(2, name="sum")])
    _new, report = to_keras(model)
    assert report.changes[0].skipped == "no built-in layer does what SumTerms does"


def test_a_stock_model_is_just_copied():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    _new, report = to_keras(model)
    assert report.changes == ()
    assert report.params_after == report.params_before


@pytest.mark.slow
def test_the_file_opens_without_sepzoo(tmp_path, randomize, outputs_of):
    x = keras.Input((10, 8, 4), name="x")
    y = BSConvS(5, 3, padding="symmetric", strides=2, batch_norm=True, name="a")(x)
    y = separable("b", terms=2, order="pw_dw", padding=1, padding_mode="circular")(y)
    model = randomize(keras.Model(x, BSConvU(3, 3, padding="same", padding_mode="replicate", name="d")(y)))
    to_keras(model)[0].save(tmp_path / "builtin.keras")
    program = (
        "import sys; sys.modules['sepzoo'] = None\n"
        "import keras, numpy as np\n"
        f"model = keras.models.load_model({str(tmp_path / 'builtin.keras')!r})\n"
        f"np.save({str(tmp_path / 'answer.npy')!r}, model(np.load({str(tmp_path / 'image.npy')!r})))"
    )
    image = np.random.default_rng(0).normal(size=(2, 10, 8, 4)).astype("float32")
    np.save(tmp_path / "image.npy", image)
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), to_numpy(model(image, training=False)), atol=1e-5)
