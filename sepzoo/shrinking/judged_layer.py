"""A layer, what can be chosen for it, and what each choice makes of its map."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from sepzoo.shrinking.candidates import Candidate
from sepzoo.shrinking.layer_errors import LayerErrors
from sepzoo.shrinking.trial import Map
from sepzoo.shrinking.ways import KEEP


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedLayer:
    """What was found out about a layer.

    Attributes:
        candidates: the choices; the first keeps the layer as it is.
        ways: the layer's map computed in each way among them, by its name; empty of a layer that isn't fitted.
        inputs: its map for each level of its inputs.
    """

    candidates: tuple[Candidate, ...]
    ways: Mapping[str, Map] = dataclasses.field(default_factory=dict)
    inputs: tuple[Map, ...] = ()

    @classmethod
    def of(cls, candidates: tuple[Candidate, ...], errors: LayerErrors | None) -> JudgedLayer:
        """Return what errors are known of."""
        if errors is None:
            return cls(candidates)
        names = dict.fromkeys([KEEP, *(each.way for each in candidates)])
        return cls(candidates, {name: errors.ways[name] for name in names}, tuple(errors.inputs))

    def map(self, way: str, source: int) -> Map:
        """Return the layer's map with a way's error added to that of inputs which are gone."""
        (matrix, bias), (own, own_bias), (fewer, less) = self.ways[way], self.ways[KEEP], self.inputs[source]
        return fewer + matrix - own, less + bias - own_bias

    def arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays, see `of_arrays`."""
        text = json.dumps([dataclasses.asdict(each) for each in self.candidates])
        found = {"candidates": np.array(text), "names": np.array(list(self.ways), str)}
        for name, maps in (("ways", self.ways.values()), ("inputs", self.inputs)):
            for part, side in enumerate(("matrices", "biases")):
                found[f"{name} {side}"] = np.array([each[part] for each in maps])
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> JudgedLayer:
        """Return what `arrays` were made of."""
        ways, inputs = (
            tuple(zip(arrays[f"{name} matrices"], arrays[f"{name} biases"], strict=True)) for name in ("ways", "inputs")
        )
        candidates = tuple(Candidate.of(each) for each in json.loads(str(arrays["candidates"])))
        return cls(candidates, dict(zip(arrays["names"].tolist(), ways, strict=True)), inputs)
