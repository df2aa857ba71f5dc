"""A training run as one file: everything that it needs, validated on load."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ValidationError, model_validator
from pydantic_core import ErrorDetails

from sepzoo.catalog.model_paths import names_file
from sepzoo.catalog.packaged import weight_names
from sepzoo.data.opening import is_folder
from sepzoo.data.table import is_table
from sepzoo.support.bounds import BOUNDS
from sepzoo.support.errors import SepzooError, similar_names, unknown
from sepzoo.support.overrides import parse_override
from sepzoo.support.paths import absolute, is_path
from sepzoo.support.printable import printable
from sepzoo.support.regular_file import why_missing, why_unreadable
from sepzoo.support.types import Json
from sepzoo.support.yaml_text import parse_yaml
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.recipe_sections import DataSection, ModelSection, Positive

SHORT_KEYS = {"data": "data.name", "model": "model.name", "weights": "model.weights"}

_WORDS = {
    "name",
    "description",
    "command",
    "cost",
    "expected",
    "export",
    "versions",
    "earlier_epochs",
    "checkpoint_minutes",
}


def _names(value: Json) -> Json:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


class Recipe(FitSettings):
    """Everything that a training run needs: network, images, and how the one is trained on the other.

    Attributes:
        name: what the recipe is called.
        description: what it trains, and where the recipe comes from.
        command: the line that runs it.
        cost: time and machine.
        expected: the result, and who measured it.
        model: the network.
        data: the images.
        export: files that `run` makes of the trained network, such as `tflite:int8`; one text with commas will do.
        versions: of the libraries that ran it; a run writes them into its folder.
        earlier_epochs: `epochs` of the finished runs that this one went on from; a run writes them into its folder.

    The other keys are those of `FitSettings`.

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
    export: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    versions: dict[str, str] | None = None
    earlier_epochs: tuple[Positive, ...] = ()

    @model_validator(mode="after")
    def _only_what_is_frozen_can_be_unfrozen(self) -> Recipe:
        if self.unfreeze_epoch is not None and self.model.trained != "head":
            raise ValueError("expected unfreeze_epoch only with model.trained=head, which freezes layers at first")
        return self

    @model_validator(mode="after")
    def _only_initial_weights_can_be_others(self) -> Recipe:
        if self.whitened and (self.model.is_file or self.model.weights is not None):
            raise ValueError("expected whitened=0 beside trained weights, whose first convolution it would overwrite")
        return self

    @classmethod
    def load(cls, name_or_path: str | os.PathLike[str]) -> Recipe:
        """Return a shipped recipe by its name, or one from a YAML file.

        Raises:
            SepzooError: no such recipe or file; a key or a value that does not fit, named with what would.
        """
        text = os.fspath(name_or_path)
        if is_path(text) and not (text in list_recipes() and Path(text).is_dir()):  # a run may be called so
            return cls.from_yaml(_read(os.path.expanduser(text)), origin=text)  # noqa: PTH111  (the text is a name too)
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
        fields = self.model_dump(mode="json")
        in_order = {key: fields[key] for key in (*type(self).__annotations__, *fields)}  # a recipe's own keys first
        return yaml.safe_dump(in_order, sort_keys=False, allow_unicode=True, width=120)

    def resolved(self) -> Recipe:
        """Return the recipe with all paths absolute, so that it means the same from every folder."""
        model, data = self.model, self.data
        weights = model.weights if model.weights in (None, *weight_names()) else absolute(str(model.weights))
        model = model.model_copy(update={"weights": weights})
        if model.is_file:
            model = model.model_copy(update={"name": absolute(model.name)})
        if is_folder(data.name) or is_table(data.name):
            data = data.model_copy(update={"name": absolute(data.name)})
        if data.data_dir is not None:
            data = data.model_copy(update={"data_dir": absolute(data.data_dir)})
        teacher = self.teacher
        if teacher is not None:
            teacher = teacher.model_copy(update={"file": absolute(teacher.file)})
        return self.model_copy(update={"model": model, "data": data, "teacher": teacher})

    def what_decides(self) -> dict[str, Json]:
        """Return the fields that decide a run's numbers; the others (words, how often a state is kept) may change."""
        return self.resolved().model_dump(exclude=_WORDS)

    def with_overrides(self, overrides: Sequence[str]) -> Recipe:
        """Return a recipe with some values replaced.

        Args:
            overrides: each `key=value`, the key with dots between its parts and the value as YAML writes it;
                `data=`, `model=` and `weights=` are short for `data.name=`, `model.name=` and `model.weights=`. A file
                as `model=` takes the whole section's place but for `trained`.

        Raises:
            SepzooError: no `=`, an unknown key, a value that does not fit.
        """
        fields = self.model_dump(mode="json")
        for override in overrides:
            key, value = parse_override(override)
            if key == "model" and names_file(str(value)):
                fields["model"] = {"name": value, "trained": fields["model"]["trained"]}
                continue
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
    def _validated(cls, fields: Json, origin: str) -> Recipe:
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
        >>> [name for name in list_recipes() if name.startswith("cifar10_")]
        ['cifar10_bsconv', 'cifar10_fast', 'cifar10_hybrid', 'cifar10_short']
    """
    folder = resources.files("sepzoo.training").joinpath("recipes")
    return sorted(Path(file.name).stem for file in folder.iterdir() if file.name.endswith(".yaml"))


def _read(path: str) -> str:
    missing = why_missing(path)
    if missing is not None:
        raise SepzooError(f"expected a recipe file. Received: {printable(path)}, which {missing}.")
    reason = why_unreadable(path, most_bytes=BOUNDS.yaml)
    if reason in (None, "an empty file"):  # which holds no keys, and that is said of it
        try:
            return Path(path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            reason = "no UTF-8 text"
    kept = Path(path, "recipe.yaml")
    advice = f" The run in it goes on by: sepzoo train {printable(str(kept))} --out {printable(path)}"
    raise SepzooError(
        f"expected a recipe file. Received: {printable(path)}, which is {reason}.{advice if kept.is_file() else ''}"
    )


def _problem(details: ErrorDetails) -> str:
    """Return one of pydantic's findings in our form of words."""
    place = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        known = list(_keys(Recipe))
        parent, _, last = place.rpartition(".")
        siblings = [key for key in known if key.rpartition(".")[0] == parent]
        near = _similar_keys(last, siblings) or _similar_keys(last, known)
        advice = f"Did you mean {', '.join(near)}?" if near else f"Known: {', '.join(siblings)}."
        return f"unknown key {place!r}. {advice}"
    if details["type"] == "missing":
        return f"expected a value for {place}. Received: none."
    reason = details["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    reason = reason.removeprefix("expected ")
    received = details["input"]
    return f"expected for {place} {reason}. Received: {place}={received!r}."


def _similar_keys(last: str, keys: Sequence[str]) -> list[str]:
    found = similar_names(last, [key.rpartition(".")[2] for key in keys])
    return [key for key in keys if key.rpartition(".")[2] in found]


def _keys(section: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _keys(kind, f"{prefix}{name}.")
