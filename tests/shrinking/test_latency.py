"""Steps as operators of TFLite, and whole files in turns."""

from __future__ import annotations

import pytest

from sepzoo.benchmark import make_operator, operator_file
from sepzoo.shrinking import latency
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.latency import StepTimes, file_times
from sepzoo.shrinking.steps import Step, peak_values
from sepzoo.shrinking.ways import Window


class Counted:
    """Stands for the table of times: an operator takes a millisecond for each multiply-accumulate, at least one."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ms(self, operators: list) -> list[float]:
        self.asked += [each.key for each in operators]
        return [float(each.macs or 1) for each in operators]


@pytest.mark.parametrize("name", ["pw_dw 2", "dw_pw 3", "bsconv_s 4", "rank 3", "spatial 2", "3 x 3"])
@pytest.mark.parametrize("integers", [True, False])
def test_operators_of_ways_have_their_multiply_accumulates(name: str, integers: bool) -> None:
    window = Window(taken=(9, 8), given=(5, 4), kernel_size=(5, 5), strides=(2, 2), runs=3, valid=False)
    steps = way_of(name).steps(window, 6, 10)
    table = Counted()
    times = StepTimes(integers=integers, costs=table)  # type: ignore[arg-type]
    times.measure(steps)
    times.measure(steps)
    assert len(table.asked) == len(set(table.asked)) == len(set(steps))
    assert all(("int8" in key) == integers for key in table.asked)
    assert [times(step) for step in steps] == [step.macs or step.runs for step in steps]


def test_a_dense_layer_is_an_operator_too() -> None:
    times = StepTimes(integers=True, costs=Counted())  # type: ignore[arg-type]
    times.measure([Step("dense", 16, 10)])
    assert times(Step("dense", 16, 10)) == 160


def test_files_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "MOST_SPREAD", float("inf"))  # other tests run beside it
    small, large = (make_operator("conv", (1, 32, 32, width), filters=64, kernel_size=3) for width in (8, 64))
    found = file_times([operator_file(small), operator_file(large), operator_file(small)])
    assert found[1].ms > 2 * max(found[0].ms, found[2].ms)


def test_an_uneven_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency, "MOST_SPREAD", -1.0)
    content = operator_file(make_operator("relu", (1, 8, 8, 4)))
    with pytest.raises(
        latency.SepzooError,
        match=r"expected a machine on which times can be compared\. Received: a quarter of the turns took \d+% longer "
        r"than the fastest\. Wait until it has less to do, or let multiply-accumulates stand for time: --costs macs",
    ):
        file_times([content])


def test_sums_keep_what_comes_in_and_what_was_added() -> None:
    window = Window((8, 8), (8, 8), (3, 3), (1, 1), 1, valid=False)
    one, two, three = (way_of(f"pw_dw {count}").steps(window, 4, 6) for count in (1, 2, 3))
    assert peak_values(one) == 64 * 12
    assert peak_values(two) == 64 * 18  # the input has been let go before the second depthwise step
    assert peak_values(two, keeps_input=True) == 64 * (18 + 4)
    assert peak_values(three) == 64 * (18 + 4)  # the third term needs it
    side_by_side = way_of("dw_pw 3").steps(window, 4, 6)
    assert peak_values(side_by_side) == 64 * (12 + 12)
    assert peak_values(side_by_side, keeps_input=True) == 64 * (4 + 12 + 12)
