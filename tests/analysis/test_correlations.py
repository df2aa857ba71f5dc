"""First-component shares of trained kernels, against an eigenvalue decomposition by hand."""

from __future__ import annotations

import csv
import json

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo.analysis import (
    costs_to_csv,
    kernel_correlations,
    plot_costs,
    plot_kernel_correlations,
    plot_kernels,
    profile,
)
from sepzoo.layers import BSConvU
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import decouple


def one(kernel, **arguments):
    height, width, inputs, filters = kernel.shape
    inputs *= arguments.get("groups", 1)
    layer = layers.Conv2D(filters, (height, width), use_bias=False, name="conv", **arguments)
    model = keras.Sequential([keras.Input((9, 9, inputs)), layer], name="one")
    layer.set_weights([kernel])
    return model


def explained(samples):
    """The first explained-variance ratio of a principal component analysis."""
    values = np.linalg.eigvalsh(np.cov(samples.T, bias=True))
    return values[-1] / values.sum()


def test_shares_are_those_of_a_principal_component_analysis():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 6, 5)) + 0.5
    found = kernel_correlations(one(kernel)).layers[0]
    filters = [kernel[..., o].reshape(9, 6).T for o in range(5)]
    inputs = [kernel[:, :, i].reshape(9, 5).T for i in range(6)]
    assert found.along_depth_centred == pytest.approx(np.mean([explained(each) for each in filters]), rel=1e-5)
    assert found.across_kernels_centred == pytest.approx(np.mean([explained(each) for each in inputs]), rel=1e-5)
    for share, matrices in ((found.along_depth, filters), (found.across_kernels, inputs)):
        squares = [np.linalg.svd(each, compute_uv=False) ** 2 for each in matrices]
        assert share == pytest.approx(np.mean([each[0] / each.sum() for each in squares]), rel=1e-5)
    assert (found.inputs, found.filters, found.window) == (6, 5, (3, 3))


def test_each_separation_is_recognized():
    generator = np.random.default_rng(0)
    blueprints = generator.normal(size=(3, 3, 1, 8)) * generator.normal(size=(1, 1, 8, 8))
    shared = generator.normal(size=(3, 3, 8, 1)) * generator.normal(size=(1, 1, 8, 8))
    along, across = (kernel_correlations(one(kernel)).layers[0] for kernel in (blueprints, shared))
    assert (along.fits, across.fits) == ("pw_dw", "dw_pw")
    assert along.along_depth == pytest.approx(1.0)
    assert across.across_kernels == pytest.approx(1.0)
    assert across.along_depth < 0.9


def test_the_uncentred_share_is_what_one_term_keeps():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 6, 5))
    kernel /= np.sqrt(np.sum(kernel**2, axis=(0, 1, 2)))  # so that every filter counts alike
    model = one(kernel)
    error = decouple(model, terms=1, order="pw_dw", only_if_cheaper=False)[1].layers[0].kernel_error
    assert kernel_correlations(model).layers[0].along_depth == pytest.approx(1 - error, rel=1e-5)


def test_a_mean_is_no_correlation_when_it_is_taken_off():
    kernel = np.broadcast_to(np.random.default_rng(0).normal(size=(3, 3, 1, 1)), (3, 3, 6, 5))
    found = kernel_correlations(one(kernel)).layers[0]
    assert found.along_depth == pytest.approx(1.0)
    assert found.along_depth_centred is None
    assert kernel_correlations(one(np.zeros((3, 3, 6, 5)))).layers[0].along_depth is None


def test_chance_is_what_random_kernels_give():
    found = kernel_correlations(one(np.random.default_rng(0).normal(size=(3, 3, 16, 32)))).layers[0]
    assert found.along_depth == pytest.approx(found.chance_along_depth, rel=0.05)
    assert found.across_kernels == pytest.approx(found.chance_across_kernels, rel=0.1)


def test_groups_are_looked_at_apart():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4))
    found = kernel_correlations(one(kernel, groups=2)).layers[0]
    halves = [kernel_correlations(one(kernel[..., half])).layers[0] for half in (slice(2), slice(2, 4))]
    assert found.along_depth == pytest.approx(np.mean([half.along_depth for half in halves]))
    assert found.across_kernels == pytest.approx(np.mean([half.across_kernels for half in halves]))


def test_depthwise_kernels_are_one_bank():
    inputs = keras.Input((9, 9, 4))
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="dw")(inputs)
    x = BSConvU(6, 3, name="bs")(layers.SeparableConv2D(4, 3, name="sep")(x))
    inner = keras.Input((3, 3, 6))
    x = keras.Model(inner, layers.Conv2D(2, 3, name="conv")(inner), name="net")(x)
    model = keras.Model(inputs, x)
    found = kernel_correlations(model).layers
    assert [(each.layer, each.filters) for each in found] == [
        ("dw", 8),
        ("sep", 8),
        ("bs_depthwise", 6),
        ("net/conv", 2),
    ]
    bank = np.moveaxis(model.get_layer("dw").get_weights()[0], (2, 3), (0, 1)).reshape(8, 9)
    assert found[0].along_depth_centred == pytest.approx(explained(bank), rel=1e-5)
    assert (found[0].across_kernels, found[0].fits) == (None, "")


