from __future__ import annotations

import json
from pathlib import Path

import pytest

import sepzoo
from tests.cli.conftest import Command


def test_settings_are_arguments_of_build(command: Command) -> None:
    outcome = command("profile", "mobilenet_v1", "--set", "alpha=0.25", "--set", "conv=bsconv_u", "--json")
    expected = sepzoo.analysis.profile(sepzoo.applications.build("mobilenet_v1", alpha=0.25, conv="bsconv_u"))
    found = json.loads(outcome.out)
    assert (found["params"], found["macs"]) == (expected.params, expected.macs)


def test_input_shape_changes_the_macs_and_not_the_parameters(command: Command) -> None:
    small, large = (
        json.loads(command("profile", "mobilenet_v1", "--set", "alpha=0.25", "--input-shape", shape, "--json").out)
        for shape in ("96,96,3", "192,192,3")
    )
    assert small["params"] == large["params"]
    head = 256 * 1000  # the classifier does not grow
    assert large["macs"] - head == 4 * (small["macs"] - head)


def test_a_file_has_the_counts_of_its_network(command: Command, small_files: Path) -> None:
    table = command("profile", small_files / "small.keras").out
    model = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 1), classes=10)
    assert f"{model.count_params():,}" in table.splitlines()[1].split()


def test_layers_shows_each(command: Command, small_files: Path) -> None:
    assert "stem_bn" in command("profile", small_files / "small.keras", "--layers").out


@pytest.mark.parametrize("text", ["96", "96,96", "96,96,x", "96,96,3,1"])
def test_a_shape_has_three_numbers(command: Command, text: str) -> None:
    outcome = command("profile", "mobilenet_v1", "--input-shape", text)
    assert outcome.code == 2
    assert outcome.err == (
        f"error: expected an input shape as height,width,channels, such as 96,96,3. Received: {text!r}.\n"
    )


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("alpha", "error: expected an override as key=value, such as epochs=3. Received: 'alpha'.\n"),
        ("alfa=1", "error: unknown argument of mobilenet_v1: 'alfa'. Did you mean alpha?\n"),
    ],
)
def test_bad_settings(command: Command, setting: str, message: str) -> None:
    assert command("profile", "mobilenet_v1", "--set", setting).err == message


def test_a_built_network_takes_no_settings(command: Command, small_files: Path) -> None:
    outcome = command("profile", small_files / "small.keras", "--set", "alpha=1")
    assert outcome.code == 2
    assert "error: expected --set beside a network's name." in outcome.err
