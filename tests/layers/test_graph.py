"""Reading a model's graph."""

from __future__ import annotations

import keras
from keras import layers

from sepzoo.layers.graph import chain_of, functions_between, graph_of, maker, nodes, replay


def residual():
    x = keras.Input((8, 8, 3), name="x")
    y = layers.Conv2D(3, 3, padding="same", name="conv")(x)
    y = keras.ops.exp(layers.ReLU(name="act")(y))
    return keras.Model(x, {"sum": layers.Add(name="add")([y, x]), "y": y}, name="residual")


def test_calls_come_after_what_they_need():
    assert [node.operation.name.split("_")[0] for node in nodes(residual())] == ["conv", "act", "exp", "add"]


def test_a_shared_layer_has_a_node_for_each_call_in_this_model_alone():
    x = keras.Input((4,), name="x")
    dense = layers.Dense(4, name="d")
    dense(x)
    assert len(nodes(keras.Model(x, dense(dense(x))))) == 2


def test_replay_gets_nested_models_whole_or_their_calls_one_by_one():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, name="d"), keras.layers.ReLU(name="r")], name="in"
    )
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Add(name="add")([inner(x), inner(inner(x))]))

    def call(operation, args, _kwargs):
        return f"{operation.name}({','.join(keras.tree.flatten(args))})"

    assert replay(model, ["x"], call) == "add(in(x),in(in(x)))"
    assert replay(model, ["x"], call, inside=True) == "add(r(d(x)),r(d(r(d(x)))))"


def test_replay_keeps_the_structure_of_the_outputs():
    depth = replay(residual(), 0, lambda _operation, args, _kwargs: 1 + max(keras.tree.flatten(args)))
    assert depth == {"sum": 4, "y": 3}


def test_named_inputs_may_come_as_a_mapping():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    model = keras.Model([a, b], [layers.Subtract(name="sub")([b, a])])
    assert replay(model, {"a": 1, "b": 2}, lambda _operation, args, _kwargs: args[0][0] - args[0][1]) == [1]


def test_a_sequential_model_is_the_graph_that_it_holds():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="d"), layers.ReLU(name="r")])
    graph = graph_of(model)
    assert [layer.name for layer in chain_of(graph.inputs[0], graph.outputs[0])] == ["d", "r"]


def test_a_sum_is_no_chain_and_functions_are_found():
    model = residual()
    start, end = model.inputs[0], model.output["sum"]
    assert chain_of(start, end) is None
    assert chain_of(start, model.output["y"]) is None  # exp is no layer
    assert [type(function).__name__ for function in functions_between(start, end)] == ["Exp"]
    assert maker(end).name == "add"
