"""How far answers are from others, held against SciPy's figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from sepzoo.records.outputs import Output
from sepzoo.shrinking.divergence import Distance, distance


def test_of_several_outputs_each_sample_has_its_sum() -> None:
    generator = np.random.default_rng(0)
    logits, others = generator.normal(size=(2, 20, 5))
    labels, near = special.expit(generator.normal(size=(2, 20, 3)))
    values, off = generator.normal(size=(2, 20, 4, 2))
    found = distance(
        [Output("logits"), Output("multilabel"), Output("values")], [logits, labels, values], [others, near, off]
    )
    right, given = special.softmax(logits, axis=1), special.softmax(others, axis=1)
    pairs = special.rel_entr(labels, near) + special.rel_entr(1 - labels, 1 - near)
    squares = ((values - off) ** 2).reshape(20, -1).sum(axis=1)
    spread = values.reshape(20, -1).var(axis=0).mean()
    expected = special.rel_entr(right, given).sum(axis=1) + pairs.sum(axis=1) + squares / (2 * spread)
    np.testing.assert_allclose(found.divergences, expected, rtol=1e-6)
    assert found.divergence == pytest.approx(expected.mean())
    named = [logits.argmax(axis=1) == others.argmax(axis=1), (labels > 0.5) == (near > 0.5)]
    assert found.agreement == pytest.approx(np.mean([each.mean() for each in named]))


def test_where_no_class_is_named_all_agree() -> None:
    assert distance([Output("values")], [np.eye(3)], [np.ones((3, 3))]).agreement == 1.0


@pytest.mark.parametrize("more", [0.0, 0.05, 0.2, 0.4])
def test_beyond_chance_is_what_is_more_than_a_standard_error_of_the_pairs(more: float) -> None:
    near, chance = np.random.default_rng(1).gamma(1.0, size=(2, 30))
    pairs = more + chance - chance.mean()
    far = Distance(near + pairs, 1.0)
    assert far.is_beyond(Distance(near, 1.0)) == (more > stats.sem(pairs))
    assert not Distance(near, 1.0).is_beyond(far)


def test_of_one_sample_any_difference_counts() -> None:
    one, two = (Distance(np.array([each]), 1.0) for each in (0.1, 0.2))
    assert (two.is_beyond(one), one.is_beyond(two)) == (True, False)
