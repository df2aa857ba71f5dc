"""The steps in which a file is written, as they are told to somebody who waits."""

from __future__ import annotations

import contextlib
import dataclasses

from sepzoo.export.target import Target
from sepzoo.support.progress import announced

PREPARING = "preparing the network"
SEARCHING = "choosing the layers that stay float"
CONVERTING = "converting it"
COMPARING = "comparing the file with it"


@dataclasses.dataclass(frozen=True)
class Steps:
    """What is done one after another until there is a file.

    How long each takes differs between networks and formats, so that no time left is told over all of them; within a
    step it is, where things are counted.

    Attributes:
        what: what is exported, before each line.
        names: of the steps, in their order.
    """

    what: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, target: Target, title: str = "") -> Steps:
        """Return the steps to a format.

        Args:
            target: the format.
            title: before each line.
        """
        searching = () if target.search is None else (SEARCHING,)
        return cls(f"{title}{target.name}", (PREPARING, *searching, CONVERTING, COMPARING))

    def announced(self, name: str) -> contextlib.AbstractContextManager[None]:
        """Say which step it is, once the block has taken long.

        Args:
            name: of the step.
        """
        return announced(f"{self.what}, step {self.names.index(name) + 1} of {len(self.names)}: {name}")
