from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepzoo import SepzooError
from sepzoo.shrinking import Budget
from sepzoo.shrinking.budget import parse_limit, shown


def test_shares_are_of_the_original() -> None:
    budget = Budget(macs="25%", kib=3, latency_ms="50 %")
    assert budget.limits({"macs": 400.0, "kib": 9.0, "latency_ms": 0.5}) == {"macs": 100, "kib": 3, "latency_ms": 0.25}


@pytest.mark.parametrize("limit", [0, -1, "0%", "101%", "half", True, float("nan"), float("inf"), "%", 10**400])
def test_what_is_no_limit(limit: object) -> None:
    with pytest.raises(SepzooError, match="expected macs as a number of multiply-accumulates above 0, or a share"):
        Budget(macs=limit)  # type: ignore[arg-type]


def test_multiply_accumulates_may_stand_for_time() -> None:
    budget = Budget(latency_ms="50%", kib=3)
    assert budget.by("measured") is budget
    assert budget.by("macs") == Budget(macs="50%", kib=3)
    assert Budget(kib=3).by("macs") == Budget(kib=3)


@pytest.mark.parametrize(
    ("budget", "costs", "message"),
    [
        (Budget(latency_ms=2.0), "macs", r"expected a share of the latency, such as '50%', .* Received: 2\.0 ms\."),
        (Budget(latency_ms="50%", macs=9), "macs", r"expected one limit where multiply-accumulates stand for time\."),
        (Budget(macs=9), "flops", r"unknown costs 'flops'"),
    ],
)
def test_what_can_not_stand_for_time(budget: Budget, costs: str, message: str) -> None:
    with pytest.raises(SepzooError, match=message):
        budget.by(costs)  # type: ignore[arg-type]


def test_no_limit_at_all() -> None:
    with pytest.raises(SepzooError, match="expected a budget of latency, size, multiply-accumulates or memory"):
        Budget()


@pytest.mark.parametrize(
    ("text", "resource", "limit"),
    [
        ("50%", "macs", "50%"),
        ("6,000_000", "macs", 6e6),
        ("300KiB", "kib", 300.0),
        ("2.5 ms", "latency_ms", 2.5),
        ("64kib", "ram_kib", 64.0),
        (None, "kib", None),
    ],
)
def test_limits_of_the_command_line(text: str | None, resource: str, limit: object) -> None:
    assert parse_limit(text, "--size", resource) == limit


@pytest.mark.parametrize("text", ["2MB", "1,5KiB", "1,50", "12,34,567", "0,125 KiB x", "1,000,5"])
def test_another_unit_or_a_comma_for_a_point_is_refused(text: str) -> None:
    with pytest.raises(SepzooError, match=rf"expected --size such as 50% or 300KiB\. Received: '{text}'\."):
        parse_limit(text, "--size", "kib")


@pytest.mark.parametrize(
    ("text", "option", "resource"),
    [
        ("0", "--latency", "latency_ms"),
        ("-3KiB", "--size", "kib"),
        ("150%", "--ram", "ram_kib"),
        ("nan", "--macs", "macs"),
    ],
)
def test_a_limit_of_the_command_line_is_called_by_its_option(text: str, option: str, resource: str) -> None:
    with pytest.raises(SepzooError, match=rf"^expected {option} as a number of .* above 0, or a share up to 100 %"):
        parse_limit(text, option, resource)


@pytest.mark.parametrize(("limit", "share"), [(0.5, "50%"), (0.125, "12.5%"), (0.999, "99.9%")])
def test_part_of_a_multiply_accumulate_is_told_how_a_share_is_written(limit: float, share: str) -> None:
    told = rf"as a number of multiply-accumulates, 1 or more\. Received: {limit}\. A share .* is written '{share}'\.$"
    with pytest.raises(SepzooError, match=f"^expected macs {told}"):
        Budget(macs=limit)
    with pytest.raises(SepzooError, match=f"^expected --macs {told}"):
        parse_limit(str(limit), "--macs", "macs")


@settings(max_examples=60, deadline=None)
@given(value=st.floats(2e-3, 1e6), resource=st.sampled_from(("macs", "kib", "latency_ms", "ram_kib")))
def test_the_least_that_is_needed_is_enough_as_it_is_shown(value: float, resource: str) -> None:
    told = float(shown(resource, value, least=True).split()[0].replace(",", ""))
    step = {"macs": 1.0, "latency_ms": 0.01 * value}.get(resource, 0.1)
    assert value * (1 - 1e-8) <= told <= value + step + 1e-8
