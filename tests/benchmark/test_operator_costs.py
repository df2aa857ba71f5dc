"""Times of operators: measured once, kept on disk, in turns with a reference."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sepzoo.benchmark import Costs, Operator, make_operator, operator_costs, operator_file
from sepzoo.benchmark.cost_table import CostTable
from sepzoo.benchmark.machine import Machine, this_machine
from sepzoo.benchmark.operator_timing import CALL, Timing, time_operators
from sepzoo.benchmark.turns import times_in_turns
from sepzoo.support.errors import SepzooError

SMALL = make_operator("conv", (1, 4, 4, 8), filters=8)
LARGE = make_operator("conv", (1, 64, 64, 32), filters=32, kernel_size=3)

Measured = list[Operator]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """What was measured; each operator takes 3 milliseconds, 1 of which is the call's price, and the reference 1, and
    each time all twice as long.
    """
    seen: Measured = []

    def measure(operators: Sequence[Operator], *, threads: int) -> list[Timing]:
        slowness = 2.0 if seen else 1.0
        seen.extend(each for each in operators if each != CALL)
        return [Timing((1 if each == CALL else 3) * threads * slowness, slowness) for each in operators]

    monkeypatch.setattr(operator_costs, "time_operators", measure)
    return seen


def test_what_was_measured_is_not_measured_again(tmp_path: Path, measured: Measured) -> None:
    costs = Costs(folder=tmp_path)
    assert costs.ms([SMALL, LARGE, SMALL]) == [2, 2, 2]
    assert costs.ms([SMALL]) == Costs(folder=tmp_path).ms([SMALL]) == [2]
    assert measured == [SMALL, LARGE]


def test_a_machine_that_was_slow_is_reckoned_with(tmp_path: Path, measured: Measured) -> None:
    costs = Costs(folder=tmp_path)
    assert costs.ms([SMALL]) == [2]
    assert costs.ms([LARGE, SMALL]) == [2, 2]  # 6, and 2 for the call, in turns in which the reference took 2 and not 1
    assert json.loads(costs.path.read_text())["operators"][LARGE.key] == [6, 2]


def test_tables_know_machine_runtime_and_threads(tmp_path: Path, measured: Measured) -> None:
    one, two = Costs(folder=tmp_path), Costs(folder=tmp_path, threads=2)
    assert (one.ms([SMALL]), two.ms([SMALL])) == ([2], [8])  # the second was never seen at full speed
    assert one.path != two.path
    said = json.loads(two.path.read_text())
    assert (said["threads"], said["machine"]["processor"]) == (2, this_machine().processor)
    assert said["runtime"].startswith("ai-edge-litert 2.")


def test_two_writers_lose_nothing(tmp_path: Path, measured: Measured) -> None:
    one, other = Costs(folder=tmp_path), Costs(folder=tmp_path)
    one.ms([SMALL])
    other.ms([LARGE])
    assert set(json.loads(one.path.read_text())["operators"]) == {CALL.key, SMALL.key, LARGE.key}


def test_the_cache_folder_is_the_environment_s(
    tmp_path: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEPZOO_CACHE", str(tmp_path / "kept"))
    Costs().ms([SMALL])
    assert Costs().path.parent == tmp_path / "kept" / "operators"
    assert Costs().path.is_file()


@pytest.mark.parametrize("content", ["", "[]", '{"operators": {"CONV_2D": [1]}}', '{"operators": 3}'])
def test_a_damaged_table_is_measured_again(
    tmp_path: Path, measured: Measured, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    table = CostTable.of(this_machine(), 1, tmp_path)
    table.path.write_text(content)
    with caplog.at_level(logging.WARNING, "sepzoo"):
        costs = Costs(folder=tmp_path)
    assert "expected a table of operators' times. Received: a damaged file" in caplog.text
    assert costs.ms([SMALL]) == [2]
    assert set(table.read()) == {CALL.key, SMALL.key}


def test_times_beside_another_reference_are_not_mixed(tmp_path: Path, measured: Measured) -> None:
    costs = Costs(folder=tmp_path)
    costs.ms([SMALL])
    costs.path.write_text(costs.path.read_text().replace("12,12,16", "24,24,16"))
    Costs(folder=tmp_path).ms([SMALL])
    assert measured == [SMALL, SMALL]


def test_a_file_s_operators_have_their_times(tmp_path: Path, measured: Measured) -> None:
    found = Costs(folder=tmp_path).of_file(operator_file(LARGE))
    assert [(each.operator, each.ms) for each in found] == [(LARGE, 2)]


def test_weights_that_the_cache_can_t_hold_come_from_memory(
    tmp_path: Path, measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = Costs(folder=tmp_path)
    monkeypatch.setattr(costs, "_table", dataclasses.replace(costs._table, machine=machine_with(1 << 20)))
    slow, fast = ((side * side + side) * 4 / 2 for side in (1024, 4096))  # bytes a millisecond of what reads them in 2
    taken = 4 * (9 * 32 * 32 + 32)
    [alone], [within], [far] = costs.ms([LARGE]), costs.ms([LARGE], weights=2 << 20), costs.ms([LARGE], weights=1 << 30)
    assert (alone, within, far) == (2, pytest.approx(2 + taken / slow), pytest.approx(2 + taken / fast))
    for cache, expected in ((taken, alone), (taken - 1, within)):
        monkeypatch.setattr(costs, "_table", dataclasses.replace(costs._table, machine=machine_with(cache)))
        assert [each.ms for each in costs.of_file(operator_file(LARGE))] == [pytest.approx(expected)]


def machine_with(cache: int) -> Machine:
    return dataclasses.replace(this_machine(), cache=cache)


def test_no_thread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"expected at least one thread\. Received: threads=0\."):
        Costs(threads=0, folder=tmp_path)


def test_operators_run_in_litert_beside_the_reference() -> None:
    small, large = time_operators([SMALL, LARGE], turns=3)
    assert 0 < small.ms < large.ms  # by a factor of some thousands in multiply-accumulates
    assert small.reference_ms == large.reference_ms > 0


def test_what_litert_can_t_run_is_said() -> None:
    wrong = Operator("CONV_2D", SMALL.inputs, (SMALL.given[0],) * 2, SMALL.options, SMALL.option_type)
    with pytest.raises(SepzooError, match=r"expected an operator that LiteRT runs\. Received: CONV_2D\(float32\[1,4"):
        time_operators([wrong], turns=1)


class Clock:
    """Stands still but for what runs take."""

    def __init__(self) -> None:
        self.now = 0.0
        self.order = ""

    def __call__(self) -> float:
        return self.now

    def run(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.now += seconds
            self.order += name

        return run


def test_things_take_turns() -> None:
    clock = Clock()
    found = times_in_turns(
        [clock.run("a", 1.0), clock.run("b", 4.0)], turns=3, turn_seconds=5.0, warm_up=2, clock=clock
    )
    assert clock.order == "aabb" + "aaaaab" * 3
    assert found == [[[1.0] * 5] * 3, [[4.0]] * 3]
