"""What layers take and give, against what comes and goes while the model runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo.surgery.walk.runs import runs_of

layers = keras.layers


def backbone() -> keras.Model:
    """Return a network of images of any size, as `keras.applications` builds it without the top."""
    row = [layers.Conv2D(4, 3, name="inner"), layers.MaxPooling2D(name="inner_pool")]
    return keras.Sequential([keras.Input((None, None, 3)), *row], name="backbone")


def plain() -> keras.Model:
    return keras.Sequential([keras.Input((9, 7, 3)), layers.Conv2D(4, 3, strides=2), layers.Flatten(), layers.Dense(2)])


def shared() -> keras.Model:
    x, conv = keras.Input((12, 12, 4)), layers.Conv2D(4, 3, padding="same")
    return keras.Model(x, conv(layers.MaxPooling2D()(conv(x))))


def open_backbone() -> keras.Model:
    x = keras.Input((12, 10, 3))
    return keras.Model(x, layers.Dense(2)(layers.GlobalAveragePooling2D()(backbone()(x))))


def at_two_sizes() -> keras.Model:
    x, inner = keras.Input((12, 12, 3)), backbone()
    near, far = inner(x), inner(layers.AveragePooling2D(2)(x))
    pool = layers.GlobalMaxPooling2D()
    return keras.Model(x, layers.Add()([pool(near), pool(far)]))


def nested_twice() -> keras.Model:
    image = keras.Input((None, None, 3))
    y = backbone()(layers.ZeroPadding2D(1)(image))
    middle = keras.Model(image, {"low": y, "high": layers.UpSampling2D()(y)}, name="middle")
    x = keras.Input((8, 8, 3))
    given = middle(x)
    return keras.Model(x, [keras.ops.relu(given["low"]), layers.ReLU()(given["high"])])


@pytest.mark.parametrize("make", [plain, shared, open_backbone, at_two_sizes, nested_twice])
def test_sizes_are_those_that_come_and_go(make: Callable[[], keras.Model], monkeypatch: pytest.MonkeyPatch) -> None:
    model = make()
    found, seen = runs_of(model), defaultdict(list)
    called = keras.Layer.__call__

    def noting(layer: keras.Layer, given: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = called(layer, given, *args, **kwargs)
        if not isinstance(layer, keras.Model):
            (taken, *_), gives = ([tuple(each.shape[1:]) for each in keras.tree.flatten(x)] for x in (given, outputs))
            seen[id(layer)].append((taken, tuple(gives)))
        return outputs

    monkeypatch.setattr(keras.Layer, "__call__", noting)
    model(np.zeros((2, *model.input_shape[1:]), "float32"))
    ours = {key: [(run.taken, run.given) for run in runs] for key, runs in found.items()}
    assert seen
    for key, runs in seen.items():
        assert sorted(ours[key]) == sorted(runs)


def test_a_size_that_the_model_itself_leaves_open_is_zero() -> None:
    model = backbone()
    (run,) = runs_of(model)[id(model.layers[0])]
    assert (run.taken, run.given) == ((0, 0, 3), ((0, 0, 4),))
