"""NASNet-A: cells of separable convolutions that were searched (Zoph et al., CVPR 2018, arXiv 1707.07012, figure 4)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

from sepzoo.layers.factorization import PRESETS, separable
from sepzoo.records.arguments import Count, Rate
from sepzoo.records.family import Family, ModelSpec, Paper, WeightFile
from sepzoo.records.preprocessing import MINUS_ONE_TO_ONE
from sepzoo.support.arguments import Interval
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Kwargs, Tensor

if TYPE_CHECKING:
    from sepzoo.layers.builder import LayerBuilder

Cells = Annotated[int, Interval(0, 1000)]
"""Number of normal cells in a stage."""


@dataclasses.dataclass(frozen=True)
class Arguments:
    """What sets one of these networks apart.

    Attributes:
        channels: of each branch in the first stage's cells, a multiple of 4; the stem's two cells have a quarter and a
            half of them, each later stage twice those of the one before.
        units: normal cells of each stage; from the second stage on a reduction cell is in front of them.
        stem: channels of the first convolution.
        skip_reduction: whether the cell behind a reduction cell gets what that cell got beside its input, and not its
            input.
        dropout: rate in front of the classifier.
    """

    channels: Count = 44
    units: tuple[Cells, Cells, Cells] = (4, 4, 4)
    stem: Count = 32
    skip_reduction: bool = False
    dropout: Rate = 0.0


def nasnet(net: LayerBuilder, x: Tensor, arguments: Arguments) -> Tensor:
    """Return the last feature map; a slot is each separable convolution."""
    if arguments.channels % 4:
        raise SepzooError(f"nasnet: expected channels as a multiple of 4. Received: channels={arguments.channels}.")
    if None in x.shape[1:3]:
        raise SepzooError(
            f"nasnet: expected a height and a width, since odd ones are padded otherwise than even ones. Received: "
            f"input_shape={tuple(x.shape[1:])}."
        )
    x = net.conv_bn(x, arguments.stem, 3, strides=2, padding="valid", activation=None, name="stem")
    first, second = arguments.channels // 4, arguments.channels // 2
    before, x = x, _Cell(net, first, "stem_cell1").reduced(x, x)
    before, x = x, _Cell(net, second, "stem_cell2", halve=True).reduced(x, before)
    halve = True  # a cell behind one that reduces gets a larger map beside its input
    for s, units in enumerate(arguments.units, start=1):
        reductions = 0 if s == 1 else 1
        for u in range(1, reductions + units + 1):
            cell, inputs = _Cell(net, arguments.channels * 2 ** (s - 1), f"stage{s}_unit{u}", halve=halve), x
            reduces = u <= reductions
            x, halve = (cell.reduced if reduces else cell.normal)(x, before), reduces
            before = before if reduces and arguments.skip_reduction else inputs
    return net.activation(x, "relu", name="final")


@dataclasses.dataclass(frozen=True)
class _Cell:
    """A cell: of the last two maps it makes the next one.

    Attributes:
        net: builder of the network.
        channels: of each branch.
        name: of the place.
        halve: whether the map before the last is twice as large.
    """

    net: LayerBuilder
    channels: int
    name: str
    halve: bool = False

    def normal(self, inputs: Tensor, before: Tensor) -> Tensor:
        """Return a map of the same size, and six times the channels."""
        p, h = self._fitted(before), self._pointwise(inputs, "input")
        branches = [
            p,
            self._add(1, self._separable(h, 5, "left1"), self._separable(p, 3, "right1")),
            self._add(2, self._separable(p, 5, "left2"), self._separable(p, 3, "right2")),
            self._add(3, self._average(h, "left3"), p),
            self._add(4, self._average(p, "left4"), self._average(p, "right4")),
            self._add(5, self._separable(h, 3, "left5"), h),
        ]
        return self.net.concat(branches, name=self.name)

    def reduced(self, inputs: Tensor, before: Tensor) -> Tensor:
        """Return a map of half the size, and four times the channels; the first cell takes its input twice."""
        p = inputs if before is inputs else self._fitted(before)
        h = self._pointwise(inputs, "input")
        pads = tuple((1 if size % 2 else 0, 1) for size in h.shape[1:3])  # zeros that count, also as maxima
        pool: Kwargs = {"strides": 2, "padding": pads}
        x1 = self._add(1, self._separable(h, 5, "left1", strides=2), self._separable(p, 7, "right1", strides=2))
        largest = self.net.max_pool(h, 3, **pool, name=f"{self.name}_left2")
        x2 = self._add(2, largest, self._separable(p, 7, "right2", strides=2))
        mean = self.net.average_pool(h, 3, **pool, name=f"{self.name}_left3")
        x3 = self._add(3, mean, self._separable(p, 5, "right3", strides=2))
        x4 = self._add(4, x2, self._average(x1, "left4"))
        x5 = self._add(5, self._separable(x1, 3, "left5"), self.net.max_pool(h, 3, **pool, name=f"{self.name}_right5"))
        return self.net.concat([x2, x3, x4, x5], name=self.name)

    def _fitted(self, before: Tensor) -> Tensor:
        """Return the map before the last with this cell's size and channels."""
        place = f"{self.name}_before"
        if not self.halve:
            return before if before.shape[-1] == self.channels else self._pointwise(before, "before")
        x = self.net.activation(before, "relu", name=place)
        shifted = self.net.shifted(x, name=f"{place}_shifted")
        halves = [
            self.net.conv(
                self.net.average_pool(each, 1, strides=2, name=f"{place}_half{n}"),
                self.channels // 2,
                1,
                name=f"{place}_conv{n}",
            )
            for n, each in enumerate((x, shifted), start=1)
        ]
        return self.net.batch_norm(self.net.concat(halves, name=place), name=f"{place}_bn")

    def _pointwise(self, x: Tensor, part: str) -> Tensor:
        place = f"{self.name}_{part}"
        x = self.net.activation(x, "relu", name=place)
        return self.net.conv_bn(x, self.channels, 1, activation=None, name=place)

    def _separable(self, x: Tensor, kernel_size: int, part: str, *, strides: int = 1) -> Tensor:
        """Return two separable convolutions, each behind a ReLU and in front of a batch normalization."""
        kind = self.net.factorization or separable()
        for n, step in ((1, strides), (2, 1)):
            place = f"{self.name}_{part}_conv{n}"
            x = self.net.activation(x, "relu", name=place)
            x = self.net.factorized_bn(x, kind, self.channels, kernel_size, strides=step, activation=None, name=place)
        return x

    def _average(self, x: Tensor, part: str) -> Tensor:
        return self.net.average_pool(x, 3, strides=1, name=f"{self.name}_{part}")

    def _add(self, number: int, left: Tensor, right: Tensor) -> Tensor:
        return self.net.add(left, right, name=f"{self.name}_sum{number}")


