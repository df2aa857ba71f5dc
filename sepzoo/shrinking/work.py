"""What files are written from while a network is shrunk, and how each is measured."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras

from sepzoo.data.samples import Samples
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.shrinking.budget import MEMORY
from sepzoo.shrinking.choosing import Choice, Whole
from sepzoo.shrinking.files import Measured, Reference, measured_file
from sepzoo.shrinking.forms import Forms
from sepzoo.shrinking.kept_work import NOTHING_KEPT, KeptWork
from sepzoo.shrinking.latency import StepTimes, file_times
from sepzoo.shrinking.memory_limit import peak
from sepzoo.shrinking.scores import Scores
from sepzoo.surgery.walk.model_inputs import ModelInputs


@dataclasses.dataclass(frozen=True)
class Work:
    """What files are written from and held against.

    Attributes:
        reference: the network as it was, and samples that answers are compared on.
        runtime: whose files are written.
        samples: to calibrate on.
        techniques: that may be used.
        folder: where files go.
        timed: the time of steps, where files are timed.
        epochs: of distillation.
        lessons: samples of distillation, as the model takes them.
        kept: where finished steps are kept.
    """

    reference: Reference
    runtime: str
    samples: Samples
    techniques: tuple[str, ...]
    folder: Path
    timed: StepTimes | None = None
    epochs: int = 0
    lessons: ModelInputs | None = None
    kept: KeptWork = NOTHING_KEPT

    @property
    def classifier(self) -> KerasClassifier:
        """The network as it was, with what was said of it."""
        return self.reference.classifier

    @property
    def integers(self) -> bool:
        """Whether the file has 8-bit integers."""
        return self.runtime.endswith("int8")

    def wholes(self, known: Scores, original: Measured) -> dict[str, Whole]:
        """Return what sums over the layers, and the largest need of memory, mean for the file, by the original's."""
        kept = [item.candidates[0] for item in known.items]
        needed = peak(known, kept, [0] * len(known.groups))
        found = {
            "macs": Whole(1.0, known.fixed_macs),
            "kib": Whole(
                1 / 1024, original.costs["kib"] + (known.renamed_bytes - sum(each.bytes for each in kept)) / 1024
            ),
            MEMORY: Whole(original.costs[MEMORY] / max(needed, 1), 0.0),
        }
        if self.timed is not None:
            every = sum(each.ms for each in self.timed.costs.of_file(original.path, trust=True))
            factor = original.costs["latency_ms"] / every
            found["latency_ms"] = Whole(factor, factor * (every - sum(each.latency_ms for each in kept)))
        return found

    def kept_of(self, choice: Choice) -> KeptWork:
        """Return where the steps of a choice that is carried out are kept."""
        return self.kept.of([each.way for each in choice.candidates], choice.levels)

    def forms(self, model: keras.Model) -> Forms:
        """Return a network made of the original as it is held to another one, and as it learns.

        The file of a network that rounds is larger, so that is what is measured before it learns too.
        """
        if self.epochs and self.integers:
            return Forms.of_integers(model, self.classifier, self.samples)
        return Forms.of(model, self.classifier)

    def measured(self, classifier: KerasClassifier, name: str, original: Measured | None = None) -> Measured:
        """Write a network under a name, and measure the file, its time in turns with that of the original's."""
        found = measured_file(
            classifier,
            self.folder / f"{name}.tflite",
            runtime=self.runtime,
            reference=self.reference,
            calibration=self.samples,
        )
        return found if self.timed is None else self.clocked(found, original)

    def clocked(self, found: Measured, original: Measured | None) -> Measured:
        """Return a file with its time measured, in turns with that of the original's."""
        if original is None:
            (alone,) = file_times([found.path.read_bytes()])
            return dataclasses.replace(found, costs={**found.costs, "latency_ms": alone.ms})
        before, now = file_times([original.path.read_bytes(), found.path.read_bytes()])
        own = original.costs["latency_ms"] * now.ms / before.ms  # the machine may have become slower meanwhile
        return dataclasses.replace(found, costs={**found.costs, "latency_ms": own})
