"""What a surgery will do to a model: which layers it skips and replaces, how each is checked, and how it ends."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import keras

from sepzoo.layers.graph import graph_of
from sepzoo.layers.twins import builtin_class, is_twin
from sepzoo.support.types import Operation
from sepzoo.surgery.walk.comparison import compare
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement, Skip, rewrite, unused_name
from sepzoo.surgery.walk.sites import Site, sites
from sepzoo.surgery.walk.verification import SameOutputs, Verification

SAME = SameOutputs()


@dataclasses.dataclass(frozen=True, eq=False)
class Choice:
    """What becomes of a layer, or of several in a row.

    Attributes:
        row: the layers; each takes what the one before it gives.
        decision: what replaces them, or why they stay.
        at: the layer of the row whose place a replacement takes.
        others: what the report says of the others.
        verification: what a replacement is held to; None where nothing is known of it.
    """

    row: tuple[Site, ...]
    decision: Replacement | Skip
    at: Site
    others: str = ""
    verification: Verification | None = None

    @property
    def exact(self) -> bool:
        """Whether the model's outputs stay the same."""
        return isinstance(self.decision, Skip) or (self.verification is not None and self.verification.exact)


class Plan:
    """The choices about a model's layers. Fast twins become built-in layers first, so that surgery meets those alone.

    A surgery looks at `sites`, makes its choices, and ends in `finish`, which checks each replacement and then the
    whole model. A surgery of several steps calls `carry_out` between them.

    Attributes:
        original: the model as it was given, which is only read.
        model: what has become of it so far.
        sites: its layers with their surroundings.

    Example:
        >>> layers = [keras.layers.Dense(4, name="a"), keras.layers.ReLU(name="b"), keras.layers.Dense(2, name="c")]
        >>> plan = Plan(keras.Sequential([keras.Input((4,)), *layers]))
        >>> plan.replace(plan.sites[0], Replacement((Part(keras.layers.Dense(4, name="a")),), "its weights are lost"))
        >>> plan.skip(plan.sites[1], "it has no weights")
        >>> plan.finish()
        Traceback (most recent call last):
        ...
        sepzoo.SepzooError: expected the same outputs from what replaces 'a', to 0.01 of a channel's largest...
    """

    def __init__(self, model: keras.Model, *, keep_twins: bool = False) -> None:
        self.original = model
        self._begin(model)
        self._exact = True
        self._report: SurgeryReport | None = None
        twins = [] if keep_twins else [site for site in self.sites if is_twin(site.layer)]
        for site in twins:
            self.replace(site, _without_twin(site))
        if twins:
            self.carry_out()

    def _begin(self, model: keras.Model) -> None:
        self.model, self.sites = model, sites(model)
        self._by_layer = {id(site.layer): site for site in self.sites}
        self._chosen: set[int] = set()
        self._choices: list[Choice] = []

    def __contains__(self, site: Site) -> bool:
        return id(site.layer) in self._chosen

    @property
    def replaces(self) -> bool:
        """Whether a layer will be replaced by the choices so far."""
        return any(isinstance(choice.decision, Replacement) for choice in self._choices)

    def site_of(self, operation: Operation) -> Site | None:
        """Return the site of a layer, None for any other operation."""
        return self._by_layer.get(id(operation))

    def skip(self, site: Site, reason: str) -> None:
        """Leave a layer as it is, for a reason."""
        self.replace(site, Skip(reason))

    def replace(
        self,
        row: Site | Sequence[Site],
        decision: Replacement | Skip,
        verification: Verification | None = SAME,
        *,
        at: Site | None = None,
        others: str = "",
    ) -> None:
        """Put a replacement in the place of a layer, or of a whole row of them.

        Args:
            row: a layer, or several of which each takes what the one before it gives.
            decision: computes what they do together; or why they stay after all.
            verification: what is checked of it.
            at: the layer of a row whose place it takes; None for the last one.
            others: what is said of the others, which are taken out.
        """
        row = (row,) if isinstance(row, Site) else tuple(row)
        self._chosen |= {id(site.layer) for site in row}
        self._choices.append(Choice(row, decision, at or row[-1], others, verification))

    def carry_out(self) -> None:
        """Rewrite the model by the choices so far, and check each; further ones are about the result.

        Raises:
            SepzooError: what `rewrite` raises, or a replacement that is not what it should be.
        """
        decisions: dict[int, Replacement | Skip] = {}
        for choice in self._choices:
            decisions |= {id(site.layer): Replacement((), choice.others) for site in choice.row}
            decisions[id(choice.at.layer)] = choice.decision
        self._name_apart(decisions)
        new, report = rewrite(self.model, lambda site: decisions.get(id(site.layer)))
        for choice in self._choices:
            if choice.verification is not None and isinstance(choice.decision, Replacement):
                choice.verification.check(choice.row, choice.decision)
        self._exact = self._exact and all(choice.exact for choice in self._choices)
        self._report = report if self._report is None else self._report.followed_by(report)
        self._begin(new)

    def finish(self, samples: ModelInputs | None = None) -> tuple[keras.Model, SurgeryReport]:
        """Carry out what is left, hold the new model as a whole against the original, and return it with the report.

        Args:
            samples: input to compare on, beside random input.

        Raises:
            SepzooError: what `carry_out` and `compare` raise.
        """
        if self._choices or self._report is None:
            self.carry_out()
        assert self._report is not None
        comparison = compare(self.original, self.model, samples, exact=self._exact)
        return self.model, dataclasses.replace(self._report, comparison=comparison)

    def _name_apart(self, decisions: dict[int, Replacement | Skip]) -> None:
        """Give new layers other names where kept ones have theirs already."""
        gone = {key for key, decision in decisions.items() if isinstance(decision, Replacement)}
        taken: dict[int, set[str]] = {}
        for choice in self._choices:
            if not isinstance(choice.decision, Replacement):
                continue
            models = [call.model for call in choice.at.calls]
            for model in models:
                names = {each.name for each in graph_of(model).operations if id(each) not in gone}
                taken.setdefault(id(model), names)
            names = set().union(*(taken[id(model)] for model in models))
            for part in choice.decision.parts:
                if part.layer.name in names:
                    part.layer.name = unused_name(part.layer.name, names)
                names.add(part.layer.name)
            for model in models:
                taken[id(model)] |= {part.layer.name for part in choice.decision.parts}


def _without_twin(site: Site) -> Replacement:
    layer = site.layer
    new = builtin_class(layer).from_config(layer.get_config())
    return Replacement((Part(new, layer.get_weights()),), "as the built-in layer")
