"""What may be chosen of a `.tflite` file, and what may not."""

from __future__ import annotations

from typing import Any

import pytest

from sepzoo.export import TARGETS, TfliteOptions
from sepzoo.export.formats.tflite import configured
from sepzoo.support.errors import SepzooError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"edges": "int9"}, r"unknown type at the edges 'int9'\. Did you mean int8"),
        ({"keep_float": ["auto", "stem"]}, r"expected keep_float='auto' alone, or names of layers\."),
        ({"keep_float": [""]}, r"expected names of layers, or patterns, in keep_float\."),
        ({"agreement": 0.9}, r"expected agreement beside keep_float='auto'\. Received: keep_float=\(\)"),
        (
            {"keep_float": "auto", "agreement": 98},
            r"expected agreement as a share from 0 to 1\. Received: .*98",
        ),
        ({"max_drop": -0.1}, r"expected max_drop as a share from 0 to 1\. Received: max_drop=-0\.1"),
        ({"max_drop": float("nan")}, r"expected max_drop as a share from 0 to 1\. Received: max_drop=nan"),
        ({"max_drop": 0.1, "keep_float": "stem"}, r"expected max_drop beside keep_float='auto'"),
        ({"batch_sizes": [0]}, r"expected batch_sizes as whole numbers from 1 to 1024\. Received: \(0,\)"),
        ({"batch_sizes": [-1]}, r"no batch of any size: name those that you want"),
        ({"batch_sizes": [True]}, r"expected batch_sizes as whole numbers"),
        ({"batch_sizes": [1.5]}, r"expected batch_sizes as whole numbers"),
    ],
)
def test_what_cannot_be_chosen_is_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SepzooError, match=message) as caught:
        TfliteOptions(**given)
    assert "\n" not in str(caught.value)


def test_a_drop_alone_asks_for_the_search() -> None:
    assert TfliteOptions(max_drop=0.01).searches
    assert TfliteOptions(keep_float="auto").searches
    assert not TfliteOptions(keep_float="stem").searches
    assert TfliteOptions(keep_float=["a", "b"]).patterns == ("a", "b")
    assert TfliteOptions(batch_sizes=[8, 4, 8]).sizes == (1, 4, 8)


def chosen(names: list[str], **options: Any) -> dict[str, Any]:
    return configured({name: TARGETS[name] for name in names}, TfliteOptions(**options))


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["xla"], {"edges": "int8"}, r"expected a target of TFLite, such as tflite:int8, .* Received: xla\."),
        (
            ["tflite:float32"],
            {"edges": "int8"},
            r"8-bit integers .*: int8, int8_per_tensor\. Received: float32",
        ),
        (["tflite:int16x8", "xla"], {"keep_float": "a"}, r"single layers can stay float: int8, .* Received: int16x8\."),
        (["tflite:dynamic"], {"max_drop": 0.1}, r"single layers can stay float: .* Received: dynamic\."),
    ],
)
def test_what_no_target_has_is_refused(names: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(SepzooError, match=message):
        chosen(names, **options)


def test_targets_get_what_their_modes_have_and_others_stay() -> None:
    names = ["tflite:float32", "tflite:int8", "tflite:weights_int8", "xla"]
    found = chosen(names, edges="int8", keep_float="auto")
    assert list(found) == names
    assert found["xla"] is TARGETS["xla"]
    assert [name for name, target in found.items() if target.search is not None] == [
        "tflite:int8",
        "tflite:weights_int8",
    ]
    assert found["tflite:weights_int8"].needs_calibration
    assert not TARGETS["tflite:weights_int8"].needs_calibration
