"""Trained weights that the package itself holds: two files a network, the weights and the record of their training.

`python -m sepzoo.training.packaging RUN` makes them of a finished run.
"""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from importlib.resources.abc import Traversable

from sepzoo.support.types import Kwargs

FOLDER: Traversable = resources.files("sepzoo.catalog").joinpath("packaged_weights")
"""Holds `DATASET/NETWORK.npz` and `DATASET/NETWORK.json`."""

_RECORD = ".json"


def files_of(name: str, dataset: str) -> tuple[str, str]:
    """Return where a network's weights and their record lie in the folder.

    Example:
        >>> files_of("cifar_resnet8", "cifar10")
        ('cifar10/cifar_resnet8.npz', 'cifar10/cifar_resnet8.json')
    """
    return f"{dataset}/{name}.npz", f"{dataset}/{name}{_RECORD}"


@dataclasses.dataclass(frozen=True)
class PackagedWeights:
    """Trained weights in the package, and where they come from.

    Attributes:
        name: of the network, which takes them as it is: `build(name, weights=dataset)`.
        dataset: that it was trained on.
        labels: names of its classes, in the order of the outputs.
        preprocessing: from pixels to the input, as in training: fields of `sepzoo.records.preprocessing.Preprocessing`.
        correct: test images whose likeliest class is the right one, measured with the weights as they lie here, in half
            precision.
        images: test images.
        part: slice of the test split, so small that it can be measured again in a second.
        correct_of_part: likewise, of its images.
        tested_on: data set and split.
        accuracy_before: accuracy of the run's own weights, in single precision, on the same images.
        seed: of the run.
        epochs: trained; the weights are those of the last one, which no test image has chosen.
        seconds: that it took.
        recipe: as run, with the versions of the libraries.
        log: what each epoch measured, fields of `sepzoo.training.Epoch`.
        size: of the file, in bytes.
        sha256: of the file.
    """

    name: str
    dataset: str
    labels: tuple[str, ...]
    preprocessing: Kwargs
    correct: int
    images: int
    part: str
    correct_of_part: int
    tested_on: str
    accuracy_before: float
    seed: int
    epochs: int
    seconds: float
    recipe: Kwargs
    log: tuple[Kwargs, ...]
    size: int
    sha256: str

    @property
    def accuracy(self) -> float:
        """Share of the test images whose likeliest class is right."""
        return self.correct / self.images

    def to_json(self) -> str:
        """Return the record as the text of its file."""
        return json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n"


def packaged_names() -> dict[str, tuple[str, ...]]:
    """Return each data set that the package has weights of, with the names of the networks, in alphabetical order."""
    if not FOLDER.is_dir():
        return {}
    folders = sorted((each for each in FOLDER.iterdir() if each.is_dir()), key=lambda each: each.name)
    found = {
        folder.name: tuple(sorted(file.name[: -len(_RECORD)] for file in folder.iterdir() if _is_record(file)))
        for folder in folders
    }
    return {dataset: names for dataset, names in found.items() if names}


def packaged(name: str, dataset: str) -> PackagedWeights | None:
    """Return the record of a network's packaged weights, or None where the package has none."""
    if name not in packaged_names().get(dataset, ()):
        return None
    fields = json.loads(FOLDER.joinpath(files_of(name, dataset)[1]).read_text(encoding="utf-8"))
    return PackagedWeights(**{**fields, "labels": tuple(fields["labels"]), "log": tuple(fields["log"])})


def weight_names() -> tuple[str, ...]:
    """Return what `weights=` may be beside a file: "imagenet", and the data sets of `packaged_names`."""
    return ("imagenet", *packaged_names())


def weight_bytes(weights: PackagedWeights) -> bytes:
    """Return the content of a packaged weight file."""
    return FOLDER.joinpath(files_of(weights.name, weights.dataset)[0]).read_bytes()


def _is_record(file: Traversable) -> bool:
    return file.is_file() and file.name.endswith(_RECORD)
