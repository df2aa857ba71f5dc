"""The report of surgery, printed and as JSON."""

from __future__ import annotations

import json

import keras
from keras import layers

from sepzoo.surgery import Part, Replacement, Skip, rewrite


def model(shape=(8, 8, 3)):
    stack = [layers.Conv2D(4, 3, name="conv"), layers.ReLU(name="act"), layers.GlobalMaxPooling2D(name="pool")]
    return keras.Sequential([keras.Input(shape), *stack], name="net")


def rule(site):
    if site.name == "conv":
        pointwise = Part(layers.Conv2D(4, 1, use_bias=False, name="conv_pointwise"))
        return Replacement((pointwise, Part(layers.DepthwiseConv2D(3, name="conv_depthwise"))), "made a BSConv-U")
    return Skip("nothing to do") if site.name == "act" else None


TABLE = """\
layer  kind    what was done           params            MACs
conv   Conv2D  made a BSConv-U      112 -> 52  3,888 -> 2,064
act    ReLU    kept: nothing to do     0 -> 0          0 -> 0
net                                 112 -> 52  3,888 -> 2,064"""


def test_printed_as_a_table():
    assert str(rewrite(model(), rule)[1]) == TABLE


def test_counts_are_unknown_where_the_size_is_open():
    report = rewrite(model((None, None, 3)), rule)[1]
    assert (report.macs_before, report.macs_after, report.changes[0].macs_after) == (None, None, None)
    assert "112 -> 52  ? -> ?" in str(report)


def test_as_json():
    read = json.loads(rewrite(model(), rule)[1].to_json())
    assert read["changes"][0] == {
        "layer": "conv",
        "kind": "Conv2D",
        "action": "made a BSConv-U",
        "skipped": "",
        "became": ["conv_pointwise", "conv_depthwise"],
        "params_before": 112,
        "params_after": 52,
        "macs_before": 3888,
        "macs_after": 2064,
    }
    assert (read["model"], read["params_before"], read["params_after"]) == ("net", 112, 52)


def test_two_operations_in_a_row():
    first_model, first = rewrite(model(), rule)
    second = rewrite(first_model, lambda site: Skip("left") if site.name == "conv_depthwise" else None)[1]
    both = first.followed_by(second)
    assert [change.layer for change in both.changes] == ["conv", "act", "conv_depthwise"]
    assert (both.params_before, both.params_after, both.macs_before, both.macs_after) == (112, 52, 3888, 2064)
