from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

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
        "input": "image",
        "weights": True,
        "weights_of": ["cifar10"],
    }


def test_table_is_the_same_as_json(command: Command) -> None:
    rows = json.loads(command("list", "cifar_mobilenetv1_*", "--json").out)
    header, *lines = command("list", "cifar_mobilenetv1_*").out.splitlines()
    assert header.split() == ["name", "family", "kind", "dataset", "params", "MACs"]
    assert [line.split() for line in lines] == [
        [row["name"], row["family"], row["kind"], row["dataset"], f"{row['params']:,}", f"{row['macs']:,}"]
        for row in rows
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


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        (["--kind", "bsconv_u"], lambda row: row["kind"] == "bsconv_u"),
        (["--dataset", "imagenet"], lambda row: row["dataset"] == "imagenet"),
        (["--input", "audio"], lambda row: row["input"] == "audio"),
        (["--input", "series"], lambda row: row["input"] == "series"),
        (["--input", "image", "--max-macs", "1e7"], lambda row: row["input"] == "image" and row["macs"] <= 10_000_000),
        (["--weights"], lambda row: row["weights"]),
        (["--no-weights", "--kind", "own"], lambda row: not row["weights"] and row["kind"] == "own"),
        (["--max-params", "3e5"], lambda row: row["params"] <= 300_000),
        (["--max-macs", "2e7"], lambda row: row["macs"] <= 20_000_000),
        (["--kind", "own", "--max-macs", "2e7"], lambda row: row["kind"] == "own" and row["macs"] <= 20_000_000),
    ],
)
def test_filters_keep_what_holds_and_nothing_else(command: Command, arguments: list[str], holds) -> None:
    kept = json.loads(command("list", *arguments, "--json").out)
    assert kept == [row for row in json.loads(command("list", "--json").out) if holds(row)]
    assert kept


def test_official_weights_are_those_of_the_card(command: Command) -> None:
    rows = json.loads(command("list", "mobilenet*", "efficientnet*", "ds_cnn*", "--json").out)
    assert {row["weights"] for row in rows} == {True, False}
    for row in rows:
        assert row["weights"] == bool(sepzoo.applications.card(row["name"]).weights)


def test_an_input_that_no_network_takes(command: Command) -> None:
    assert command("list", "--input", "series", "--weights").err.startswith("error: no network fits. ")
    outcome = command("list", "--input", "video")
    assert outcome.code == 2
    assert "'video'" in outcome.err


@pytest.mark.parametrize("column", ["params", "macs"])
def test_sorted_by_size(command: Command, column: str) -> None:
    sizes = [row[column] for row in json.loads(command("list", "--sort", column, "--json").out)]
    assert sizes == sorted(sizes)


def test_filters_that_nothing_fits(command: Command) -> None:
    assert command("list", "--max-params", "10").err.startswith("error: no network fits. ")
    assert command("list", "--kind", "bsconvu").err.startswith("error: unknown kind 'bsconvu'. Did you mean bsconv_u")


def test_nothing_found(command: Command) -> None:
    outcome = command("list", "mobilenet-v1")
    assert outcome.code == 2
    assert outcome.err.startswith("error: no network is called 'mobilenet-v1'. Did you mean mobilenet_v1, ")


def test_unknown_family(command: Command) -> None:
    outcome = command("list", "--family", "mobilnet_v1")
    assert outcome.err.startswith("error: unknown family 'mobilnet_v1'. Did you mean ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux, which is always full")
def test_a_full_standard_output_is_named() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sepzoo", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "error: standard output: No space left on device\n"
