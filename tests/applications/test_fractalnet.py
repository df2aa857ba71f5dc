"""FractalNet: counts, the fractal itself, drop-path."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest

from sepzoo.applications import build, list_models
from sepzoo.layers import DropPathJoin
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import to_keras

WIDTHS = (3, 64, 128, 256, 512, 512)
NEVER = {"drop_path": 0.0, "single_column": 0.0}


def by_hand(columns, *, separable=False):
    """C convolutions of each block take its input, the others of the 2 ** C - 1 what is in it."""

    def conv(c, m):
        return (9 * c + c * m if separable else 9 * c * m) + 2 * m

    inner = 2**columns - 1 - columns
    blocks = itertools.pairwise(WIDTHS)
    return sum(columns * conv(c, m) + inner * conv(m, m) for c, m in blocks) + 512 * 10 + 10


def trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    ("name", "columns", "separable", "params"),
    [
        ("fractalnet_c3", 3, False, 33_724_618),
        ("fractalnet_c3_separable", 3, True, 3_849_051),
        pytest.param("fractalnet_c4", 4, False, 76_106_634, marks=pytest.mark.slow),
        pytest.param("fractalnet_c4_separable", 4, True, 8_680_502, marks=pytest.mark.slow),
    ],
)
def test_counts(name, columns, separable, params):
    assert name in list_models()
    assert trainable(build(name)) == params == by_hand(columns, separable=separable)


@pytest.mark.parametrize("columns", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_a_block_is_the_recursion(seed, columns):
    """F_1 is a convolution, F_{k+1}(x) joins F_k(F_k(x)) and a convolution; joins that meet are one mean."""
    model = build("fractalnet_c3", columns=columns, alpha=0.03, **NEVER)

    def convolution(column, position, x):
        name = f"stage2_column{column}_conv{position}"
        for suffix in ("", "_bn", "_relu"):
            x = model.get_layer(name + suffix)(x)
        return x

    def branches(column, first, x):
        """What comes to the join at the end of the fractal whose shallowest column this is."""
        own = convolution(column, first, x)
        if column == columns:
            return [own]
        middle = branches(column + 1, 2 * first - 1, x)
        return [own, *branches(column + 1, 2 * first, sum(middle) / len(middle))]

    start = model.get_layer("stage1_pool").output
    x = np.random.default_rng(0).normal(size=(2, *start.shape[1:])).astype("float32")
    ends = branches(1, 1, x)
    found = keras.Model(start, model.get_layer("stage2_pool").input)(x)
    np.testing.assert_allclose(np.asarray(found), np.asarray(sum(ends) / len(ends)), atol=1e-5)


def test_a_join_knows_the_columns_that_end_in_it():
    model = build("fractalnet_c4", alpha=0.03)
    joins = {layer.name: layer.columns for layer in model.layers if isinstance(layer, DropPathJoin)}
    assert len(joins) == 5 * 4
    assert joins["stage3_join2"] == joins["stage3_join6"] == [2, 3]
    assert joins["stage3_join4"] == [1, 2, 3]
    assert joins["stage3_join8"] == [0, 1, 2, 3]


def test_global_drop_path_is_one_column_through_the_whole_network(seed):
    """Training with single columns alone, no dropout: each sample's features are those of one of the columns."""
    arguments = {"columns": 2, "alpha": 0.1, "include_top": False, "block_dropout": 0.0, "input_shape": (32, 32, 3)}
    model = build("fractalnet_c3", **arguments, drop_path=0.0, single_column=1.0)
    for layer in model.layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)  # frozen: the same for every batch
    x = np.repeat(np.random.default_rng(0).normal(size=(1, 32, 32, 3)), 32, axis=0).astype("float32")
    found = np.asarray(model(x, training=True)).reshape(32, -1)
    columns = np.unique(found.round(5), axis=0)
    assert len(columns) == 2
    straight = x[:1]
    for s in range(1, 6):
        for suffix in ("", "_bn", "_relu"):
            straight = model.get_layer(f"stage{s}_column1_conv1{suffix}")(straight)
        straight = model.get_layer(f"stage{s}_pool")(straight)
    assert any(np.allclose(np.ravel(straight), column, atol=2e-5) for column in columns)


def test_without_drop_path_there_are_stock_layers_alone_with_the_same_weights():
    plain, dropping = (build("fractalnet_c3_separable", alpha=0.05, **arguments) for arguments in (NEVER, {}))
    assert all(type(layer).__module__.startswith("keras.") for layer in plain.layers)
    assert [w.path for w in plain.weights] == [w.path for w in dropping.weights]
    plain.set_weights(dropping.get_weights())
    x = np.random.default_rng(0).random((2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(dropping(x)), np.asarray(plain(x)), atol=1e-6)
    builtin, _report = to_keras(dropping)
    assert all(type(layer).__module__.startswith("keras.") for layer in builtin.layers)
    np.testing.assert_allclose(np.asarray(builtin(x)), np.asarray(plain(x)), atol=1e-6)


def test_dropout_grows_from_block_to_block():
    model = build("fractalnet_c3", alpha=0.03)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3, 0.4])


def test_what_is_refused_is_said():
    with pytest.raises(
        SepzooError, match=r"fractalnet: expected columns as a whole number from 1 to 9. Received: columns=0."
    ):
        build("fractalnet_c3", columns=0)
    with pytest.raises(
        SepzooError, match=r"fractalnet: expected drop_path as a number from 0 to below 1. Received: drop_path=1.5."
    ):
        build("fractalnet_c3", alpha=0.03, drop_path=1.5)
