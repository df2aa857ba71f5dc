"""The page about your own photographs, as written: from a folder to a file, and to what MediaPipe says of pictures."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.command import run_command
from tests.nightly.record import write_record
from tests.test_consoles import CUT, blocks, plain
from tests.test_imports import ROOT

PAGE = ROOT / "docs" / "tutorials" / "photographs.md"
PROGRAM = re.compile(r"```python\n(import mediapipe\n.*?)```\n\n```text\n(.*?)```", re.DOTALL)
FILE = Path("runs", "finetune", "mobilenet_v1_int8.tflite")
pytestmark = pytest.mark.nightly


@pytest.fixture(scope="module")
def folder(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos`, sixty of each of five flowers."""
    place = tmp_path_factory.mktemp("photographs")
    for flower in sorted((shared / "data" / "flowers" / "train").iterdir()):
        (place / "photos" / flower.name).mkdir(parents=True)
        for photograph in sorted(flower.iterdir())[:60]:
            shutil.copyfile(photograph, place / "photos" / flower.name / photograph.name)
    return place


@pytest.fixture(scope="module")
def train(folder: Path, shared: Path) -> subprocess.CompletedProcess[str]:
    """The page's first command, with the weights from a file: it would download them."""
    [[(command, _)], _] = [commands for needs, commands in blocks(PAGE) if needs]
    weights = shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5"
    return run_command(*command.split()[1:], "--set", f"weights={weights}", cwd=folder)


def accuracies(text: str) -> list[float]:
    """Return the two accuracies of the table."""
    return [float(line.split()[3]) for line in text.splitlines() if line.startswith(("Keras", "tflite:int8  "))]


def test_from_photographs_to_mediapipe_in_two_commands(
    train: subprocess.CompletedProcess[str], folder: Path, shared: Path, mediapipe_python: Path
) -> None:
    assert train.returncode == 0, train.stderr
    (_, [(_, shown)]), (_, [(classify, _)]) = blocks(PAGE)
    printed = {plain(line) for line in (train.stdout + train.stderr).splitlines()}
    assert [line for line in shown if line.strip() != CUT and plain(line) not in printed] == []
    assert min(accuracies(train.stdout)) > 0.7  # five classes: .2 by chance

    shown_by = run_command(*classify.split()[1:], cwd=folder)
    assert shown_by.returncode == 0, shown_by.stderr
    [(program, expected)] = PROGRAM.findall(PAGE.read_text(encoding="utf-8"))
    theirs = subprocess.run(
        [str(mediapipe_python), "-c", program], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    assert theirs.splitlines()[0].split()[0] == expected.split()[0] == "tulips"

    pictures = [
        picture
        for flower in sorted((shared / "data" / "flowers" / "val").iterdir())
        for picture in sorted(flower.iterdir())
    ]
    found = mediapipe_labels(mediapipe_python, folder / FILE, pictures)
    told = json.loads(run_command("classify", FILE, *pictures, "--top", "1", "--json", cwd=folder).stdout)
    ours = [each["predictions"][0]["label"] for each in told]
    truth = [picture.parent.name for picture in pictures]
    right, right_here, same = (same_in(*pair) for pair in ((found, truth), (ours, truth), (found, ours)))
    assert right_here / len(pictures) > 0.6  # five classes: .2 by chance, standard error .03
    assert abs(right - right_here) <= 3 * (len(pictures) - same) ** 0.5  # they resize and crop differently
    summary = (
        f"{len(pictures)} held-out pictures: MediaPipe names {right} right, sepzoo {right_here}; the same in {same}"
    )
    write_record("photographs", "\n".join([train.stdout, shown_by.stdout, theirs, summary, ""]))


def same_in(one: list[str], other: list[str]) -> int:
    """Return in how many places two lists agree."""
    return sum(a == b for a, b in zip(one, other, strict=True))


def mediapipe_labels(python: Path, file: Path, pictures: list[Path]) -> list[str]:
    """Return what MediaPipe says of each picture."""
    program = """
import json, sys, mediapipe
from mediapipe.tasks.python import BaseOptions, vision
options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=sys.argv[1]), max_results=1)
with vision.ImageClassifier.create_from_options(options) as classifier:
    images = map(mediapipe.Image.create_from_file, sys.argv[2:])
    print(json.dumps([classifier.classify(each).classifications[0].categories[0].category_name for each in images]))
"""
    line = [str(python), "-c", program, str(file), *map(str, pictures)]
    return json.loads(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
