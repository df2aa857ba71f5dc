"""Samples, parted and in the form in which each part of the work takes them."""

from __future__ import annotations

import dataclasses

import keras

from sepzoo.data.samples import Samples
from sepzoo.inference.given_samples import as_samples
from sepzoo.inference.keras_model import from_model
from sepzoo.records.outputs import Said
from sepzoo.shrinking.files import Reference
from sepzoo.support.types import Arrays
from sepzoo.surgery.walk.model_inputs import ModelInputs, model_inputs

HELD_OUT = 4
"""One sample of so many is held out of the fits."""


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """What a network is shrunk by.

    Attributes:
        fitted: samples as the model takes them, to fit to.
        held: others, on which choices are compared.
        calibration: all of them, for ranges of integers.
        reference: the network as it is, and samples on which files are held against it.
        lessons: of distillation, as the model takes them; None: those that are fitted to.
    """

    fitted: ModelInputs
    held: ModelInputs
    calibration: Samples
    reference: Reference
    lessons: ModelInputs | None

    @classmethod
    def of(
        cls,
        model: keras.Model,
        samples: Samples | Arrays,
        compare: Samples | Arrays | None,
        check: Samples | Arrays | None,
        lessons: Samples | Arrays | None,
        outputs: Said,
    ) -> Given:
        """Return the parts of what a user gives, see `sepzoo.shrinking.shrink`.

        Raises:
            SepzooError: what is given doesn't fit the model.
        """
        inputs = model_inputs(model, samples)
        classifier = from_model(model, outputs=outputs)
        drawn = as_samples(classifier, samples, "fit to")
        if compare is None:
            first, rest = _parts(len(inputs))
            fitted, held, others = inputs[first], inputs[rest], drawn.taken(rest)
        else:
            fitted, held, others = inputs, model_inputs(model, compare), as_samples(classifier, compare, "compare on")
        checked = others if check is None else as_samples(classifier, check, "check the file")
        taught = None if lessons is None else model_inputs(model, lessons)
        return cls(fitted, held, drawn, Reference(classifier, checked), taught)


def _parts(count: int) -> tuple[slice, slice]:
    """Return which of so many samples are fitted to, and the quarter that is held out of that to measure on."""
    fitted = count - count // HELD_OUT
    return (slice(fitted), slice(fitted, None)) if count >= 2 * HELD_OUT else (slice(None), slice(None))
