"""FractalNet's drop-path: what is left of a join, and how often."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sepzoo.layers import ColumnDraw, DropPathJoin
from sepzoo.support.errors import SepzooError

SAMPLES = 4000
BRANCHES = [np.full((SAMPLES, 1, 1, 1), value, "float32") for value in (1.0, 10.0, 100.0)]
LOCAL = np.zeros((SAMPLES, 3), "float32")


def joined(layer, draw, branches=BRANCHES):
    return np.asarray(layer([*branches, draw], training=True)).ravel()


def test_outside_of_training_it_is_the_mean():
    layer = DropPathJoin([0, 1, 2], rate=0.9)
    assert np.unique(layer([*BRANCHES, LOCAL], training=False)).tolist() == [37.0]


def test_each_sample_keeps_the_mean_of_some_branches_and_never_none():
    values = np.round(joined(DropPathJoin([0, 1, 2], rate=0.5, seed=1), LOCAL), 4)
    assert set(values) == {1.0, 10.0, 100.0, 5.5, 50.5, 55.0, 37.0}


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.5])
def test_branches_are_lost_at_the_rate_but_for_the_last(rate):
    values = joined(DropPathJoin([0, 1, 2], rate=rate, seed=1), LOCAL)
    whole = np.mean(np.isclose(values, 37.0))
    single = np.mean([np.isclose(values, value) for value in (1.0, 10.0, 100.0)]) * 3
    assert whole == pytest.approx((1 - rate) ** 3, abs=0.03)
    assert single == pytest.approx(3 * rate**2 * (1 - rate) + rate**3, abs=0.03)


def test_a_sample_with_a_column_of_its_own_takes_that_branch():
    draw = np.eye(3, dtype="float32")[np.arange(SAMPLES) % 3]
    values = joined(DropPathJoin([0, 1, 2], rate=0.5), draw)
    assert values.tolist() == [(1.0, 10.0, 100.0)[i % 3] for i in range(SAMPLES)]
    two = joined(DropPathJoin([0, 2], rate=0.0), draw, BRANCHES[:2])
    assert two[0::3].tolist() == [1.0] * len(two[0::3])
    assert two[2::3].tolist() == [10.0] * len(two[2::3])
    assert set(two[1::3]) == {5.5}  # its column is not here: what comes out is used by no column of its own


def test_the_draw_gives_a_share_of_the_samples_one_column_each():
    layer = ColumnDraw(columns=4, share=0.25, seed=1)
    draw = np.asarray(layer(np.zeros((SAMPLES, 2, 2, 1), "float32"), training=True))
    assert draw.shape == (SAMPLES, 4)
    assert set(draw.sum(axis=1)) == {0.0, 1.0}
    np.testing.assert_allclose(draw.mean(axis=0), 0.25 / 4, atol=0.02)
    assert not np.asarray(layer(np.zeros((5, 2, 2, 1), "float32"), training=False)).any()


def test_one_draw_takes_a_sample_down_one_column_of_the_whole_network():
    image = keras.Input((1, 1, 1))
    draw = ColumnDraw(columns=2, share=1.0, seed=3)(image)
    x = image
    for stage in range(3):
        branches = [keras.layers.Rescaling(factor, name=f"s{stage}_{factor}")(x) for factor in (2.0, 3.0)]
        x = DropPathJoin([0, 1])([*branches, draw])
    values = np.ravel(keras.Model(image, x)(np.ones((64, 1, 1, 1), "float32"), training=True))
    assert set(values) == {8.0, 27.0}


def test_mixed_precision_and_file_round_trip(tmp_path):
    with_policy = {"dtype": "mixed_float16"}
    image = keras.Input((2, 2, 3))
    draw = ColumnDraw(2, share=0.3, seed=5, **with_policy)(image)
    model = keras.Model(image, DropPathJoin([1, 0], rate=0.2, seed=4, **with_policy)([image, image, draw]))
    assert model.output.dtype == "float16"
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert [layer.get_config() for layer in again.layers] == [layer.get_config() for layer in model.layers]
    x = np.random.default_rng(0).random((2, 2, 2, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(again(x, training=True)), x, atol=1e-3)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DropPathJoin([0], rate=1.0), "expected a drop rate in [0, 1). Received: rate=1.0."),
        (lambda: ColumnDraw(2, share=1.5), "expected a share of samples in [0, 1]. Received: share=1.5."),
    ],
)
def test_what_is_refused_is_said(make, text):
    with pytest.raises(SepzooError) as raised:
        make()
    assert text in str(raised.value)
