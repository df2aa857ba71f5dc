"""What channel pruning did: beside the layers, the groups of channels, and how well what follows was fitted again."""

from __future__ import annotations

import dataclasses

from sepzoo.support.table import table
from sepzoo.surgery.pruning.refitting import Refit
from sepzoo.surgery.walk.report import SurgeryReport


@dataclasses.dataclass(frozen=True)
class PrunedGroup:
    """Channels of one layer, or of several that must have the same ones.

    Attributes:
        layers: the layers that give them.
        channels_before: how many each of them gave.
        channels_after: how many it gives.
    """

    layers: tuple[str, ...]
    channels_before: int
    channels_after: int


@dataclasses.dataclass(frozen=True)
class KeptChannels:
    """A layer whose outputs could not be pruned.

    Attributes:
        layer: its name.
        reason: why not.
    """

    layer: str
    reason: str


@dataclasses.dataclass(frozen=True)
class PruningReport(SurgeryReport):
    """A `SurgeryReport` with the groups of channels.

    Attributes:
        groups: those that could be chosen from, in the order of the graph.
        kept: layers whose outputs had to stay, and why.
        refits: layers that were fitted again, in the order of the graph; empty without samples.
        recalibrated: how many batch normalizations got the statistics of the samples.
    """

    groups: tuple[PrunedGroup, ...] = ()
    kept: tuple[KeptChannels, ...] = ()
    refits: tuple[Refit, ...] = ()
    recalibrated: int = 0

    def __str__(self) -> str:
        rows = [(", ".join(each.layers), f"{each.channels_before} -> {each.channels_after}") for each in self.groups]
        parts = [super().__str__(), table(["group", "channels"], rows, left=1)]
        if self.refits:
            errors = [(each.layer, f"{each.error_before:.4f}", f"{each.error_after:.4f}") for each in self.refits]
            parts.append(table(["fitted again", "output error before", "after"], errors, left=1))
        if self.recalibrated:
            parts.append(f"batch normalizations with the statistics of the samples: {self.recalibrated}")
        return "\n\n".join(parts)
