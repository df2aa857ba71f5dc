"""What pruning or clustering did: beside the layers, how large the files are, as they are and deflated."""

from __future__ import annotations

import dataclasses

from sepzoo.support.table import table
from sepzoo.surgery.walk.report import SurgeryReport

NOT_FASTER = (
    "deflated: as in .zip, .gz and .apk files. Smaller to send and no faster to run: of TensorFlow's and LiteRT's "
    "wheels for x86 none computes sparse or clustered files faster (measured: none), and at half zeros TFLite's sparse "
    "format makes an int8 file larger (measured: by a third), so none is written."
)


@dataclasses.dataclass(frozen=True)
class FileSize:
    """The bytes of a network's file in one format, before and after.

    Attributes:
        target: the format.
        before: of the network as it was given.
        deflated_before: of that file after DEFLATE.
        after: of the new network.
        deflated_after: of that file after DEFLATE.
    """

    target: str
    before: int
    deflated_before: int
    after: int
    deflated_after: int


@dataclasses.dataclass(frozen=True)
class CompressionReport(SurgeryReport):
    """A `SurgeryReport` with the weights of all layers that were worked on, and sizes of files.

    Attributes:
        weights: how many weights these layers' kernels have.
        zeros: how many of them are zero.
        losses: on samples that were not trained on, after each epoch.
        sizes: of files, in the formats that could be measured.
        unmeasured: why a format could not be.

    Example:
        >>> from sepzoo.surgery import Change
        >>> change = Change("scores", "Dense", "24 of 48 weights are zero", "", ("scores",), 52, 52, 48, 48)
        >>> sizes = FileSize("tflite:int8", 94952, 78617, 94952, 58131),
        >>> losses = {"losses": (0.31, 0.26), "sizes": sizes}  # `new, report = prune(model, samples)` gives such a one
        >>> print(CompressionReport("net", (change,), 52, 52, 48, 48, weights=48, zeros=24, **losses))
        layer   kind   what was done                params      MACs
        scores  Dense  24 of 48 weights are zero  52 -> 52  48 -> 48
        net                                       52 -> 52  48 -> 48
        <BLANKLINE>
        24 of the 48 weights of these layers are zero; loss after each epoch: 0.31, 0.26
        <BLANKLINE>
        file                  KiB      deflated
        tflite:int8  92.7 -> 92.7  76.8 -> 56.8
        deflated: as in .zip, .gz and .apk files. Smaller to send and no faster to run: of TensorFlow's and LiteRT's...
    """

    weights: int = 0
    zeros: int = 0
    losses: tuple[float, ...] = ()
    sizes: tuple[FileSize, ...] = ()
    unmeasured: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            super().__str__(),
            f"{self.zeros:,} of the {self.weights:,} weights of these layers are zero; loss after each epoch: "
            + ", ".join(f"{loss:.3g}" for loss in self.losses),
        ]
        if self.sizes:
            rows = [
                (each.target, *map(_step, (each.before, each.deflated_before), (each.after, each.deflated_after)))
                for each in self.sizes
            ]
            parts.append(table(["file", "KiB", "deflated"], rows, left=1) + f"\n{NOT_FASTER}")
        return "\n\n".join([*parts, *self.unmeasured])


def _step(before: int, after: int) -> str:
    return f"{before / 1024:,.1f} -> {after / 1024:,.1f}"
