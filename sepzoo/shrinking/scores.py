"""What was measured of a network once, and is enough to solve for any budget: choices, costs and errors."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sepzoo.shrinking.candidates import Candidate
from sepzoo.shrinking.memory import Moment
from sepzoo.shrinking.network import Channels
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.json_text import parse_json

VERSION = 6


@dataclasses.dataclass(frozen=True)
class Item:
    """A layer and its choices.

    Attributes:
        layer: its name.
        groups: numbers of the groups that its inputs and its outputs are of; None where none of them may go.
        candidates: the choices; the first keeps the layer as it is.
    """

    layer: str
    groups: tuple[int | None, int | None]
    candidates: tuple[Candidate, ...]


@dataclasses.dataclass(frozen=True)
class GroupLevels:
    """A group of channels and which of them may go.

    Attributes:
        layers: names of the layers that give them.
        sets: numbers of the sets of channels.
        levels: those that go at each level; none at the first.
    """

    layers: tuple[str, ...]
    sets: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, group: Channels) -> GroupLevels:
        """Return what is saved of a network's group."""
        return cls(group.layers, tuple(group.sets.tolist()), tuple(tuple(each.tolist()) for each in group.levels))

    def group(self) -> Channels:
        """Return the network's group, without ranking its channels again."""
        return Channels(self.layers, np.array(self.sets), tuple(np.array(each, int) for each in self.levels))

    @property
    def channels(self) -> int:
        """How many there are."""
        return len(self.sets)

    @property
    def gone(self) -> tuple[int, ...]:
        """How many go at each level."""
        return tuple(map(len, self.levels))


@dataclasses.dataclass(frozen=True)
class Scores:
    """All that a solve needs.

    Attributes:
        network: its name.
        key: a hash of weights, samples and settings: scores of another key are of another network.
        items: the layers.
        groups: of channels, between them.
        fixed_macs: multiply-accumulates of what can't be chosen.
        macs: of the whole network as it is.
        correlation: rank correlation of the predicted error and the measured divergence of random choices; None where
            there is nothing to choose.
        trials: how many choices that was measured on: (predicted, measured), in nats.
        samples: in words.
        techniques: that there are candidates of.
        moments: what is in memory at once.
        renamed_bytes: that any network built of this one takes in a file beside what its layers do.
        parts: what of each trial's prediction each layer was to add, in nats.
        unfitted: the rank correlation before the layers' factors were fitted to the trials; None where they weren't.
    """

    network: str
    key: str
    items: tuple[Item, ...]
    groups: tuple[GroupLevels, ...]
    fixed_macs: int
    macs: int
    correlation: float | None
    trials: tuple[tuple[float, float], ...]
    samples: str
    techniques: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    renamed_bytes: int = 0
    parts: tuple[tuple[float, ...], ...] = ()
    unfitted: float | None = None

    def levels_of(self, items: Sequence[Sequence[Candidate]]) -> list[list[int]]:
        """Return the levels of each group that every item around it has a candidate at: the first where none may go.

        Args:
            items: the candidates of each item that may be chosen.
        """
        found = [set(range(len(group.gone))) for group in self.groups]
        for item, choices in zip(self.items, items, strict=True):
            for side, number in enumerate(item.groups):
                if number is not None:
                    found[number] &= {each.levels[side] for each in choices}
        return [sorted(each) for each in found]

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps({"version": VERSION, **dataclasses.asdict(self)}) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path, key: str, techniques: Sequence[str] = ()) -> Scores | None:
        """Return the scores in a file, or None where there is none.

        Args:
            path: of the file.
            key: of what they should be of.
            techniques: that they should have candidates of; they may have more.

        Raises:
            SepzooError: it is no such file, of another network, other samples or settings, or lacks a technique.
        """
        if not path.exists():
            return None
        if path.is_dir():
            raise SepzooError(f"expected scores= as a file. Received: {path}, which is a folder. Name a file in it.")
        try:
            found = parse_json(path.read_text(encoding="utf-8"))
            right = found.pop("version") == VERSION
            items = tuple(
                Item(each["layer"], tuple(each["groups"]), tuple(map(Candidate.of, each["candidates"])))
                for each in found["items"]
            )
            groups = tuple(
                GroupLevels(tuple(each["layers"]), tuple(each["sets"]), tuple(map(tuple, each["levels"])))
                for each in found["groups"]
            )
            trials = tuple((float(one), float(two)) for one, two in found["trials"])
            moments = tuple(map(Moment.of, found["moments"]))
            parts = tuple(tuple(map(float, each)) for each in found["parts"])
            read = {"parts": parts, "items": items, "groups": groups, "trials": trials, "moments": moments}
            read["techniques"] = tuple(found["techniques"])
            scores = cls(**{**found, **read})
        except (ValueError, KeyError, TypeError, AttributeError):
            right, scores = False, None
        if not right or scores is None:
            raise SepzooError(
                f"{path}: expected scores that sepzoo shrink wrote. Received: another file. Name a new one."
            )
        if scores.key != key:
            raise SepzooError(
                f"{path}: expected scores of this network, these samples and settings. Received: those of another "
                f"shrink, of {scores.network!r}. Name a new file, or say the same again."
            )
        lacking = [each for each in techniques if each not in scores.techniques]
        if lacking:
            raise SepzooError(
                f"{path}: expected scores of {', '.join(techniques)}. Received: those of "
                f"{', '.join(scores.techniques)}, without {', '.join(lacking)}. Name a new file, or allow no others."
            )
        return scores


def correlation(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Return the rank correlation of what was predicted and what was measured; None where one hardly differs.

    Example:
        >>> round(correlation([(1.0, 10.0), (2.0, 30.0), (3.0, 20.0)]), 3)
        0.5
    """
    from scipy.stats import spearmanr

    sides = list(zip(*pairs, strict=True))
    return None if min(len(set(side)) for side in sides) < 3 else float(spearmanr(*sides).statistic)
