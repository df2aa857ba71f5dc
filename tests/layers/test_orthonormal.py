"""The orthonormal penalty: the right matrix, the right value, a finite slope."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers import BSConvS, OrthonormalRegularizer


def penalty_in_numpy(kernel, strength):
    matrix = kernel[0, 0].T
    return strength * np.linalg.norm(matrix @ matrix.T - np.eye(len(matrix)))


@pytest.mark.parametrize("shape", [(1, 1, 16, 4), (1, 1, 4, 16)])
def test_value(shape):
    kernel = np.random.default_rng(0).normal(size=shape).astype("float32")
    assert float(OrthonormalRegularizer(0.1)(kernel)) == pytest.approx(penalty_in_numpy(kernel, 0.1), rel=1e-5)


def test_slope_at_an_orthonormal_kernel_is_finite():
    import tensorflow as tf

    kernel = tf.Variable(np.eye(8, 4, dtype="float32")[None, None])
    with tf.GradientTape() as tape:
        penalty = OrthonormalRegularizer(0.1)(kernel)
    slope = tape.gradient(penalty, kernel).numpy()
    assert float(penalty) == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(slope).all()


def test_bsconv_s_adds_it_to_the_losses_once():
    layer = BSConvS(8, 3, p=0.5, pointwise_regularizer=keras.regularizers.L2(0.5))
    layer.build((None, 8, 8, 8))
    first, second = (np.asarray(factor.kernel) for factor in layer.factors[:2])
    expected = penalty_in_numpy(first, 0.1) + 0.5 * (first**2).sum() + 0.5 * (second**2).sum()
    assert sum(float(loss) for loss in layer.losses) == pytest.approx(expected, rel=1e-5)


def test_strength_zero_switches_it_off():
    layer = BSConvS(8, 3, orthonormal=0.0)
    layer.build((None, 8, 8, 8))
    assert layer.losses == []


def test_config_round_trip():
    regularizer = OrthonormalRegularizer(0.2, plus=keras.regularizers.L2(0.1))
    again = keras.regularizers.get(keras.regularizers.serialize(regularizer))
    assert again.get_config() == regularizer.get_config()
