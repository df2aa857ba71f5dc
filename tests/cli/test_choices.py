"""Wrong names are answered in one line: with the nearest right one, all there are, or as the path that they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "export MODEL --to int8",
            "unknown target 'int8'. Did you mean onnx:int8? All: browser, browser:int8, onnx",
        ),
        ("export MODEL --to [tflite:int7]", "unknown target 'tflite:int7'. Did you mean tflite:int8"),
        (
            "export MODEL --to webgl",
            "unknown target 'webgl'. Known: browser, browser:int8, onnx",
        ),
        ("train digits --set export=tflite:int8,int16x8", "unknown target 'int16x8'. Did you mean tflite:int16x8?"),
        ("train digits --set export=[tflite:int8,int16x8]", "unknown target 'int16x8'. Did you mean tflite:int16x8?"),
        (
            "evaluate MODEL --data photo/flowers",
            "folder of class folders. Received: photo/flowers, which does not exist.",
        ),
        ("inspect mobilenet_v1", "a network's name, of which `sepzoo card mobilenet_v1` tells."),
        ("train RUN", "RUN, which is a folder. The run in it goes on by: sepzoo train RUN/recipe.yaml --out RUN"),
        ("evaluate MODEL --data mnst", "unknown data set 'mnst'. Did you mean mnist"),
        ("profile mobilenet_v1 --set nosuch=3", "unknown argument of mobilenet_v1: 'nosuch'. Known: activation, "),
        ("build mobilenet_v1 --weights imagnet --out OUT.keras", "which does not exist. Did you mean imagenet?"),
        ("rewrite MODEL --fold --keep stem --out OUT.keras", "expected --keep beside what replaces layers."),
        ("rewrite MODEL --fold --kernel-sizes 3x3 --out OUT.keras", "expected --kernel-sizes beside --replace."),
        ("rewrite MODEL --fold --any-cost --out OUT.keras", "expected --any-cost beside --replace or --blueprint."),
    ],
)
def test_the_nearest_right_one_is_named(
    command: Command, small_files: Path, tmp_path: Path, line: str, said: str
) -> None:
    places = {"MODEL": small_files / "small.keras", "OUT": tmp_path / "out", "RUN": tmp_path / "run"}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.yaml").touch()
    for name, place in places.items():
        line, said = line.replace(name, str(place)), said.replace(name, str(place))
    done = command(*line.split())
    assert (done.code, done.out) == (2, "")
    *progress, error = done.err.strip().splitlines()
    assert said in error
    assert not any(each.startswith(("error", "Traceback")) for each in progress)
