"""NASNet against keras.applications: cells of both kinds, even and odd sizes, both ways to go on from a reduction."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras.src.applications.nasnet import NASNet

from sepzoo import SepzooError
from sepzoo.applications import build, load_weights
from sepzoo.weights.reading import named_arrays
from tests.parity.models import assert_same_outputs, images, randomized


@pytest.mark.slow
@pytest.mark.parametrize(("size", "skips"), [(64, False), (75, True)])
def test_moved_weights_give_the_same_outputs(doubles, tmp_path, size, skips):
    shape = {"input_shape": (size, size, 3), "classes": 7, "classifier_activation": None}
    theirs = NASNet(
        penultimate_filters=96, num_blocks=2, stem_block_filters=8, skip_reduction=skips, weights=None,
        default_size=size, include_top=True, **shape,
    )  # fmt: skip
    randomized(theirs)
    ours = build("nasnet_mobile", channels=4, units=(2, 2, 2), stem=8, skip_reduction=skips, **shape)
    report = load_weights(ours, named_arrays(theirs), origin="keras")
    assert len(report.matched) == len(theirs.weights) == len(ours.weights)
    assert report.in_order == ()
    assert_same_outputs(ours, theirs, images(size))
    if not skips:
        theirs.save(tmp_path / "theirs.h5")
        again = build("nasnet_mobile", channels=4, units=(2, 2, 2), stem=8, **shape, weights=tmp_path / "theirs.h5")
        np.testing.assert_array_equal(again(images(size)), ours(images(size)))


@pytest.mark.parametrize(("name", "count"), [("nasnet_mobile", 160), ("nasnet_large", 220)])
def test_separable_convolutions(name, count):
    with keras.StatelessScope(initialize_variables=False):
        model = build(name)
    keras.utils.clear_session(free_memory=False)
    assert sum(type(layer) is keras.layers.SeparableConv2D for layer in model.layers) == count


def test_mistakes():
    with pytest.raises(SepzooError, match=r"multiple of 4\. Received: channels=6\."):
        build("nasnet_mobile", channels=6)
    with pytest.raises(SepzooError, match=r"expected a height and a width.* Received: input_shape=\(None, 64, 3\)\."):
        build("nasnet_mobile", input_shape=(None, 64, 3))
