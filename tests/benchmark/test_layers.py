"""Operators beside the limits of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo import benchmark
from sepzoo.benchmark import Costs, Roofline, make_operator, measure_layers, operator_file
from sepzoo.benchmark.layer_costs import LayerCost, LayerCosts
from sepzoo.benchmark.operator_costs import OperatorCost
from sepzoo.benchmark.operator_timing import without_call

ROOFLINE = Roofline(macs_per_ms=1e6, sizes=(1000, 1_000_000), bytes_per_ms=(4000.0, 1000.0))
CONV = make_operator("conv", (1, 10, 10, 100), filters=100)
RELU = make_operator("relu", (1, 10, 10, 100))


def test_the_limit_is_the_longer_of_both() -> None:
    assert CONV.macs == 1_000_000
    assert ROOFLINE.arithmetic_ms(CONV) == pytest.approx(1.0)
    assert ROOFLINE.arithmetic_ms(RELU) == 0
    small = make_operator("relu", (1, 1, 1, 100))  # 800 bytes: at the speed of the smallest size that was measured
    assert ROOFLINE.limit_ms(small) == pytest.approx(800 / 4000)
    middle = make_operator("relu", (1, 1, 1, 3953))  # 31,624 bytes, half way between on a logarithmic scale
    assert ROOFLINE.limit_ms(middle) == pytest.approx(31_624 / 2500, rel=1e-3)


@pytest.mark.parametrize(
    ("operator", "macs_per_ms", "ms", "bound"),
    [
        (CONV, 1e3, 1001, "arithmetic"),
        (CONV, 1e9, ROOFLINE.memory_ms(CONV), "memory"),
        (RELU, 1e3, 2 * ROOFLINE.memory_ms(RELU), "memory"),
        (RELU, 1e3, 4 * ROOFLINE.memory_ms(RELU), "neither"),
    ],
)
def test_an_operator_is_bound_by_its_limit(
    operator: benchmark.Operator, macs_per_ms: float, ms: float, bound: str
) -> None:
    roofline = Roofline(macs_per_ms, ROOFLINE.sizes, ROOFLINE.bytes_per_ms)
    assert roofline.bound(operator, ms) == bound


def of(*layers: tuple[benchmark.Operator, float, str]) -> LayerCosts:
    found = tuple(LayerCost(OperatorCost(each, ms), ms / 2, bound) for each, ms, bound in layers)  # type: ignore[arg-type]
    return LayerCosts("net.tflite", found, whole_ms=4.0, rooflines={"float32": ROOFLINE})


def test_a_table_tells_time_and_limit_of_each(tmp_path: Path) -> None:
    depthwise = make_operator("depthwise", (1, 8, 8, 4), kernel_size=3, strides=2)
    found = of((CONV, 3.0, "arithmetic"), (depthwise, 1.0, "memory"))
    lines = benchmark.layers_table(found).splitlines()
    assert lines[2].split() == [
        "conv_2d",
        "1x1",
        "float32",
        "1x10x10x100",
        "3.0000",
        "75.0%",
        "1.5000",
        "50%",
        "arithmetic",
    ]
    assert lines[3].startswith("depthwise_conv_2d 3x3 /2 float32")
    assert lines[4] == (
        "sum 4.000 ms, whole file 4.000 ms (sum/whole 1.00); of the time 75% arithmetic, 25% memory, 0% neither"
    )
    assert lines[5] == "float32: 1 GMAC/s, 0.0 GB/s from memory, 0.0 from cache"
    assert [each["bytes"] for each in found.to_dict()["layers"]] == [CONV.bytes, depthwise.bytes]
    assert benchmark.plot_layers(found, tmp_path / "roofline.png").read_bytes()[:4] == b"\x89PNG"


def test_a_file_is_measured_beside_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.benchmark.roofline._SIZES", [2**14, 2**18])
    monkeypatch.setattr("sepzoo.benchmark.roofline._PRODUCTS", [((1, 8, 8, 64), 64)])
    path = tmp_path / "conv.tflite"
    operator = make_operator("conv", (1, 8, 8, 16), filters=16, dtype="int8")
    path.write_bytes(operator_file(operator))
    found = measure_layers(path, Costs(folder=tmp_path))
    assert [each.cost.operator for each in found.layers] == [operator]
    assert found.whole_ms > 0
    roofline = found.rooflines["int8"]
    assert roofline.macs_per_ms > 0
    assert found.layers[0].limit_ms == pytest.approx(
        max(roofline.arithmetic_ms(operator), roofline.memory_ms(operator))
    )
    assert sum(found.share(bound) for bound in ("arithmetic", "memory", "neither")) == pytest.approx(1)


def test_a_file_and_its_operators_take_turns_and_pay_for_one_call_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that has become half as fast: the reference takes twice what it took in the table."""
    path = tmp_path / "conv.tflite"
    path.write_bytes(operator_file(CONV))
    costs = Costs(folder=tmp_path)
    costs.ms([CONV])
    slow = 2 * costs.reference_ms / 1000
    monkeypatch.setattr(Roofline, "measure", lambda costs, dtype: ROOFLINE)
    monkeypatch.setattr(
        "sepzoo.benchmark.operator_timing.times_in_turns",
        lambda runs, **_: [[[seconds]] for seconds in (0.008, slow, 0.001, 0.007)][: len(runs)],
    )
    found = measure_layers(path, costs)
    assert found.whole_ms == pytest.approx((8 - 1) / 2)
    assert [each.cost.ms for each in found.layers] == [pytest.approx((7 - 1) / 2)]


def test_of_an_operator_that_takes_no_longer_than_a_call_a_quarter_is_left() -> None:
    assert without_call(2.0, 0.5) == 1.5
    assert without_call(2.0, 1.9) == without_call(2.0, 3.0) == 0.5
