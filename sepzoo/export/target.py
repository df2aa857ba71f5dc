"""What a format says of itself; all else is the same for every format."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.comparison import Comparison
from sepzoo.export.gpu_refusal import GpuRefusal
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.rounding import EIGHT_BITS, Rounding
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.records.metadata import Metadata
from sepzoo.support.atomic import check_target
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line, printable


@dataclasses.dataclass(frozen=True)
class Converted:
    """What a conversion has to say of its file.

    Attributes:
        float_layers: names of the layers that were left float in a file that rounds, in the order of the graph.
        float_bytes: how much larger the file is by them.
        gpu_refusals: what a phone's GPU leaves to the CPU; None where nobody looked.
    """

    float_layers: tuple[str, ...] = ()
    float_bytes: int = 0
    gpu_refusals: tuple[GpuRefusal, ...] | None = None


Convert: TypeAlias = Callable[[Prepared, Path], Converted | None]

Finish: TypeAlias = Callable[[ExportReport, KerasClassifier, Samples], ExportReport]

Judge: TypeAlias = Callable[[bytes], Comparison]
"""Compares a file's bytes, without metadata, with the model on the check samples."""


@dataclasses.dataclass(frozen=True)
class PixelInputs:
    """How files of a format take pixels where their normalization is inside.

    Attributes:
        dtype: in which the network that is converted takes them; "float32" where the format itself makes integers of
            what goes in, which then are the pixels, of int8 less 128.
        rounds: whether the normalization is computed in integers: then in one operation, which rounds once.
        always: whether integers that go in are plain pixels even where nobody asks for the normalization inside.
    """

    dtype: Literal["uint8", "float32"] = "uint8"
    rounds: bool = False
    always: bool = False


@dataclasses.dataclass(frozen=True)
class Target:
    """A format that a network can be exported to.

    Attributes:
        name: as `sepzoo export --to` takes it; its row in `target_names` says what it needs.
        suffix: what a file's name gets behind the network's name.
        convert: writes a prepared network to a path. Of several outputs the network gives a dictionary, whose names
            the file keeps.
        add_metadata: puts what travels with a network into the file that `convert` wrote; it also gets the shape of one
            sample.
        tolerance: the default one.
        rounds: whether numbers lose digits, so that only real samples show what that does.
        rounds_from: how many elements a kernel has at least that is rounded to 8 bits or less; None: none is.
        rounding: how such kernels are rounded.
        calibrated: whether activations are integers too, whose ranges come from samples.
        pixels: how its files take pixels where their normalization is inside.
        folder: whether it is a folder of files.
        beside: what the names of further files beside it have behind its own.
        needs_calibration: whether samples to calibrate on are needed for another reason.
        finish: makes more of the file once it is in its place, and returns the report with it; it also gets the model
            as it was given, and the samples that the file was checked on. None: nothing.
        trained: the target that writes a network which learned the steps of its integers; None: this format loses them.
        keeps_steps: whether such a network keeps them.
        accepts: raises a SepzooError of a network that the format has no use for; None: it takes all.
        takes: sees that a network has what was chosen, before the first file is written: gets the prepared network,
            and the names of the layers of the model as it was given. None: nothing was chosen.
        search: finds what is best for this network, and returns the target that writes it; None: there is no choice.
    """

    name: str
    suffix: str
    convert: Convert
    add_metadata: Callable[[Path, Metadata, Shapes], None]
    tolerance: Tolerance
    rounds: bool = False
    rounds_from: int | None = None
    rounding: Rounding = EIGHT_BITS
    calibrated: bool = False
    pixels: PixelInputs = PixelInputs()
    folder: bool = False
    needs_calibration: bool = False
    finish: Finish | None = None
    beside: tuple[str, ...] = ()
    trained: Target | None = None
    keeps_steps: bool = False
    search: Callable[[Prepared, Judge], Target] | None = None
    accepts: Callable[[KerasClassifier], None] | None = None
    takes: Callable[[keras.Model, frozenset[str]], None] | None = None

    @property
    def mode(self) -> str:
        """The name within its format: "int8" of "tflite:int8"."""
        return self.name.rpartition(":")[2]

    def check_path(self, path: Path) -> None:
        """See that a file, or a folder, of this format can be written at a path.

        Raises:
            SepzooError: what is there must stay, the place can't be written to, or TensorFlow can't name it.
        """
        if self.folder and not is_one_line(str(path.absolute())):
            raise SepzooError(
                "expected a folder whose path is UTF-8 text, since TensorFlow can write to no other. Received: "
                f"{printable(str(path))}. Name another folder."
            )
        check_target(path, folder=self.folder)
        for suffix in self.beside:
            check_target(path.with_name(path.name + suffix))

    @property
    def extension(self) -> str:
        """What a file's name must end in; "" where any name will do."""
        return Path(f"network{self.suffix}").suffix
