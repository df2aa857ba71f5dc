from __future__ import annotations

import json

import pytest

import sepzoo
from tests.cli.conftest import Command


def test_json_has_every_listed_network(command: Command) -> None:
    rows = json.loads(command("list", "--json").out)
    assert [row["name"] for row in rows] == sepzoo.applications.list_models()


def test_counts_are_those_of_the_network(command: Command) -> None:
    [row] = json.loads(command("list", "cifar_mobilenetv1_w1d4_bsconvu", "--json").out)
    assert row == {
        "name": "cifar_mobilenetv1_w1d4_bsconvu",
        "family": "mobilenet_v1",
        "kind": "bsconv_u",
        "dataset": "cifar10",
        "params": 218_398,
        "macs": 17_107_456,
    }


def test_table_is_the_same_as_json(command: Command) -> None:
    rows = json.loads(command("list", "cifar_mobilenetv1_*", "--json").out)
    header, *lines = command("list", "cifar_mobilenetv1_*").out.splitlines()
    assert header.split() == ["name", "family", "kind", "dataset", "params", "MACs"]
    assert [line.split() for line in lines] == [
        [f"{value:,}" if isinstance(value, int) else value for value in row.values()] for row in rows
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["cifar_mobilenetv1_*", "--exclude", "*_bsconvu"],
        ["cifar_mobilenetv1_w?", "cifar_mobilenetv1_w?d?", "--exclude", "*u"],
        ["cifar*", "--family", "mobilenet_v1", "--exclude", "*_bsconvu"],
    ],
)
def test_patterns_exclusions_and_family_choose(command: Command, arguments: list[str]) -> None:
    names = [row["name"] for row in json.loads(command("list", *arguments, "--json").out)]
    assert names == sepzoo.applications.list_models("cifar_mobilenetv1_*", exclude="*_bsconvu")
    assert names


def test_nothing_found(command: Command) -> None:
    outcome = command("list", "mobilenet-v1")
    assert outcome.code == 2
    assert outcome.err.startswith("error: no network is called 'mobilenet-v1'. Did you mean mobilenet_v1, ")


def test_unknown_family(command: Command) -> None:
    outcome = command("list", "--family", "mobilnet_v1")
    assert outcome.err.startswith("error: unknown family 'mobilnet_v1'. Did you mean ")
