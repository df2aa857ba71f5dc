"""A model's budget spread over its layers: within it, better than the same everywhere, and said."""

from __future__ import annotations

import keras
import pytest

from sepzoo.analysis import profile
from sepzoo.surgery import decouple
from tests.surgery.images import smooth
from tests.surgery.networks import nested, stack


@pytest.mark.slow
@pytest.mark.parametrize("order", ["pw_dw", "dw_pw"])
@pytest.mark.parametrize("data", [None, smooth((12, 12, 6))], ids=["data_free", "data"])
def test_a_budget_beats_equal_terms_of_the_same_cost(order, data, randomize):
    model = randomize(stack())
    whole = profile(model).macs
    uniform = decouple(model, order=order, terms=2, data=data)[1].uniform
    for choice in uniform[1:4]:
        new, report = decouple(model, order=order, macs=choice.macs / whole + 1e-9, data=data)
        assert profile(new).macs == report.macs_after <= choice.macs
        same = next(each for each in report.uniform if each.terms == choice.terms)
        assert report.total_error <= same.error
        assert report.total_error == pytest.approx(sum(each.kernel_error for each in report.layers)) or data is not None


def test_the_whole_budget_leaves_all_dense(randomize):
    model = randomize(stack())
    new, report = decouple(model, macs=1.0)
    assert report.total_error == 0.0
    assert [change.skipped for change in report.changes if change.skipped] == ["the budget leaves it dense"] * 3
    assert profile(new).macs == profile(model).macs


def test_layers_that_run_twice_are_counted_twice(randomize):
    model = randomize(nested())
    new, report = decouple(model, macs=0.7, order="dw_pw")
    assert profile(new).macs <= 0.7 * profile(model).macs
    assert report.macs_before == profile(model).macs


def test_the_report_shows_equal_terms_beside_the_budget(randomize):
    report = decouple(randomize(stack()), macs=0.6)[1]
    text = str(report)
    assert f"total error {report.total_error:.4f}; with the same number of terms in every layer:" in text
    assert text.splitlines()[-9].split() == ["1", f"{report.uniform[0].macs:,}", f"{report.uniform[0].error:.4f}"]
    assert '"kernel_error"' in report.to_json()


def test_keras_is_not_asked_for_more_than_it_has():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="fc")])
    new, report = decouple(model, macs=1.0)
    assert (report.layers, report.uniform, report.total_error) == ((), (), 0)
    assert [layer.name for layer in new.layers] == ["fc"]
