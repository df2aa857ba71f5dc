"""Rewriting that must not change what a model answers, and the check that it did not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from sepzoo.support.errors import SepzooError
from sepzoo.surgery.walk.promise import tolerance
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Replacement, Skip, rewrite
from sepzoo.surgery.walk.sites import Site

IMAGES = 4
WINDOWS = 2
"""Noise is so large that the last layer's window stands on this many places along each axis."""
FAINT = 1e-3
"""A channel fainter than this, beside the loudest one, may be off by as much as if it were so loud."""


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """Layers in a row and what stands in their place, which is to answer the same.

    Attributes:
        before: the original's layers; each takes what the one before it gives.
        after: the replacement; its layers have their weights.
    """

    before: tuple[Site, ...]
    after: Replacement

    def check(self) -> None:
        """Run both on the same noise, a few pixels wide, and compare each channel.

        Raises:
            SepzooError: the new layers' weights are not finite, or they answer otherwise; the old ones are named.
        """
        if not all(_is_finite(part.layer) for part in self.after.parts):
            culprits = [site for site in self.before if not _is_finite(site.layer)] or self.before
            raise SepzooError(
                f"expected finite weights. Received: NaN or infinite values in {_names(culprits)}. "
                "Train the model again, or load another checkpoint."
            )
        expected: Any = keras.ops.convert_to_tensor(self._noise(), dtype="float32")
        with keras.StatelessScope():  # which keeps penalties on the output from being added to the layers
            found = self.after(expected)
            for site in self.before:
                expected = site.layer(expected)
        allowed = max(tolerance(site.layer) for site in self.before)
        off = self._distance(*(keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")) for y in (found, expected)))
        if not off <= allowed:  # so that NaN is caught too
            raise SepzooError(
                f"expected the same answers from what replaces {_names(self.before)}, to {allowed:g} of a channel's "
                f"largest. Received: answers that are {off:.1e} of it off. No model is returned; please report this."
            )

    @property
    def _channel_axis(self) -> int:
        return 1 if any(getattr(s.layer, "data_format", "") == "channels_first" for s in self.before) else -1

    def _noise(self) -> np.ndarray:
        """Return the same random values every time, no wider than the model's own input of the row."""
        first = self._channel_axis == 1
        _batch, *sizes = self.before[0].input_shape
        channels = sizes.pop(0 if first else -1) or 0
        wanted = [WINDOWS] * len(sizes)
        for layer in (site.layer for site in reversed(self.before)):
            if hasattr(layer, "kernel_size"):
                geometry = zip(wanted, layer.strides, layer.dilation_rate, layer.kernel_size, strict=True)
                wanted = [(places - 1) * step + rate * (size - 1) + 1 for places, step, rate, size in geometry]
        given = [most if size is None else min(size, most) for size, most in zip(sizes, wanted, strict=True)]
        shape = [channels, *given] if first else [*given, channels]
        return np.random.default_rng(0).normal(size=(IMAGES, *shape))

    def _distance(self, found: np.ndarray, expected: np.ndarray) -> float:
        """Return the largest error of a channel as a share of its largest value."""
        if found.shape != expected.shape:
            return float("inf")
        error, size = (
            np.abs(np.moveaxis(y, self._channel_axis, 0)).reshape(y.shape[self._channel_axis], -1).max(axis=1)
            for y in (found - expected, expected)
        )
        with np.errstate(invalid="ignore"):
            shares = error / np.maximum(np.maximum(size, FAINT * size.max()), np.finfo("float32").tiny)
        return float(shares.max())


class Lossless:
    """What becomes of a model's layers, each new one held against those that it replaces before anybody gets it.

    Example:
        >>> from sepzoo.surgery.walk.rewriting import Part
        >>> from sepzoo.surgery.walk.sites import sites
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
        >>> plan, (site,) = Lossless(), sites(model)
        >>> plan.decide(site, Replacement((Part(keras.layers.Dense(2, name="d")),), "its weights are forgotten"))
        >>> plan.carry_out(model)
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected the same answers from what replaces 'd', to 0.01 of a channel's largest...
    """

    def __init__(self) -> None:
        self._decisions: dict[int, Replacement | Skip] = {}
        self._rows: list[Row] = []

    def __contains__(self, site: Site) -> bool:
        return id(site.layer) in self._decisions

    def skip(self, site: Site, reason: str) -> None:
        """Leave a layer as it is, for a reason."""
        self._decisions[id(site.layer)] = Skip(reason)

    def decide(self, site: Site, decision: Replacement | Skip) -> None:
        """Replace one layer, or leave it."""
        if isinstance(decision, Skip):
            self._decisions[id(site.layer)] = decision
        else:
            self.replace((site,), decision, at=site)

    def replace(self, row: Sequence[Site], replacement: Replacement, *, at: Site, others: str = "") -> None:
        """Put a replacement at one layer's place for a whole row of them.

        Args:
            row: layers, each of which takes what the one before it gives.
            replacement: computes what they do together.
            at: the layer of the row whose place it takes.
            others: what is said of the others, which are taken out.
        """
        self._decisions |= {id(site.layer): Replacement((), others) for site in row}
        self._decisions[id(at.layer)] = replacement
        self._rows.append(Row(tuple(row), replacement))

    def carry_out(self, model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
        """Return the new model and the report.

        Raises:
            SepzooError: what `rewrite` raises, or new layers that don't answer as those before them.
        """
        new, report = rewrite(model, lambda site: self._decisions.get(id(site.layer)))
        for row in self._rows:
            row.check()
        return new, report


def _is_finite(layer: Any) -> bool:
    return all(np.isfinite(keras.ops.convert_to_numpy(keras.ops.cast(v, "float32"))).all() for v in layer.variables)


def _names(sites: Sequence[Site]) -> str:
    return ", ".join(repr(site.name) for site in sites)
