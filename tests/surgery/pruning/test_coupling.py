"""Which channels go together, and which must stay, in graphs whose answer is plain to see."""

from __future__ import annotations

import keras
import pytest
from keras import layers, ops

from sepzoo import surgery
from sepzoo.surgery.pruning.coupling import couple
from sepzoo.surgery.walk.plan import Plan
from tests.surgery.pruning import networks

U_NET = {"down1": 8, "down2": 12, "low": 16, "up2": 12, "merge2": 10, "merge1": 9}


def groups_of(model):
    return {group.layers: len(group.sets) for group in couple(Plan(model)).groups}


@pytest.mark.parametrize(
    ("make", "groups"),
    [
        (
            networks.residual,
            {("stem_conv", "a2_conv"): 8, ("a1_conv",): 8, ("b1_conv",): 12, ("projection", "b2_conv"): 12},
        ),
        (
            networks.preactivated,
            {("stem", "conv1", "conv2", "transition"): 8, ("growth", "transition"): 4},
        ),
        (networks.u_net, {(n,): w for n, w in U_NET.items()}),
        (networks.flattened, {("conv1",): 6, ("conv2",): 10, ("fc1",): 16}),
        (networks.grouped, {("reduce",): 4, ("cardinal",): 6, ("expand",): 12}),
        (networks.sequence, {("conv",): 8, ("separable",): 10, ("dense",): 6}),
        (networks.shared, {("first", "second"): 6, ("conv",): 10}),
        (networks.nested, {("backbone/inner_conv",): 10, ("neck",): 8}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_groups(make, groups):
    found = groups_of(make())
    assert {frozenset(names): width for names, width in found.items()} == {
        frozenset(names): width for names, width in groups.items()
    }


def test_gates_go_with_what_they_weigh():
    found = groups_of(networks.squeezed())
    assert {frozenset(names) for names in found} == {
        frozenset(["stem_conv", "project1_conv", "project2_conv"]),
        frozenset(["expand1_conv", "gate1"]),
        frozenset(["reduce1"]),
        frozenset(["expand2_conv", "gate2"]),
        frozenset(["reduce2"]),
        frozenset(["head"]),
    }


MIXERS = {
    "layer_norm": (layers.LayerNormalization(name="mixer"), "'mixer' normalizes over all of them"),
    "group_norm": (layers.GroupNormalization(4, name="mixer"), "'mixer' normalizes over all of them"),
    "softmax": (layers.Activation("softmax", name="mixer"), "'mixer' (Activation)"),
    "lambda": (layers.Lambda(lambda x: x[..., ::-1], name="mixer"), "'mixer' (Lambda)"),
    "function": (lambda x: ops.flip(x, axis=-1), "(Flip)"),
    "of channels": (lambda x: ops.mean(x, axis=-1, keepdims=True), "(Mean)"),
    "constant": (lambda x: x * ops.convert_to_numpy(ops.arange(8, dtype="float32")), "(Multiply)"),
    "shuffle": (lambda x: layers.Reshape((6, 6, 2, 4), name="mixer")(x), "'mixer' (Reshape)"),
    "subclass": (type("Mine", (layers.Conv2D,), {})(4, 1, name="mixer"), "'mixer' (Mine)"),
    "another axis": (layers.BatchNormalization(axis=1, name="mixer"), "it normalizes axis 1"),
}


@pytest.mark.parametrize("kind", MIXERS)
def test_what_goes_into_something_unknown_stays(kind):
    mixer, said = MIXERS[kind]
    source = keras.Input((8, 8, 3), name="image")
    x = mixer(layers.Conv2D(8, 3, name="before")(layers.Conv2D(8, 1, name="first")(source)))
    model = keras.Model(source, layers.Dense(2, name="last")(layers.Flatten(name="flat")(x)), name="mixed")
    pruned, report = surgery.prune_channels(model, ratios=0.5)
    reasons = {each.layer: each.reason for each in report.kept}
    assert said in reasons["before"]
    assert pruned.get_layer("before").filters == 8
    assert pruned.get_layer("first").filters == 4


def test_one_channel_that_weighs_all_others_stays():
    source = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(8, 3, name="features")(source)
    mask = layers.Conv2D(1, 3, activation="sigmoid", name="mask")(source)
    model = keras.Model(source, layers.Conv2D(2, 1, name="last")(layers.Multiply(name="weigh")([x, mask])))
    pruned, report = surgery.prune_channels(model, ratios=0.5)
    assert {group.layers: group.channels_after for group in report.groups} == {("features",): 4}
    assert pruned.get_layer("mask").filters == 1


def test_channels_first_stays():
    stack = [layers.Conv2D(8, 3, data_format="channels_first", name=name) for name in "ab"]
    model = keras.Sequential([keras.Input((3, 8, 8)), *stack, layers.Flatten(data_format="channels_first")])
    report = surgery.prune_channels(model, ratios=0.5)[1]
    assert report.groups == ()
    assert report.params_after == report.params_before
