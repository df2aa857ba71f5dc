"""A study as one file: which networks are trained how, how often, and what is compared with what."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Json
from sepzoo.support.yaml_text import parse_yaml
from sepzoo.training.recipe import SHORT_KEYS, Recipe
from sepzoo.training.recipe_sections import Section

CASE = "case"
"""The key by which a run's values name its case."""
SEED = "seed"
WORDS = ("name", "description", "command", "cost", "expected", "export", "on_device", "checkpoint_minutes")
"""Keys of a recipe that decide none of a run's numbers, beyond rounding, nor does the place of the data."""
PLACE = "data.data_dir"
Name = Annotated[str, Field(pattern=r"^[\w.-]+$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Deviation = Annotated[float, Field(gt=0)] | None
Metric = Literal["last_accuracy", "best_accuracy", "test_accuracy"]


@dataclasses.dataclass(frozen=True)
class StudyRun:
    """One run of a study.

    Attributes:
        arm: of which it is a run.
        seed: of the run.
        values: what the study varies beside the arms, by the recipe's keys; `case` names the case.
        choosing: whether it is there to choose a value for its arm, not to compare arms.
        recipe: what is trained.
    """

    arm: str
    seed: int
    values: dict[str, Json]
    choosing: bool
    recipe: Recipe

    @property
    def name(self) -> str:
        """A path that tells the runs of a study apart."""
        values = [f"{key.rpartition('.')[2]}={value}" for key, value in self.values.items()]
        first = "-".join([*(["choose"] if self.choosing else []), self.arm, *values])
        return f"{first}/seed{self.seed}"

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the run's numbers and was said, wherever data lies and steps are computed."""
        decides = self.recipe.model_dump(mode="json", exclude_defaults=True)
        decides = {key: value for key, value in decides.items() if key not in WORDS}
        data = decides["data"]
        data.pop("data_dir", None)
        place = Path(data["name"]).expanduser()
        if place.is_absolute():  # TFDS has names with a slash, which are no places
            data["name"] = place.name
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


class Choice(Section):
    """A value that is chosen before arms are compared, such as the learning rate.

    Attributes:
        key: of the recipe.
        arm: that chooses for all; nothing: each chooses for itself.
        values: to choose from; the one whose run measures best is taken, the first of equal ones.
        settings: of these runs alone, such as fewer epochs, and a validation split that no comparison sees.
        seed: of these runs.
    """

    key: str
    arm: str | None = None
    values: Annotated[tuple[Json, ...], Field(min_length=2)]
    settings: dict[str, Json] = Field(default_factory=dict)
    seed: Seed = 0


class Case(Section):
    """What every arm of a study is run on, such as a data set.

    Attributes:
        settings: of its runs, by the recipe's keys, such as `data.name: GunPoint_TRAIN.ts`.
        arms: further ones of single arms, such as the width at which they have equally many parameters here.
    """

    settings: dict[str, Json] = Field(default_factory=dict)
    arms: dict[str, dict[str, Json]] = Field(default_factory=dict)


class Study(Section):
    """Networks, seeds and values of a study; each combination is an ordinary run of a recipe.

    Attributes:
        name: what the study is called; its results lie in `NAME.csv` beside its file.
        question: what it is to answer.
        published: what others found, with the source.
        recipe: that all runs share: a shipped one's name, or a file, seen from the study's folder.
        settings: of all runs, by the recipe's keys, such as `epochs: 4`.
        arms: what is compared, each a name with its own settings.
        cases: what all arms are run on, such as data sets; differences are averaged over them too. Runs that choose a
            value have none, their settings say what they are run on. Nothing: the settings are all.
        values: further keys, each with the values that it takes; every combination is run with every arm. They decide
            a run's numbers, and are none that the study has a field for, as it has for seeds and cases.
        seeds: of the runs; all arms have the same, so that they can be compared in pairs.
        choose: a value that is chosen first, by each arm for itself or by one for all; nothing: none.
        metric: what arms are compared by: validation accuracy after the last epoch or the best, or test accuracy.
        compare: pairs of arms, the second taken from the first; nothing: all pairs.
        expected_deviation: standard deviation of paired differences that is expected, from which the smallest
            difference is said that the study will probably see; nothing: unknown.
        expected_deviation_of_cases: likewise of the differences between cases, each a mean over seeds.

    Example:
        >>> text = "{name: two, recipe: digits, arms: {narrow: {}, wide: {model.arguments.alpha: 0.5}}}"
        >>> study = Study.from_yaml(text)
        >>> [run.name for run in study.runs()]
        ['narrow/seed0', 'wide/seed0']
    """

    name: Name
    question: str = ""
    published: str = ""
    recipe: str
    settings: dict[str, Json] = Field(default_factory=dict)
    arms: Annotated[dict[Name, dict[str, Json]], Field(min_length=1)]
    cases: dict[Name, Case] = Field(default_factory=dict)
    values: dict[str, Annotated[tuple[Json, ...], Field(min_length=1)]] = Field(default_factory=dict)
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0,)
    choose: Choice | None = None
    metric: Metric = "last_accuracy"
    compare: tuple[tuple[str, str], ...] | None = None
    expected_deviation: Deviation = None
    expected_deviation_of_cases: Deviation = None

    @model_validator(mode="after")
    def _pairs_are_of_arms(self) -> Study:
        chooses = [self.choose.arm] if self.choose is not None and self.choose.arm is not None else []
        of_cases = (case.arms for case in self.cases.values())
        for name in itertools.chain(chooses, *(self.compare or ()), *of_cases):
            if name not in self.arms:
                raise ValueError(f"expected one of the arms {', '.join(self.arms)}, not {name!r}")
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("expected seeds that differ")
        return self

    @model_validator(mode="after")
    def _keys_are_the_recipe_s(self) -> Study:
        chosen = [] if self.choose is None else [self.choose.key]
        for key in (*self.values, *chosen):
            if key in (CASE, SEED, PLACE) or key.partition(".")[0] in WORDS:
                said = {CASE: ", which the study's cases say", SEED: ", which the study's seeds say"}.get(key, "")
                raise ValueError(f"expected to vary a recipe's key that decides a run's numbers, not {key!r}{said}")
            if key in chosen and key in self.values:
                raise ValueError(f"expected {key!r} in values or in choose, not in both")
        settings = [self.settings, *self.arms.values(), *([] if self.choose is None else [self.choose.settings])]
        for case in self.cases.values():
            settings += [case.settings, *case.arms.values()]
        if any(SEED in each for each in settings):
            raise ValueError(f"expected settings without {SEED!r}, which the study's seeds say")
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Study:
        """Return the study of a YAML file; a recipe's path in it is seen from the file's folder.

        Raises:
            SepzooError: no such file, or a key or a value that does not fit.
        """
        path = Path(path)
        if not path.is_file():
            raise SepzooError(f"expected the YAML file of a study. Received: {path}, which does not exist.")
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise SepzooError(f"{path}: expected UTF-8 text.") from None
        study = cls.from_yaml(text, origin=str(path))
        beside = path.parent / study.recipe
        return study.model_copy(update={"recipe": str(beside)}) if beside.is_file() else study

    @classmethod
    def from_yaml(cls, text: str, *, origin: str = "study") -> Study:
        """Return the study that a YAML text writes down; `origin` names it in errors."""
        try:
            return cls.model_validate(parse_yaml(text))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            reason = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            raise SepzooError(f"{origin}: expected for {place or 'a study'} what fits. {reason}.") from None
        except ValueError as error:
            raise SepzooError(f"{origin}: expected YAML. Received: {error}.") from None

    def runs(self) -> Iterator[StudyRun]:
        """Yield the runs that compare arms, seed after seed, without what arms choose for themselves."""
        for seed, values, arm in itertools.product(self.seeds, self._combinations(), self.arms):
            yield self._run(arm, seed, values)

    def choosing_runs(self) -> Iterator[StudyRun]:
        """Yield the runs from which each arm takes its value."""
        if self.choose is not None:
            arms = self.arms if self.choose.arm is None else (self.choose.arm,)
            for arm, value in itertools.product(arms, self.choose.values):
                yield self._run(arm, self.choose.seed, {self.choose.key: value}, choosing=True)

    def chosen(self, run: StudyRun, value: Json) -> StudyRun:
        """Return a run with the value that its arm has chosen."""
        if self.choose is None:
            return run
        return self._run(run.arm, run.seed, {**run.values, self.choose.key: value})

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of arms that are compared."""
        return self.compare if self.compare is not None else tuple(itertools.combinations(self.arms, 2))

    def _combinations(self) -> Iterator[dict[str, Json]]:
        for case, values in itertools.product(self.cases or (None,), itertools.product(*self.values.values())):
            combined = dict(zip(self.values, values, strict=True))
            yield combined if case is None else {CASE: case, **combined}

    def _run(self, arm: str, seed: int, values: dict[str, Json], *, choosing: bool = False) -> StudyRun:
        if arm not in self.arms:
            raise unknown("arm", arm, self.arms)
        own = self.choose.settings if choosing and self.choose is not None else {}
        case = self.cases[values[CASE]] if CASE in values else Case()
        varied = {key: value for key, value in values.items() if key != CASE}
        arms = {**self.arms[arm], **case.arms.get(arm, {})}
        settings = {**self.settings, **case.settings, **arms, **varied, **own, SEED: seed}
        settings = {SHORT_KEYS.get(key, key): value for key, value in settings.items()}
        overrides = [f"{key}={_as_text(value)}" for key, value in settings.items()]
        return StudyRun(arm, seed, values, choosing, Recipe.load(self.recipe).with_overrides(overrides))


def _as_text(value: Json) -> str:
    """Return a value as `with_overrides` reads it back."""
    return value if isinstance(value, str) else json.dumps(value)
