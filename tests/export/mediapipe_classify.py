"""Run by another Python, that of mediapipe: classify an image with files, and print what was answered as JSON.

Arguments: the image's path, then the models' paths.
"""

from __future__ import annotations

import json
import sys

import mediapipe
from mediapipe.tasks.python import BaseOptions, vision


def main(image_path: str, *model_paths: str) -> None:
    image = mediapipe.Image.create_from_file(image_path)
    answers = []
    for path in model_paths:
        options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=path), max_results=3)
        with vision.ImageClassifier.create_from_options(options) as classifier:
            categories = classifier.classify(image).classifications[0].categories
        answers.append([[each.category_name, each.score, each.index] for each in categories])
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
