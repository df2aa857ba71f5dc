"""Parallel convolutions of one input, whose outputs are added, as one convolution."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np

from sepzoo.layers.cloning import clone
from sepzoo.layers.graph import run
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Layer, Tensor, Tensors
from sepzoo.surgery.exact.branches import Branch, bias_of, branch_of, kernel_in, largest, obstacle
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement
from sepzoo.surgery.walk.sites import Site
from sepzoo.surgery.walk.verification import as_array, distance, is_finite, tolerance


def fuse_branches(model: keras.Model) -> tuple[keras.Model, SurgeryReport]:
    """Fuse parallel linear convolutions of one input, whose outputs a `keras.layers.Add` sums, for inference.

    Networks such as MobileOne and RepVGG (Ding et al., CVPR 2021, arXiv 2101.03697) train several branches at each
    place: k x k convolutions, a 1 x 1 convolution, the input itself, most with a batch normalization. All are laid into
    the largest kernel, which must cover the others' windows; its layer keeps its name and gets a bias. Sums of sums are
    taken from the inside outwards; of a sum with terms of other inputs the branches become one term. Branches that stay
    are in the report with the reason. Outputs in inference agree with the original's to rounding, and each new layer is
    held against those that it replaces before the model is returned. Batch normalizations elsewhere are for
    `fold_batch_norm`.

    Raises:
        SepzooError: a model that `rewrite` refuses, weights that are not finite, or a new layer whose outputs differ;
            the layers are named.

    Example:
        >>> x = keras.Input((8, 8, 4))
        >>> wide = keras.layers.Conv2D(4, 3, padding="same", name="wide")(x)
        >>> total = keras.layers.Add(name="add")([wide, keras.layers.Conv2D(4, 1)(x), x])
        >>> new, report = fuse_branches(keras.Model(x, total))
        >>> [layer.name for layer in new.layers[1:]], report.params_before, report.params_after
        (['wide'], 168, 148)
    """
    plan = Plan(model)
    _fuse(plan)
    while plan.replaces:  # the sum of a sum takes another round; what stays has its reason in the first one
        plan.carry_out()
        _fuse(plan, reasons=False)
    return plan.finish()


def _fuse(plan: Plan, *, reasons: bool = True) -> None:
    for add in plan.sites:
        if type(add.layer) is not keras.layers.Add or len(add.calls) > 1:
            continue
        for group in _groups(plan, add):
            main = largest(group)
            kept = {branch: obstacle(main, branch) for branch in group if branch is not main}
            fitting = [branch for branch in group if not kept.get(branch)]
            if len(fitting) > 1 and add not in plan:
                _replace(plan, add, main, fitting)
            for branch, reason in kept.items() if reasons else ():
                site = branch.convolution or branch.norm
                if reason and site is not None:
                    plan.skip(site, reason)


def _groups(plan: Plan, add: Site) -> list[list[Branch]]:
    """Return the terms of a sum by the tensor that they stand on, where there are several and one convolves."""
    groups: dict[int, list[Branch]] = {}
    for position in range(len(add.calls[0].inputs)):
        branch = branch_of(plan, add, position)
        groups.setdefault(id(branch.source), []).append(branch)
    return [group for group in groups.values() if len(group) > 1 and any(branch.convolution for branch in group)]


def _replace(plan: Plan, add: Site, main: Branch, group: Sequence[Branch]) -> None:
    assert main.convolution is not None
    old = main.convolution.layer
    new: Layer = type(old).from_config({**old.get_config(), "use_bias": True})
    kernel = np.sum([kernel_in(main, branch) for branch in group], axis=0)
    bias = np.sum([bias_of(branch) for branch in group], axis=0)
    parts = [] if main.padding is None else [Part(clone(main.padding.layer, main.padding.name))]
    parts.append(Part(new, [kernel.astype("float32"), bias.astype("float32")]))
    chain = [part.layer for part in parts]
    terms, fused = range(len(add.calls[0].inputs)), {branch.position for branch in group}
    others = [position for position in terms if position not in fused]
    if others:
        parts.append(Part(clone(add.layer, add.name)))

    def apply(tensors: Tensors) -> Tensor:
        """Take the input that the branches had; they are left out, so that their terms are it."""
        x = functools.reduce(lambda x, layer: layer(x), chain, tensors[main.position])
        return parts[-1].layer([x, *(tensors[position] for position in others)]) if others else x

    plan.replace(
        (*(site for branch in group for site in branch.row), add),
        Replacement(tuple(parts), f"{len(group)} branches in one layer", apply),
        SameSum(tuple(group), len(terms)),
        at=add,
        others=f"fused in {main.convolution.name!r}",
    )


@dataclasses.dataclass(frozen=True)
class SameSum:
    """Verify that one layer gives, to rounding, the sum of the branches that it replaces.

    Attributes:
        group: the branches.
        terms: how many terms the sum has, those of other inputs too.
        exact: always.
    """

    group: tuple[Branch, ...]
    terms: int
    exact: bool = True

    def check(self, row: Sequence[Site], replacement: Replacement) -> None:
        """Run both on the same noise, and compare each channel.

        Raises:
            SepzooError: the new layer's weights are not finite, or it gives something else; the old ones are named.
        """
        names = ", ".join(repr(site.name) for site in row)
        if not all(is_finite(part.layer) for part in replacement.parts):
            culprits = ", ".join(repr(site.name) for site in row if not is_finite(site.layer)) or names
            raise SepzooError(
                f"expected finite weights. Received: NaN or infinite values in {culprits}. "
                "Train the model again, or load another checkpoint."
            )
        x = keras.ops.convert_to_tensor(np.random.default_rng(0).normal(size=self._shape()), dtype="float32")
        fused = {branch.position for branch in self.group}
        with keras.StatelessScope():  # keeps penalties on outputs from being added to the layers
            outputs = [functools.reduce(lambda y, site: run(site.layer, (y,), {}), b.row, x) for b in self.group]
            expected = functools.reduce(keras.ops.add, outputs)
            other = keras.ops.zeros_like(expected)
            found = replacement([x if position in fused else other for position in range(self.terms)])
        allowed = max(tolerance(site.layer) for site in row)
        off = distance(as_array(found), as_array(expected), -1)
        if not off <= allowed:  # so that NaN is caught too
            raise SepzooError(
                f"expected the same outputs from what replaces {names}, to {allowed:g} of a channel's largest. "
                f"Received: outputs that are {off:.1e} of it off. No model is returned; please report this."
            )

    def _shape(self) -> tuple[int, ...]:
        """Return the shape of some noise: a window or two wide, and, over whole strides, as large as the input."""
        main = largest(self.group)
        assert main.convolution is not None
        sizes = []
        rates = main.convolution.layer.dilation_rate
        geometry = zip(main.source.shape[1:-1], main.kernel_size, main.strides, rates, strict=True)
        for size, kernel, step, rate in geometry:
            least = rate * (kernel - 1) + 1 + step
            sizes.append(least if size is None else min(size, least + (size - least) % step))
        return (2, *sizes, main.source.shape[-1])
