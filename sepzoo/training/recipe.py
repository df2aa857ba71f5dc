"""A training run as one file: everything that it needs, validated on load."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from sepzoo.data.augment import Augmentation
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError, similar_names, unknown
from sepzoo.support.overrides import parse_override
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_unreadable
from sepzoo.support.yaml_text import parse_yaml
from sepzoo.training.sections import (
    DataSection,
    ModelSection,
    OptimizerSection,
    Positive,
    ScheduleSection,
    Section,
)

SHORT_KEYS = {"data": "data.name", "model": "model.name", "weights": "model.weights"}


class Recipe(Section):
    """Everything that a training run needs.

    Attributes:
        name: what the recipe is called.
        description: what it trains, and where the recipe comes from.
        command: the line that runs it.
        cost: time and machine.
        expected: the result, and who measured it.
        model: the network.
        data: the images.
        augmentation: random changes of the training images.
        optimizer: how gradients become steps.
        schedule: of the learning rate.
        epochs: passes over the training split.
        batch_size: images a step; the last step of an epoch takes what is left.
        label_smoothing: share of each target that is spread over all classes.
        ema: 0, or the decay of a moving average of the weights, which is then what is measured and saved.
        seed: decides initial weights, order and augmentation.
        export: files to make of the trained network, such as `tflite:int8`; `sepzoo train` makes them.
        versions: of the libraries that ran it; a run writes them into its folder.

    Example:
        >>> recipe = Recipe.load("digits").with_overrides(["epochs=3", "model.arguments.alpha=0.5"])
        >>> recipe.epochs, recipe.model.arguments["alpha"]
        (3, 0.5)
    """

    name: str
    description: str = ""
    command: str = ""
    cost: str = ""
    expected: str = ""
    model: ModelSection
    data: DataSection
    augmentation: Augmentation = Augmentation()
    optimizer: OptimizerSection
    schedule: ScheduleSection = ScheduleSection()
    epochs: Positive
    batch_size: Positive = 128
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ema: Annotated[float, Field(ge=0, lt=1)] = 0.0
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    export: tuple[str, ...] = ()
    versions: dict[str, str] | None = None

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Recipe:
        """Return a shipped recipe by its name, or one from a YAML file.

        Raises:
            SepzooError: no such recipe or file; a key or a value that does not fit, named with what would.
        """
        text = os.fspath(name_or_path)
        if text.endswith((".yaml", ".yml")) or Path(text).is_file():
            if not Path(text).is_file():
                raise SepzooError(f"expected a recipe file. Received: {text}, which does not exist.")
            return cls.from_yaml(_read(text), origin=text)
        if text not in list_recipes():
            raise unknown("recipe", text, list_recipes(), hint="Or give the path of a .yaml file.")
        shipped = resources.files("sepzoo.training").joinpath("recipes", f"{text}.yaml")
        return cls.from_yaml(shipped.read_text(encoding="utf-8"), origin=f"recipe {text}")

    @classmethod
    def from_yaml(cls, text: str, *, origin: str = "recipe") -> Recipe:
        """Return the recipe that a YAML text writes down; `origin` names it in errors."""
        try:
            fields = parse_yaml(text)
        except ValueError as error:
            raise SepzooError(f"{origin}: expected YAML. Received: {error}.") from None
        return cls._validated(fields, origin)

    def to_yaml(self) -> str:
        """Return the recipe as YAML that `from_yaml` reads."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)

    def with_overrides(self, overrides: Sequence[str]) -> Recipe:
        """Return a recipe with some values replaced.

        Args:
            overrides: each `key=value`, the key with dots between its parts and the value as YAML writes it;
                `data=`, `model=` and `weights=` are short for `data.name=`, `model.name=` and `model.weights=`.

        Raises:
            SepzooError: no `=`, an unknown key, a value that does not fit.
        """
        fields = self.model_dump(mode="json")
        for override in overrides:
            key, value = parse_override(override)
            *parents, last = SHORT_KEYS.get(key, key).split(".")
            section = fields
            for parent in parents:
                section = section.setdefault(parent, {})
                if not isinstance(section, dict):
                    raise SepzooError(
                        f"expected a section before the last dot. Received: {override!r}, {parent} is none."
                    )
            section[last] = value
        return self._validated(fields, f"recipe {self.name}")

    @classmethod
    def _validated(cls, fields: Any, origin: str) -> Recipe:
        if not isinstance(fields, dict):
            raise SepzooError(f"{origin}: expected a recipe: keys with values. Received: {type(fields).__name__}.")
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            problems = " ".join(_problem(details) for details in error.errors(include_url=False))
            raise SepzooError(f"{origin}: {problems}") from None


def list_recipes() -> list[str]:
    """Return the names of the shipped recipes.

    Example:
        >>> list_recipes()
        ['cifar10_bsconv', 'cifar10_short', 'digits', 'finetune']
    """
    folder = resources.files("sepzoo.training").joinpath("recipes")
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".yaml"))


def _read(path: str) -> str:
    reason = why_unreadable(path, most_bytes=BOUNDS.yaml)
    if reason in (None, "an empty file"):  # which holds no keys, and that is said of it
        try:
            return Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            reason = "no UTF-8 text"
    raise SepzooError(f"expected a recipe file. Received: {printable(path)}, which is {reason}.")


def _problem(details: Any) -> str:
    """Return one of pydantic's findings in our form of words."""
    place = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        known = list(_keys(Recipe))
        parent, _, last = place.rpartition(".")
        siblings = [key for key in known if key.rpartition(".")[0] == parent]
        near = _nearest_keys(last, siblings) or _nearest_keys(last, known)
        advice = f"Did you mean {', '.join(near)}?" if near else f"Known: {', '.join(siblings)}."
        return f"unknown key {place!r}. {advice}"
    if details["type"] == "missing":
        return f"expected a value for {place}. Received: none."
    reason = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    reason = reason.removeprefix("expected ")
    received = details["input"]
    return f"expected for {place} {reason}. Received: {place}={received!r}."


def _nearest_keys(last: str, keys: Sequence[str]) -> list[str]:
    found = similar_names(last, [key.rpartition(".")[2] for key in keys])
    return [key for key in keys if key.rpartition(".")[2] in found]


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _keys(kind, f"{prefix}{name}.")
