"""Importances held against NumPy, differences and brute force."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from sepzoo import SepzooError, surgery
from sepzoo.surgery.algebra.elimination import LinearMap, elimination_order
from sepzoo.surgery.pruning.coupling import couple
from sepzoo.surgery.pruning.importance import magnitudes, output_errors
from sepzoo.surgery.pruning.taylor import taylor_scores
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.plan import Plan
from tests.surgery.pruning import networks


def linear_error(x, y, columns):
    """Return the squared error of the best linear map from some columns."""
    found = np.linalg.lstsq(x[:, columns], y, rcond=None)[0]
    return float(np.sum((y - x[:, columns] @ found) ** 2)) / float(np.sum(y**2))


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_elimination_gives_the_errors_of_least_squares(width, seed):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(400, 10)) @ generator.normal(size=(10, 10))
    matrix = generator.normal(size=(10, 3))
    rows = generator.permutation(10).reshape(-1, width)
    given = LinearMap(x.T @ x, matrix, rows, float(np.sum((x @ matrix) ** 2)))
    order, added = elimination_order([given])
    assert sorted(order.tolist()) == list(range(len(rows)))
    total = np.cumsum(added)
    for count in range(1, len(rows)):
        left = np.sort(rows[order[count:]].ravel())
        assert total[count - 1] == pytest.approx(linear_error(x, x @ matrix, left), rel=1e-6)
        if count == 1:
            others = [np.sort(np.delete(rows, each, axis=0).ravel()) for each in range(len(rows))]
            assert total[0] == pytest.approx(min(linear_error(x, x @ matrix, each) for each in others), rel=1e-6)
    assert total[-1] == pytest.approx(1.0)


def test_inputs_too_many_to_fit_count_by_themselves():
    generator = np.random.default_rng(0)
    x, matrix = generator.normal(size=(50, 6)), generator.normal(size=(6, 2))
    rows = np.arange(6).reshape(3, 2)
    blocks = np.stack([x[:, each].T @ x[:, each] for each in rows])
    order, added = elimination_order([LinearMap(blocks, matrix, rows, 2.0)])
    expected = [float(np.sum((x[:, each] @ matrix[each]) ** 2)) / 2.0 for each in rows]
    np.testing.assert_allclose(added, sorted(expected))
    assert order.tolist() == np.argsort(expected).tolist()


def test_magnitudes_are_shares_of_squared_weights():
    model = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(5, 3, name="a"), layers.Conv2D(2, 1, name="b")])
    scores = magnitudes(couple(Plan(model)))
    first, second = (layer.kernel.numpy() ** 2 for layer in model.layers)
    given, taken = first.sum(axis=(0, 1, 2)), second.sum(axis=(0, 1, 3))
    np.testing.assert_allclose(scores, np.sqrt(given / given.sum() * taken / taken.sum()), rtol=1e-5)


def with_factor(model, coupling, number, factor, images):
    """Run a copy in which the layers behind a set of channels see it weakened."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for each in coupling.layers:
        if each.anatomy.role == "mixing":
            kernel = copy.get_layer(each.site.name).kernel
            value = kernel.numpy()
            value[..., each.inputs == number, :] *= factor
            kernel.assign(value)
    return keras.ops.convert_to_numpy(copy(images, training=False)).astype("float64")


@pytest.mark.slow
@pytest.mark.parametrize("labelled", [False, True])
def test_taylor_is_the_derivative_by_a_factor(labelled, randomize):
    model = randomize(networks.residual())
    model.get_layer("fc").kernel.assign(0.1 * model.get_layer("fc").kernel)  # probabilities that are not all 0 or 1
    images = np.random.default_rng(0).uniform(-1, 1, (400, 12, 12, 3)).astype("float32")[: 8 if labelled else 400]
    labels = np.arange(len(images)) % 4
    coupling = couple(Plan(model))
    scores = taylor_scores(model, coupling, ModelInputs((images,)), labels if labelled else None)
    for number in (0, 9, 17, 30):
        above, below = (with_factor(model, coupling, number, factor, images) for factor in (1.01, 0.99))
        if labelled:
            above, below = (-np.log(each[np.arange(len(labels)), labels])[:, None] for each in (above, below))
            allowed = 0.05
        else:  # the mean over random signs is the squared length
            above, below = 2 * np.sqrt(above), 2 * np.sqrt(below)
            allowed = 0.15
        slope = (above - below) / 0.02
        assert scores[number] == pytest.approx(float(np.mean(np.sum(slope**2, axis=1))), rel=allowed)


def twins():
    """Two pairs of channels of which one is a multiple of the other, in a layer of six."""
    source = keras.Input((6, 6, 3), name="image")
    x = layers.ReLU(name="relu")(layers.Conv2D(6, 3, name="conv")(source))
    model = keras.Model(source, layers.Conv2D(4, 1, name="last")(x), name="twins")
    kernel, bias = model.get_layer("conv").get_weights()
    bias = np.random.default_rng(1).normal(size=6) * 0.1
    kernel[..., 4], bias[4] = 2.0 * kernel[..., 1], 2.0 * bias[1]
    kernel[..., 5], bias[5] = 0.5 * kernel[..., 3], 0.5 * bias[3]
    model.get_layer("conv").set_weights([kernel, bias])
    return model


def test_of_two_channels_that_say_the_same_one_goes_and_nothing_is_lost():
    model = twins()
    images = np.random.default_rng(0).normal(size=(64, 6, 6, 3)).astype("float32")
    (ranking,) = output_errors(model, couple(Plan(model)), ModelInputs((images,)))
    first = set(ranking.sets[:2].tolist())
    assert len(first & {1, 4}) == len(first & {3, 5}) == 1
    assert ranking.losses[:2].max() < 1e-3 < 0.01 < ranking.losses[2:].min()
    pruned, report = surgery.prune_channels(model, ratios=0.34, data=images)
    assert pruned.get_layer("conv").filters == 4
    expected = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(pruned(images)), expected, atol=5e-3 * float(np.abs(expected).max())
    )
    (refit,) = report.refits
    assert refit.layer == "last"
    assert refit.error_after < 1e-5 < 0.01 < refit.error_before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"importance": "taylor"},
            r"^expected data= for importance='taylor'\. Received: none\. Or take",
        ),
        ({"importance": "size"}, r"^unknown importance 'size'\. Known: magnitude, output_error, taylor\.$"),
        ({"labels": [0]}, r"^expected labels= beside importance='taylor' alone\. Received: importance='magnitude'\.$"),
        (
            {"data": "ok", "importance": "taylor", "labels": [0, 4]},
            r"class numbers from 0 to 3 as labels\. Receiv",
        ),
        ({"data": "ok", "importance": "taylor", "labels": [0]}, r"^expected 2 class numbers .* of shape \(1,\)\.$"),
        ({"data": "bad"}, r"^expected samples of shape \(n, 12, 12, 3\) for 'residual', at least one\. Received: "),
    ],
)
def test_mistakes(arguments, message):
    if "data" in arguments:
        arguments = {**arguments, "data": np.zeros((2, 12, 12, 3 if arguments["data"] == "ok" else 1), "float32")}
    with pytest.raises(SepzooError, match=message):
        surgery.prune_channels(networks.residual(), ratios=0.5, **arguments)


def test_labels_need_classes():
    with pytest.raises(
        SepzooError, match=r"^expected labels= for a model that gives one softmax or logits\. Received: "
    ):
        surgery.prune_channels(
            networks.u_net(), ratios=0.5, importance="taylor", data=np.zeros((2, 16, 16, 3)), labels=[0, 1]
        )
