"""The ways of training/shrinking_study.py to keep a budget: the solver's, single techniques, and older rules."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import keras
import numpy as np

import sepzoo
from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.outputs import Output
from sepzoo.records.preprocessing import AS_THEY_ARE
from sepzoo.shrinking import Budget, Shrinker
from sepzoo.shrinking.distilling import distilled
from sepzoo.surgery.walk.model_inputs import model_inputs

ALONE = ("decouple", "bsconv", "spatial", "lowrank", "channels")
RULES = {"evenly": "even", "equal level": "equal_level", "greedy": "greedy"}
OLDER = ("decouple macs", "channels evenly")
Costs: TypeAlias = tuple[float, float, float | None, float | None]
Refused: TypeAlias = Callable[[str, str], None]
NOISY = "--costs macs"
"""What the refusal of a machine too busy to measure on names: another time it may not be."""
WAYS = ("all", *ALONE, *RULES, "by macs", *OLDER, "int8")


@dataclasses.dataclass(frozen=True)
class Work:
    """What is shrunk, and how.

    Attributes:
        model: the network.
        runtime: whose files are written.
        samples: to fit to.
        compare: other samples, on which choices are compared; None: a quarter of them.
        scores: a file for what is measured.
        narrower: the file of a narrower network that `sepzoo train` wrote, for the way of that name.
        distil: epochs.
        lessons: samples of those.
    """

    model: keras.Model
    runtime: str
    samples: Samples
    compare: Samples | None = None
    scores: Path | None = None
    narrower: Path | None = None
    distil: int = 0
    lessons: Samples | None = None
    _shrinkers: dict[Path | None, Shrinker] = dataclasses.field(default_factory=dict, init=False)
    _open: contextlib.ExitStack = dataclasses.field(default_factory=contextlib.ExitStack, init=False)

    def __enter__(self) -> Work:
        """Begin: what all ways and budgets share is kept until the end."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Delete what was kept."""
        self._open.close()
        self._shrinkers.clear()

    def files(
        self, ways: Iterable[str], budget: str, folder: Path, refused: Refused
    ) -> Iterator[tuple[str, Path, Costs]]:
        """Yield each way to keep a budget with its file and what `file` says of it; say which can't be had, and why.

        Args:
            ways: see `WAYS`.
            budget: resources and their limits, by commas: "macs=50%".
            folder: for the files.
            refused: is told a way and why it can't be had.
        """
        for way in ways:
            path = folder / f"{way}.tflite"
            try:
                costs = self.file(way, budget, path)
            except sepzoo.SepzooError as error:
                if str(error).startswith(f"{self.scores_of(way, budget)}:"):
                    raise  # what is wrong with a file says nothing of the way
                if NOISY in str(error):
                    print(f"{way}: {error}", flush=True)
                else:
                    refused(way, str(error))
                continue
            yield way, path, costs

    def file(self, way: str, budget: str, path: Path) -> Costs:
        """Write the file of a way; return its MACs and KiB, its milliseconds and expected divergence where known."""
        limits = dict(each.split("=") for each in budget.split(","))
        if way in ("original", *OLDER, "int8", "narrower"):
            network, runtime = self._older(way, next(iter(limits.values())))
            said = from_model(self.model).metadata.preprocessing
            settings = {"calibration": self.samples, "preprocessing": said}
            report = sepzoo.export.export(network, runtime, path, **settings)
            return sepzoo.analysis.profile(network).macs, report.size / 1024, None, None
        _network, told = self._shrinker(self.scores_of(way, budget)).shrink(
            Budget(**limits),
            costs="macs" if way == "by macs" else "measured",
            techniques=(way,) if way in ALONE else (*ALONE, "smaller"),
            rule=RULES.get(way, "best"),
            distil=self.distil,
            out=path,
        )
        if way == "all":
            print(told, flush=True)
        expected = sum(each.expected for each in told.layers)
        return told.measured["macs"], told.measured["kib"], told.measured.get("latency_ms"), expected

    def scores_of(self, way: str, budget: str) -> Path | None:
        """Return the file of what is measured: one technique looks for itself alone where all weren't looked at yet."""
        if self.scores is None:
            return None
        by_counts = way == "by macs" and "latency_ms" in budget
        found = self.scores.with_stem(f"{self.scores.stem}_untimed") if by_counts else self.scores
        return found.with_stem(f"{found.stem}_{way}") if way in ALONE and not found.exists() else found

    def _shrinker(self, scores: Path | None) -> Shrinker:
        """Return what shrinks the network by the scores in a file."""
        if scores not in self._shrinkers:
            shrinker = Shrinker(
                self.model,
                samples=self.samples,
                compare=self.compare,
                runtime=self.runtime,
                scores=scores,
                lessons=self.lessons,
            )
            self._shrinkers[scores] = self._open.enter_context(shrinker)
        return self._shrinkers[scores]

    def _older(self, way: str, limit: str) -> tuple[keras.Model, str]:
        """Return what one surgery, or none, makes of the network for a share of its MACs, and its runtime."""
        if way == "original":
            return self.model, self.runtime
        if way == "int8":
            return self.model, "tflite:int8"
        if way == "narrower":
            return self._narrower(), self.runtime
        share = float(limit.removesuffix("%")) / 100
        if way == OLDER[0]:
            return sepzoo.surgery.decouple(self.model, macs=share, data=self.samples)[0], self.runtime
        settings = {"macs": share, "allocation": "uniform", "multiple_of": 8, "data": self.samples}
        return sepzoo.surgery.prune_channels(self.model, **settings)[0], self.runtime

    def _narrower(self) -> keras.Model:
        """Return the narrower network, which takes the original's pixels, after it has learned from that one."""
        network = model_file.load(self.narrower)
        said = from_model(network).metadata.preprocessing or AS_THEY_ARE
        scale, offset = 1 / np.array(said.std), -np.array(said.mean) / np.array(said.std)
        pixels = keras.layers.Rescaling(scale.tolist(), offset.tolist())
        student = keras.Sequential([keras.Input(self.model.input_shape[1:]), pixels, network], name=network.name)
        if not self.distil:
            return student
        inputs = model_inputs(self.model, self.lessons or self.samples)
        return distilled(student, self.model, inputs, [Output("softmax")], epochs=self.distil)[0]
