"""What the graph walk refuses, and in which words."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.support.errors import SepzooError
from sepzoo.surgery import Part, Replacement, rewrite
from tests.models import Program, chain, shared

HIDDEN = (
    "expected a functional or Sequential model. Received: 'program', a subclassed model (Program), "
    "whose layers are hidden in its call(). Rebuild it as keras.Model(inputs, outputs)."
)


class Unsaved(layers.Layer):
    def __init__(self, table):
        super().__init__(name="unsaved")
        self.table = table

    def call(self, x):
        return x


class Doubled(keras.Model):
    """A functional model with a call of its own: its graph does not say what it computes."""

    def call(self, inputs, **kwargs):
        return super().call(inputs, **kwargs) * 2


def with_layer(layer):
    x = keras.Input((4,), name="x")
    return keras.Model(x, layer(x), name="m")


def no_rule(site):
    return None


@pytest.mark.parametrize(
    ("make", "rule", "text"),
    [
        (lambda: 3, no_rule, "expected a Keras model. Received: int. Build one, or load it from its file."),
        (
            lambda: keras.Sequential([layers.Dense(3)], name="later"),
            no_rule,
            "expected a model that is built. Received: 'later' (Sequential), which has no weights yet. "
            "Begin it with a keras.Input, or call its build(input_shape).",
        ),
        (
            Program,
            no_rule,
            HIDDEN,
        ),
        (
            lambda: with_layer(Program()),
            no_rule,
            HIDDEN,
        ),
        (
            lambda: with_layer(Unsaved(np.eye(2))),
            no_rule,
            "layer 'unsaved' (Unsaved) can't be copied, since from_config(get_config()) fails: "
            "Object Unsaved was created by passing",
        ),
        (
            shared,
            lambda site: Replacement((), "out") if site.name == "sub" else None,
            "expected a layer of one input to replace. Received: 'sub', which has more.",
        ),
        (
            chain,
            lambda site: Replacement((Part(layers.Dense(3, name="conv")),), "x") if site.name == "flat" else None,
            "expected replacements that keep the outputs of 'chain'. Received: an output of shape (None, 6, 6, 3) in "
            "place of (None, 144) from 'flat'.",
        ),
        (
            shared,
            lambda site: Replacement((Part(layers.Conv2D(4, 3, name="sub")),), "x") if site.name == "conv" else None,
            "the layers do not make a model 'shared': The name \"sub\" is used 2 times in the model. "
            "All operation names should be unique.",
        ),
        (
            chain,
            lambda site: (
                Replacement((Part(layers.Conv2D(4, 3, name="new"), [np.zeros(3)]),), "x")
                if site.name == "conv"
                else None
            ),
            "expected weights of shapes [(3, 3, 3, 4), (4,)] for 'new', which replaces 'conv'. Received: [(3,)].",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,)), layers.ReLU(name="a"), layers.Dense(2, name="fc")]),
            lambda site: Replacement((Part(layers.Dense(3, name="a")),), "x") if site.name == "a" else None,
            "layer 'fc' (Dense) can't be copied: from_config(get_config()) gives a layer with variables of shapes "
            "[(3, 2), (2,)]. Received: [(4, 2), (2,)]. Remove what was added to it after it was built.",
        ),
        (
            chain,
            lambda site: Replacement((Part(layers.Conv2D(4, 9, name="big")),), "x") if site.name == "conv" else None,
            "the replacement of 'conv' does not run: ",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, rule, text):
    with pytest.raises(SepzooError) as error:
        rewrite(make(), rule)
    assert str(error.value).startswith(text)
    assert "\n" not in str(error.value)


def test_a_graph_that_lies_is_refused():
    x = keras.Input((4,), name="x")
    with pytest.raises(SepzooError, match="a subclassed model"):
        rewrite(Doubled(x, layers.Dense(2)(x)), no_rule)
