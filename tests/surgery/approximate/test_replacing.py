"""Dense convolutions replaced by another kind, by the BSConv authors' rules."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from sepzoo import applications
from sepzoo.analysis import profile
from sepzoo.layers import PRESETS
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import replace
from tests.models import shared
from tests.surgery.networks import nested, single, stack


@pytest.mark.slow
@pytest.mark.parametrize(
    ("input_bn", "before", "after"), [(False, 21_797_672, 1_929_384), (True, 21_797_678, 1_929_390)]
)
def test_the_authors_own_example(input_bn, before, after):
    """ResNet-34, BSConv-S by default: the counts of their program, which also counts the root as replaced."""
    model = applications.build("resnet34", input_batch_norm=input_bn)
    trainable = sum(v.shape.num_elements() for v in model.trainable_variables)
    assert trainable == before
    new, report = replace(model, "bsconv_s")
    assert sum(v.shape.num_elements() for v in new.trainable_variables) == after
    assert len([change for change in report.changes if change.action]) == 32
    assert [change.skipped for change in report.changes if change.skipped] == ["its window is 7 x 7"] + 3 * [
        "its window is 1 x 1"
    ]
    again, second = replace(new, "bsconv_s")
    assert not any(change.action for change in second.changes)
    assert again.count_params() == new.count_params()


@pytest.mark.parametrize("kind", [kind for kind in PRESETS if kind != "regular"])
def test_every_kind_takes_what_the_layer_had(kind):
    options = {"segments": 2} if kind == "inception" else {"cardinality": 2} if kind == "resnext" else {}
    model = single(
        shape=(9, 8, 8),
        filters=12,
        strides=2,
        padding="same",
        activation="relu",
        use_bias=False,
        kernel_regularizer=keras.regularizers.L2(0.5),
        dtype="mixed_bfloat16",
    )
    model.get_layer("conv").trainable = False
    new, report = replace(model, kind, conv_options=options, only_if_cheaper=False)
    layer = new.get_layer("conv")
    assert report.changes[0].action == f"now {kind}, with initial weights"
    assert (layer.strides, layer.padding, layer.use_bias, layer.trainable) == ((2, 2), "same", False, False)
    assert layer.activation is keras.activations.relu
    assert layer.pointwise_regularizer.l2 == 0.5
    assert layer.dtype_policy.name == "mixed_bfloat16"
    assert report.macs_after == profile(new).macs


def test_nested_and_shared_layers():
    assert replace(nested(), "bsconv_u")[0].get_layer("net").get_layer("conv").name == "conv"
    assert len(replace(shared(5, 7), "bsconv_u")[0].get_layer("conv")._inbound_nodes) == 2


def test_windows_groups_and_names_decide():
    x = keras.Input((16, 16, 4))
    y = layers.Conv2D(4, 5, name="five")(x)
    y = layers.Conv2D(4, (1, 3), name="flat")(y)
    y = layers.Conv2D(4, 3, groups=2, name="grouped")(y)
    y = layers.Conv2D(4, 1, name="one")(layers.Conv2D(4, 3, name="three")(y))
    model = keras.Model(x, y)

    def replaced(**arguments):
        return [change.layer for change in replace(model, "bsconv_u", **arguments)[1].changes if change.action]

    assert replaced() == ["five", "three"]
    assert replaced(kernel_sizes=None, only_if_cheaper=False) == ["five", "flat", "three", "one"]
    assert replaced(kernel_sizes=[(1, 3)]) == ["flat"]
    assert replaced(keep="f*") == ["three"]


def test_a_second_pass_changes_nothing():
    once, _report = replace(stack(), "separable")
    assert [change.action for change in replace(once, "bsconv_s")[1].changes] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"kind": "bsconv"}, "unknown kind of convolution 'bsconv'. Did you mean bsconv_u, bsconv_s?"),
        ({"kind": "regular"}, "expected a kind that separates convolutions. Received: kind='regular'."),
        ({"kind": "bsconv_u", "conv_options": {"q": 1}}, "unknown option of kind 'bsconv_u': 'q'."),
        ({"kind": "inception", "conv_options": {"segments": 3}}, "layer 'conv1': kind 'inception': expected a number"),
        *(
            ({"kind": "bsconv_u", "kernel_sizes": sizes}, "expected kernel_sizes such as ((3, 3), (5, 5)), of series")
            for sizes in ((3, 3), ("3",), ((),), ((3, 3, 3),), ((0,),), ((3, 1.0),))
        ),
        ({"kind": "bsconv_u", "keep": ["cnv"]}, "unknown layer to keep 'cnv'."),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(SepzooError) as error:
        replace(stack(), **arguments)
    assert str(error.value).startswith(text)
