"""Keras's summary of a network says which kernels bear the orthonormal penalty, and nothing else changes by it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo import applications
from sepzoo.artifact import model_file
from sepzoo.layers import BSConvS, OrthonormalRegularizer
from sepzoo.surgery import fold_batch_norm, to_keras

TWINS = [  # with the penalty, and the same network without it
    ("mobilenetv2_w1_bsconvs_p1d6", "mobilenetv2_w1"),
    ("cifar_mobilenetv2_w1d4_bsconvs_p1d6", "cifar_mobilenetv2_w1d4"),
    ("mobilenetv3_small_w7d20_bsconvs_p1d6", "mobilenetv3_small_w7d20"),
    ("cifar_mobilenetv3_large_w7d20_bsconvs_p1d6", "cifar_mobilenetv3_large_w7d20"),
]
SMALL = TWINS[1]


def summary_of(model, **options):
    pieces = []
    model.summary(print_fn=lambda text, **_: pieces.append(text), **options)
    return "\n".join(pieces)


def shown(model):
    """Return the layers that the summary says bear the penalty."""
    before, found, text = summary_of(model).partition("Orthonormal penalty 0.1 ||W W^T - I|| on ")
    assert "Total params" in before
    count, _, names = text.partition(":")
    layers = [name.strip() for name in names.split(",") if name.strip()]
    assert not found or count.split()[0] == str(len(layers))
    return layers


def penalized(model):
    """Return the layers whose own regularizer is the penalty."""
    return [
        layer.name
        for layer in model.layers
        if isinstance(getattr(layer, "kernel_regularizer", None), OrthonormalRegularizer)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "plain"), TWINS)
def test_the_summaries_of_two_networks_differ_by_the_term_alone(name, plain):
    network, other = (applications.build(each, model_name="network") for each in (name, plain))
    assert shown(network) == penalized(network) != []
    assert shown(other) == penalized(other) == []
    assert type(other) is type(keras.Model(other.input, other.output))
    assert summary_of(network).startswith(summary_of(other))


def test_it_is_shown_of_the_layers_of_bsconv_s_too():
    network = applications.build("cifar_resnet20_bsconvs_p1d4")
    slots = [layer.name for layer in network.layers if isinstance(layer, BSConvS)]
    assert shown(network) == [f"{slot}/pointwise_1" for slot in slots] != []


def test_what_is_frozen_or_left_out_bears_no_penalty():
    network = applications.build(SMALL[0])
    frozen, *others = penalized(network)
    network.get_layer(frozen).trainable = False
    assert shown(network) == others
    builtin, _report = to_keras(network)
    assert shown(builtin) == []
    assert type(builtin) is type(keras.Model(builtin.input, builtin.output))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["keras", "json", "clone", "sepzoo", "features", "folded"])
def test_it_is_shown_of_copies(form, tmp_path):
    network = applications.build(SMALL[0], include_top=False, pooling="avg")
    expected = penalized(network)
    path = tmp_path / "network.keras"
    if form == "keras":
        network.save(path)
        copy = keras.models.load_model(path)
    elif form == "json":
        copy = keras.models.model_from_json(network.to_json())
    elif form == "clone":
        copy = keras.models.clone_model(network)
    elif form == "sepzoo":
        model_file.save(network, path, penalties=True)  # a checkpoint; what is handed over bears none
        copy = model_file.load(path)
    elif form == "features":
        copy = applications.features(network)
    else:
        copy, _report = fold_batch_norm(network)
    assert shown(copy) == expected


@pytest.mark.slow
@pytest.mark.parametrize("names", [SMALL, SMALL[::-1]], ids=["to the plain network", "from the plain network"])
@pytest.mark.parametrize("nested", [False, True], ids=["alone", "nested"])
def test_weight_files_fit_both_networks(names, nested, tmp_path):
    def whole(name):
        network = applications.build(name)
        return keras.Sequential([keras.Input((32, 32, 3)), network, keras.layers.Dense(2)]) if nested else network

    source, target = (whole(name) for name in names)
    source.save_weights(tmp_path / "x.weights.h5")
    target.load_weights(tmp_path / "x.weights.h5")
    for expected, found in zip(source.weights, target.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy(), err_msg=found.path)


def test_lines_are_as_long_as_asked_for():
    text = summary_of(applications.build(SMALL[0]), line_length=60, show_trainable=True)
    lines = text[text.index(" Orthonormal penalty") :].splitlines()
    assert len(lines) > 3
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith("   stage") for line in lines[2:])


def test_it_is_printed_where_keras_prints(capsys):
    applications.build(SMALL[0]).summary()
    printed = capsys.readouterr().out
    assert printed.index("Total params") < printed.index(" Orthonormal penalty 0.1 ||W W^T - I|| on 17 kernels: stage1")


def test_strengths_are_told_apart():
    image = keras.Input((8, 8, 3))
    x = image
    for name, strength in (("a", 0.1), ("b", 0.5), ("c", 0.1)):
        x = BSConvS(8, 3, orthonormal=strength, name=name)(x)
    plain = keras.Model(image, x)
    assert "penalty" not in summary_of(plain)
    network, _report = fold_batch_norm(plain)
    first, second = summary_of(network).splitlines()[-2:]
    assert first == " Orthonormal penalty 0.1 ||W W^T - I|| on 2 kernels: a/pointwise_1, c/pointwise_1"
    assert second == " Orthonormal penalty 0.5 ||W W^T - I|| on 1 kernel: b/pointwise_1"
