"""The search for layers that stay float, on files that are only said to be ones: what it keeps, and how little."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import sepzoo.export.formats.float_search as searching
from sepzoo.export.comparison import Comparison
from sepzoo.export.formats.float_search import Goal, search
from sepzoo.export.formats.tflite_operators import FileOperator
from sepzoo.support.errors import SepzooError

HARM = some.lists(some.integers(0, 30), min_size=1, max_size=6)


def seen(agreement: float | None = None, **more: float | None) -> Comparison:
    return Comparison(count=100, origin="here", max_error=0, mean_error=0, agreement=agreement, **more)  # type: ignore[arg-type]


def found(harm: list[int], sizes: list[int], goal: float, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Search among layers of which each, rounded, takes so many hundredths of the agreement and, float, so many bytes.

    A "file" lists the layers that are rounded, padded to its size.
    """
    names = [f"layer{number}" for number in range(len(harm))]

    def lost(content: bytes) -> int:
        rounded = content.rstrip(b" ").split(b",")
        return sum(harm[number] for number, name in enumerate(names) if name.encode() in rounded)

    def make(floats: Collection[str]) -> bytes:
        size = 1000 + sum(sizes[number] for number, name in enumerate(names) if f"t_{name}" in floats)
        return b",".join(name.encode() for name in names if f"t_{name}" not in floats).ljust(size)

    monkeypatch.setattr(searching, "outputs_of", lambda content, _: [np.array([1 + lost(content) / 10])])
    return search(
        make=make,
        probe=make,
        judge=lambda content: seen(max(0.0, 1 - lost(content) / 100)),
        operators=[FileOperator(f"t_{name}", (name,)) for name in names],
        values={"x": np.zeros((1, 1))},
        goal=Goal(agreement=goal),
        exact=make([f"t_{name}" for name in names]),
    )


def test_nothing_stays_float_where_it_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([1, 2], [5, 5], 0.9, monkeypatch) == ()


def test_the_one_that_harms_stays_float(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([0, 20, 1], [1, 100, 1], 0.95, monkeypatch) == ("t_layer1",)


def test_of_two_that_harm_alike_the_small_one_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found([6, 6], [900, 30], 0.93, monkeypatch) == ("t_layer1",)


@settings(max_examples=60, deadline=None)
@given(harm=HARM, data=some.data())
def test_what_is_found_is_enough_and_nothing_in_it_is_idle(harm: list[int], data: some.DataObject) -> None:
    sizes = data.draw(some.lists(some.integers(1, 500), min_size=len(harm), max_size=len(harm)))
    goal = data.draw(some.sampled_from([0.8, 0.9, 0.95, 1.0]))
    with pytest.MonkeyPatch.context() as patch:
        kept = [int(name.removeprefix("t_layer")) for name in found(harm, sizes, goal, patch)]

    def enough(floats: Collection[int]) -> bool:
        return 1 - min(sum(h for number, h in enumerate(harm) if number not in floats), 100) / 100 >= goal - 1e-12

    assert enough(kept)
    assert not any(enough([other for other in kept if other != one]) for one in kept)


def test_at_worst_it_costs_little_more_than_the_best_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    random, ratios = np.random.default_rng(0), []
    for _ in range(40):
        harm, sizes = random.integers(0, 12, 6).tolist(), random.integers(10, 400, 6).tolist()
        kept = [int(name.removeprefix("t_layer")) for name in found(harm, sizes, 0.9, monkeypatch)]
        every = (set(c) for size in range(7) for c in itertools.combinations(range(6), size))
        best = min(sum(sizes[n] for n in c) for c in every if sum(h for n, h in enumerate(harm) if n not in c) <= 10)
        ratios.append(sum(sizes[number] for number in kept) / max(best, 1) if kept else 1.0)
    assert np.mean(ratios) < 1.15


def test_what_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "outputs_of", lambda *_: [np.ones(1)])
    with pytest.raises(SepzooError, match=r"^expected a file that reaches what keep_float='auto' asks for\."):
        search(
            make=lambda _: b"x",
            probe=lambda _: b"x",
            judge=lambda _: seen(0.5),
            operators=[FileOperator("t", ("a",))],
            values={"x": np.zeros((1, 1))},
            goal=Goal(agreement=0.9),
            exact=b"x",
        )


def test_goals_by_accuracy_agreement_and_error() -> None:
    accurate = seen(0.5, model_accuracy=0.9, file_accuracy=0.895)
    assert Goal(max_drop=0.01).reached(accurate)
    assert not Goal(max_drop=0.001).reached(accurate)
    assert not Goal(agreement=0.6, max_drop=0.01).reached(accurate)
    assert Goal(agreement=0.9, relative_error=0.1).reached(seen(None, relative_error=0.05))
    assert not Goal(agreement=0.9, relative_error=0.01).reached(seen(None, relative_error=0.05))
    both = Comparison(1, "here", 0, 0, 0.99, outputs=(seen(0.99), seen(0.5)))
    assert not Goal(agreement=0.9).reached(both)
    with pytest.raises(SepzooError, match=r"^expected labelled samples to check on, for max_drop\."):
        Goal(max_drop=0.01).reached(seen(0.99))
