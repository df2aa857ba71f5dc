from __future__ import annotations

import json

from tests.cli.conftest import Command


def test_json_is_the_card(command: Command) -> None:
    card = json.loads(command("card", "mobilenet_v1", "--json").out)
    assert card["paper"]["arxiv"] == "1704.04861"
    assert card["counts"]["params"] == 4_253_864
    assert {(weights["image_size"], weights["arguments"]["alpha"]) for weights in card["weights"]} >= {(224, 0.25)}


def test_text_says_the_same(command: Command) -> None:
    text = command("card", "mobilenet_v1").out
    assert "1704.04861" in text
    assert "4,253,864" in text


def test_a_name_by_grammar_has_a_card(command: Command) -> None:
    assert json.loads(command("card", "cifar_mobilenetv1_w3d8", "--json").out)["arguments"]["alpha"] == 0.375