_URL = "https://storage.googleapis.com/tensorflow/keras-applications/nasnet/NASNet-"
_MOBILE = {"channels": 44, "units": (4, 4, 4), "stem": 32, "skip_reduction": False}
_LARGE = {"channels": 168, "units": (6, 6, 6), "stem": 96, "skip_reduction": True}
_MOMENTUM = {"batch_norm_momentum": 0.9997}

FAMILY = Family(
    name="nasnet",
    paper=Paper(
        title="Learning Transferable Architectures for Scalable Image Recognition",
        authors="Zoph et al.",
        venue="CVPR 2018",
        arxiv="1707.07012",
    ),
    arguments=Arguments,
    body=nasnet,
    slots={kind: {} for kind in PRESETS},
    replaces="each of the separable convolutions, 160 in the mobile network and 220 in the large one",
    listed=(
        ModelSpec("nasnet_mobile", arguments={**_MOBILE, **_MOMENTUM}, preprocessing=MINUS_ONE_TO_ONE),
        ModelSpec("nasnet_large", arguments={**_LARGE, **_MOMENTUM}, input_shape=(331, 331, 3)),
    ),
    weights=(
        WeightFile(_MOBILE, 224, True, f"{_URL}mobile.h5", "020fb642bf7360b370c678b08e0adf61"),
        WeightFile(_MOBILE, 224, False, f"{_URL}mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"),
        WeightFile(_LARGE, 331, True, f"{_URL}large.h5", "11577c9a518f0070763c2b964a382f17"),
        WeightFile(_LARGE, 331, False, f"{_URL}large-no-top.h5", "d81d89dc07e6e56530c4e77faddd61b5"),
    ),
    weights_licence="Apache-2.0",
    note="The cells are Keras's; the official weights were trained at 224 and 331 pixels, and at odd and even sizes "
    "strided windows lie otherwise. Neither dropped paths nor the auxiliary classifier of the paper are in it.",
)
