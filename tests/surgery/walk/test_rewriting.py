"""The one graph walk: what it copies, what it replaces, what it refuses."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers
from keras.ops import convert_to_numpy as to_numpy

from sepzoo.artifact import model_file
from sepzoo.layers.graph import nodes
from sepzoo.records.metadata import Metadata
from sepzoo.surgery import Part, Replacement, Skip, rewrite
from tests.models import chain, shared


def keep(_site):
    return None


def structured():
    inputs = {"image": keras.Input((8, 8, 3), name="image"), "extra": keras.Input((5,), name="extra")}
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(4, 3, name="conv")(inputs["image"]))
    y = layers.Dense(4, name="dense")(inputs["extra"])
    outputs = {"sum": layers.Add(name="add")([x, y]), "both": [x, keras.ops.exp(y) * 2.0]}
    return keras.Model(inputs, outputs, name="structured")


def nested():
    inner_input = keras.Input((8, 8, 3), name="inner_in")
    inner = keras.Model(inner_input, layers.Conv2D(3, 3, padding="same", name="conv")(inner_input), name="backbone")
    head = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Flatten(name="flat"), layers.Dense(2, name="fc")], name="head"
    )
    x = keras.Input((8, 8, 3), name="x")
    return keras.Model(x, head(inner(layers.ReLU(name="act")(inner(x)))), name="outer")


def same_layer_inside_and_outside():
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    inner_input = keras.Input((8, 8, 3), name="inner_in")
    inner = keras.Model(inner_input, conv(inner_input), name="inner")
    x = keras.Input((8, 8, 3), name="x")
    return keras.Model(x, conv(inner(x)), name="outer")


def open_size():
    x = keras.Input((None, None, 3), name="x")
    return keras.Model(x, layers.GlobalMaxPooling2D(name="pool")(layers.DepthwiseConv2D(3, name="dw")(x)), name="open")


def functions():
    x = keras.Input((8, 8, 3), name="x")
    y = keras.ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    y = layers.Conv2D(4, 3, name="conv")(y)[:, 1:, ::2]
    y = keras.ops.mean(y, axis=(1, 2)) + 1.0
    return keras.Model(x, layers.Lambda(lambda t, k: t * k, arguments={"k": 3.0}, name="scale")(y), name="functions")


def masked():
    x = keras.Input((6,), dtype="int32", name="x")
    y = layers.Embedding(10, 4, mask_zero=True, name="embed")(x)
    return keras.Model(x, layers.GRU(3, name="gru")(y), name="masked")


MODELS = [
    chain,
    shared,
    structured,
    nested,
    same_layer_inside_and_outside,
    functions,
]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_kept_model_is_equal_and_the_original_untouched(make, randomize, outputs_of, fingerprint):
    model = randomize(make())
    before = fingerprint(model)
    new, report = rewrite(model, keep)
    assert fingerprint(model) == before
    assert report.changes == ()
    assert type(new) is type(model)
    assert new.name == model.name
    assert [layer.name for layer in new.layers] == [layer.name for layer in model.layers]
    assert [v.path for v in new.weights] == [v.path for v in model.weights]
    assert not set(map(id, new.variables)) & set(map(id, model.variables))
    for expected, got in zip(outputs_of(model), outputs_of(new), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_open_sizes_stay_open(randomize):
    model = randomize(open_size())
    new, report = rewrite(model, keep)
    x = np.random.default_rng(0).normal(size=(2, 9, 7, 3)).astype("float32")
    np.testing.assert_array_equal(to_numpy(new(x)), to_numpy(model(x)))
    assert new.inputs[0].shape == (None, None, None, 3)
    assert report.macs_before is None


def test_masks_go_along(randomize):
    model = randomize(masked())
    new, _report = rewrite(model, keep)
    tokens = np.array([[1, 2, 3, 0, 0, 0], [4, 5, 6, 7, 8, 9]], "int32")
    np.testing.assert_array_equal(to_numpy(new(tokens)), to_numpy(model(tokens)))


def test_structures_of_inputs_and_outputs_are_kept():
    new, _report = rewrite(structured(), keep)
    assert set(new.input) == {"image", "extra"}
    assert set(new.output) == {"sum", "both"}
    assert len(new.output["both"]) == 2


def test_flags_regularizers_policies_and_seeds_are_kept():
    inner = layers.Conv2D(4, 3, kernel_regularizer=keras.regularizers.L2(0.125), name="conv", dtype="mixed_bfloat16")
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            inner,
            layers.BatchNormalization(name="bn"),
            layers.Dropout(0.5, seed=3, name="drop"),
            layers.Dense(2, name="fc", kernel_constraint="non_neg"),
        ]
    )
    model.get_layer("bn").trainable = False
    model.get_layer("fc").bias.trainable = False
    model(np.zeros((1, 8, 8, 3), "float32"), training=True)
    new, _report = rewrite(model, keep)
    conv = new.get_layer("conv")
    assert conv.kernel_regularizer.l2 == 0.125
    assert conv.dtype_policy.name == "mixed_bfloat16"
    assert new.get_layer("fc").kernel_constraint is not None
    assert [layer.trainable for layer in new.layers] == [True, False, True, True]
    assert [v.path for v in new.trainable_variables] == [v.path for v in model.trainable_variables]
    for old, copy in zip(model.variables, new.variables, strict=True):
        np.testing.assert_array_equal(copy.numpy(), old.numpy())
    np.testing.assert_allclose(*(to_numpy(sum(each.losses)) for each in (new, model)), rtol=1e-6)


def test_a_frozen_model_with_an_open_layer_keeps_both_flags():
    model = chain()
    model.trainable = False
    model.get_layer("conv").trainable = True
    new, _report = rewrite(model, keep)
    assert not new.trainable
    assert new.get_layer("conv").trainable


def test_what_is_attached_to_a_model_is_carried_over():
    model = model_file.attach(chain(), Metadata("chain", labels=("no", "yes")))
    new, _report = rewrite(model, keep)
    assert model_file.metadata_of(new).labels == ("no", "yes")


def test_a_chain_takes_a_layers_place(randomize, outputs_of):
    model = randomize(chain())
    kernel, bias = model.get_layer("conv").get_weights()

    def rule(site):
        if site.name != "conv":
            return None
        eye = np.eye(4, dtype="float32")[None, None]
        first = Part(layers.Conv2D(4, 3, use_bias=False, name="conv_a"), [kernel])
        return Replacement((first, Part(layers.Conv2D(4, 1, name="conv_b"), [eye, bias])), "put in two")

    new, report = rewrite(model, rule)
    assert isinstance(new, keras.Sequential)
    assert [layer.name for layer in new.layers] == ["conv_a", "conv_b", "act", "flat"]
    np.testing.assert_allclose(outputs_of(new)[0], outputs_of(model)[0], atol=1e-6)
    change = report.changes[0]
    assert (change.layer, change.kind, change.action, change.became) == (
        "conv",
        "Conv2D",
        "put in two",
        ("conv_a", "conv_b"),
    )
    assert (change.params_before, change.params_after) == (112, 108 + 20)
    assert (change.macs_before, change.macs_after) == (36 * 108, 36 * (108 + 16))


def in_terms(site):
    """A convolution as the sum of its first input channel's part and the others'."""
    kernel, bias = site.layer.get_weights()
    first = kernel * (np.arange(kernel.shape[2]) == 0)[:, None]
    same = {"padding": site.layer.padding, "kernel_size": 3}
    a = layers.Conv2D(kernel.shape[-1], use_bias=False, name=f"{site.layer.name}_a", **same)
    b = layers.Conv2D(kernel.shape[-1], name=f"{site.layer.name}_b", **same)
    total = layers.Add(name=f"{site.layer.name}_sum")
    parts = (Part(a, [first]), Part(b, [kernel - first, bias]), Part(total))
    return Replacement(parts, "split", apply=lambda x: total([a(x), b(x)]))


@pytest.mark.parametrize("make", [chain, shared, structured, nested, same_layer_inside_and_outside, functions])
def test_a_sum_takes_a_convolutions_place_wherever_it_is(make, randomize, outputs_of, fingerprint):
    model = randomize(make())
    before = fingerprint(model)
    new, report = rewrite(model, lambda site: in_terms(site) if isinstance(site.layer, layers.Conv2D) else None)
    assert fingerprint(model) == before
    assert len(report.changes) == 1
    for expected, got in zip(outputs_of(model), outputs_of(new), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-5)


def test_a_shared_layer_is_replaced_once_and_stays_shared(randomize):
    new, report = rewrite(randomize(shared()), lambda site: in_terms(site) if site.name == "conv" else None)
    assert len(report.changes) == 1
    assert report.params_after == 112 + 108
    assert len(new.get_layer("conv_a")._inbound_nodes) == 2
    assert report.changes[0].macs_before == 2 * 36 * 108


def test_nested_models_stay_nested_and_are_named_by_path(randomize):
    new, report = rewrite(randomize(nested()), lambda site: in_terms(site) if site.layer.name == "conv" else None)
    assert [layer.name for layer in new.layers] == ["x", "backbone", "act", "head"]
    assert isinstance(new.get_layer("head"), keras.Sequential)
    assert [change.layer for change in report.changes] == ["backbone/conv"]
    assert "conv_b" in [layer.name for layer in new.get_layer("backbone").layers]


def test_functions_that_a_replacement_makes_are_named_after_the_layer():
    def rule(site):
        return Replacement((), "by hand", apply=lambda x: keras.ops.relu(x) + 0.0) if site.name == "act" else None

    new, _report = rewrite(chain(), rule)
    assert [name.split("_")[0] for name in (node.operation.name for node in nodes(new))] == [
        "conv",
        "act",
        "act",
        "flat",
    ]


def test_a_frozen_layers_replacement_is_frozen():
    model = chain()
    model.get_layer("conv").trainable = False
    new, _report = rewrite(model, lambda site: in_terms(site) if site.name == "conv" else None)
    assert new.trainable_variables == []


def test_a_layer_is_taken_out(randomize, outputs_of):
    model = randomize(chain())
    new, report = rewrite(model, lambda site: Replacement((), "left out") if site.name == "act" else None)
    assert [layer.name for layer in new.layers] == ["conv", "flat"]
    np.testing.assert_array_equal(np.maximum(outputs_of(new)[0], 0), outputs_of(model)[0])
    assert report.changes[0].became == ()


def test_a_skipped_layer_stays_and_is_reported(randomize, outputs_of):
    model = randomize(chain())
    new, report = rewrite(model, lambda site: Skip("too small") if site.name == "conv" else None)
    np.testing.assert_array_equal(outputs_of(new)[0], outputs_of(model)[0])
    assert report.changes[0].skipped == "too small"
    assert report.changes[0].params_after == report.changes[0].params_before == 112


def test_training_that_a_call_fixed_reaches_the_replacement():
    x = keras.Input((4,), name="x")
    model = keras.Model(x, layers.Dropout(0.5, name="drop")(x, training=True))
    drop = layers.Dropout(0.9, seed=1, name="drop")
    new, _report = rewrite(model, lambda _site: Replacement((Part(layers.ReLU(name="r")), Part(drop)), "more"))
    assert np.mean(to_numpy(new(np.ones((100, 4)))) == 0) > 0.5


def test_the_rule_sees_each_layer_once_in_the_graphs_order():
    seen = []
    rewrite(nested(), lambda site: seen.append(site.name))
    assert seen == ["backbone/conv", "act", "head/flat", "head/fc"]
