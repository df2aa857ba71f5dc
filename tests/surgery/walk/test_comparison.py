"""When a rewritten model is taken for the original: where the two differ by no more than rounding makes of it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_batch_norm
from sepzoo.surgery.walk.comparison import compare


def network(steps: int) -> keras.Model:
    """Return one whose logistic map doubles any difference at each step."""
    source = keras.Input((6,), name="x")
    x = layers.BatchNormalization(name="bn")(layers.Dense(6, use_bias=False, name="fc")(source))
    x = layers.Activation("sigmoid", name="sigmoid")(x)
    for _ in range(steps):
        x = 4.0 * x * (1.0 - x)
    return keras.Model(source, x, name="map")


def test_what_rounding_alone_changes_is_no_fault_of_the_surgery(
    randomize: Callable[[keras.Model], keras.Model],
) -> None:
    model = randomize(network(40))
    report = fold_batch_norm(model)[1]
    assert report.comparison.random_error > 0.1
    x = np.random.default_rng(0).normal(size=(50, 6)).astype("float32")
    found, moved = (model.predict(each, verbose=0) for each in (x, x * (1 + 2.0**-23)))
    assert np.abs(found - moved).max() > 0.1  # so no network of these weights can be told from another


@pytest.mark.parametrize("steps", [0, 3])
def test_where_rounding_does_little_a_changed_weight_is_told(
    steps: int, randomize: Callable[[keras.Model], keras.Model]
) -> None:
    model = randomize(network(steps))
    other = keras.models.clone_model(model)
    other.set_weights([1.1 * each for each in model.get_weights()])
    assert compare(model, other).error > 0.01
    with pytest.raises(SepzooError, match=r"expected 'map' to give the same outputs after surgery, to 0\.01 of their"):
        compare(model, other, exact=True)
    compare(model, model, exact=True)


def test_outputs_that_are_infinite_in_both_are_the_same(randomize: Callable[[keras.Model], keras.Model]) -> None:
    source = keras.Input((6,), name="x")
    x = layers.BatchNormalization(name="bn")(layers.Dense(6, use_bias=False, name="fc")(source))
    model = randomize(keras.Model(source, keras.ops.log(keras.ops.relu(x)), name="logarithms"))
    found = fold_batch_norm(model)[1].comparison
    assert np.isinf(model.predict(np.random.default_rng(0).normal(size=(50, 6)), verbose=0)).any()
    assert found.random_error < 1e-4
