"""Run by another Python, that of mediapipe: classify images with files, and print what was answered as JSON.

Arguments: the folder of the images, then the models' paths. Answers of each image, in the order of names, by model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mediapipe
from mediapipe.tasks.python import BaseOptions, vision


def main(folder: str, *model_paths: str) -> None:
    images = [mediapipe.Image.create_from_file(str(path)) for path in sorted(Path(folder).iterdir())]
    answers: list[list[object]] = [[] for _image in images]
    for path in model_paths:
        options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=path), max_results=3)
        with vision.ImageClassifier.create_from_options(options) as classifier:
            for image, answer in zip(images, answers, strict=True):
                categories = classifier.classify(image).classifications[0].categories
                answer.append([[each.category_name, each.score, each.index] for each in categories])
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