def test_as_table_csv_and_json(tmp_path):
    found = kernel_correlations(one(np.random.default_rng(0).normal(size=(3, 3, 6, 5))))
    assert str(found).splitlines()[1].startswith(f"conv   Conv2D  3x3x6x5        {found.layers[0].along_depth:.3f}")
    with found.to_csv(tmp_path / "shares.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["layer"], row["window"], float(row["along_depth"])) == ("conv", "3x3", found.layers[0].along_depth)
    assert json.loads(found.to_json())["layers"][0]["fits"] == row["fits"]


def test_pictures_are_written(tmp_path):
    from PIL import Image

    model = one(np.random.default_rng(0).normal(size=(3, 3, 6, 5)))
    paths = (
        plot_kernel_correlations(kernel_correlations(model), tmp_path / "shares.png"),
        plot_kernels(model, "conv", tmp_path / "kernels.png", filters=2, slices=3),
        plot_costs(profile(model), tmp_path / "costs.png"),
    )
    for path in paths:
        with Image.open(path) as picture:
            assert min(picture.size) > 100
            assert len(picture.convert("L").getcolors()) > 10
    text = costs_to_csv(profile(model), tmp_path / "costs.csv").read_text().splitlines()
    assert text == ["name,kind,output_shape,params,macs,bytes", "conv,Conv2D,7x7x5,270,13230,980"]


def test_kernels_are_drawn_in_the_order_of_their_norms_on_one_scale(tmp_path, drawn):
    draw = np.random.default_rng(1)
    kernel = draw.normal(size=(3, 3, 6, 5)) * draw.permutation(6)[:, None] * (1 + draw.permutation(5))
    plot_kernels(one(kernel), "conv", tmp_path / "kernels.png", filters=3, slices=4)
    *pictures, scale = drawn[0].axes
    rows = [pictures[5 * row : 5 * row + 5] for row in range(3)]
    norms = [np.linalg.norm(kernel[..., number]) for number in range(5)]
    shown = [int(row[0].get_ylabel().removeprefix("filter ")) for row in rows]
    assert shown == sorted(range(5), key=lambda number: -norms[number])[:3]
    assert [axes.get_title() for axes in rows[0]] == ["blueprint", "slice 1", "slice 2", "slice 3", "slice 4"]
    for row, number in zip(rows, shown, strict=True):
        channels = [int(axes.get_xlabel().removeprefix("channel ")) for axes in row[1:]]
        sizes = [np.linalg.norm(kernel[..., channel, number]) for channel in range(6)]
        assert channels == sorted(range(6), key=lambda channel: -sizes[channel])[:4]
        for axes, channel in zip(row[1:], channels, strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), kernel[..., channel, number], rtol=1e-6)
    assert len({axes.images[0].get_clim() for axes in pictures}) == 1
    assert scale.get_ylabel() == "weight"
    assert "largest norm first" in drawn[0].get_supxlabel()


def test_a_blueprint_is_as_strong_as_in_the_slice_that_holds_most_of_it(tmp_path, drawn):
    pattern, strengths = np.random.default_rng(2).normal(size=(3, 3)), np.array([0.5, 3.0, 1.0])
    plot_kernels(one((pattern[..., None] * strengths)[..., None]), "conv", tmp_path / "kernels.png")
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array(), 3 * pattern, rtol=1e-5)


def test_costs_are_written_out(tmp_path, drawn):
    plot_costs(profile(one(np.ones((3, 3, 600, 500)))), tmp_path / "costs.png")
    labels = [label.get_text() for label in drawn[0].axes[0].get_xticklabels()]
    assert any(label.count(",") == 2 for label in labels)
    assert [axes.xaxis.get_offset_text().get_text() for axes in drawn[0].axes] == ["", ""]


def test_bad_models(tmp_path):
    with pytest.raises(SepzooError, match=r"expected a model with a convolution of more than 1 x 1\."):
        kernel_correlations(one(np.zeros((1, 1, 6, 5))))
    with pytest.raises(SepzooError, match="Received: NaN or infinite values in 'conv'"):
        kernel_correlations(one(np.full((3, 3, 6, 5), np.nan)))
    with pytest.raises(SepzooError, match=r"unknown layer 'cnv'\. Did you mean conv\?"):
        plot_kernels(one(np.zeros((3, 3, 6, 5))), "cnv", tmp_path / "a.png")
    with pytest.raises(SepzooError, match="expected a layer with k x k kernels over several channels"):
        plot_kernels(one(np.zeros((1, 1, 6, 5))), "conv", tmp_path / "a.png")


def test_a_layer_that_is_called_twice_is_measured_once():
    conv = layers.Conv2D(3, 3, padding="same", name="conv")
    x = keras.Input((9, 9, 3))
    assert len(kernel_correlations(keras.Model(x, conv(conv(x)))).layers) == 1
