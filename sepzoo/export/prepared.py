"""A network that is ready to be converted, and what is made of it once for all formats of one call."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.export.equalization_choice import equalize_where_better
from sepzoo.export.preparation import deployable
from sepzoo.export.reference import Reference
from sepzoo.export.rounding import EIGHT_BITS, Rounding
from sepzoo.export.rounding_correction import correct_rounding
from sepzoo.export.taken_inputs import calibration_values
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.inference.tensors import file_names
from sepzoo.layers.embedded_inputs import only_looked_up
from sepzoo.layers.graph import graph_of, layers_of
from sepzoo.records.outputs import Output
from sepzoo.support.printable import is_one_line
from sepzoo.support.workspace import workspace
from sepzoo.surgery.exact.rounding_layers import freeze_rounding
from sepzoo.surgery.walk.rewriting import rewrite


class SharedFiles:
    """Files on the way to others, in a folder that is made when the first is wanted; see `preparing`."""

    def __init__(self, beside: Path, stack: contextlib.ExitStack) -> None:
        self._beside, self._stack = beside, stack
        self._folder: Path | None = None

    def path(self, name: str) -> Path:
        """Return the path of a name."""
        if self._folder is None:
            self._folder = self._stack.enter_context(self._place())
        return self._folder / name

    def _place(self) -> contextlib.AbstractContextManager[Path]:
        """Return a folder that is swept after a kill too; but TensorFlow can only write to paths that are text."""
        if is_one_line(str(self._beside.absolute())):
            self._beside.mkdir(parents=True, exist_ok=True)
            return workspace(self._beside)
        return _temporary()


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """A network made ready to leave, from which several formats may be written.

    Attributes:
        model: of built-in layers, batch norm folded, weights corrected where the format rounds; only to be read.
        values: the calibration samples as the model takes them, by the names of its inputs; None where the format has
            no use for them.
        own_weights: what layers had before their weights were moved to make good what rounding does, by their names.
        layers: names of the layers of the model as it was given, those of nested models as "model/layer".
        files: that formats share.
        narrows: whether ranges of activations may end where rounding errs least.
        keeps_steps: whether the network learned the steps of its integers, and the format keeps them.
        number: of this one among those of a call.
    """

    model: keras.Model
    values: dict[str, np.ndarray] | None
    own_weights: dict[str, list[np.ndarray]]
    layers: frozenset[str]
    files: SharedFiles
    narrows: bool = False
    keeps_steps: bool = False
    number: int = 0

    def once(self, name: str, write: Callable[[Path], object]) -> Path:
        """Return a shared file, or folder, of a name; the first who asks for it makes it by `write`.

        Args:
            name: without folders.
            write: makes it at the path that it is given.
        """
        path = self.files.path(f"{self.number}_{name}")
        if not path.exists():
            write(path)
        return path


class Preparations:
    """What was prepared of one network: formats that want the same get the same; see `preparing`."""

    def __init__(
        self,
        classifier: KerasClassifier,
        calibration: Samples | None,
        files: SharedFiles,
        reference: Reference,
    ) -> None:
        self._classifier, self._calibration, self._files = classifier, calibration, files
        self.reference = reference
        """What files are held against: the network as it was given, where more was put into the one prepared here."""
        self._known: dict[tuple[bool, bool, bool, int | None, Rounding], Prepared] = {}
        self._ready: dict[bool, keras.Model] = {}
        self._looked_up = any(only_looked_up(classifier.model, each) for each in graph_of(classifier.model).inputs)

    def of(
        self,
        *,
        calibrated: bool,
        rounds_from: int | None,
        rounding: Rounding = EIGHT_BITS,
        correct_bias: bool = True,
        keeps_steps: bool = False,
    ) -> Prepared:
        """Return the network prepared for a format.

        Args:
            calibrated: whether activations are integers.
            rounds_from: how many elements a kernel has at least that is rounded to 8 bits or less; None: none is.
            rounding: how.
            correct_bias: whether the network's weights make good what such rounding does.
            keeps_steps: whether the network learned the steps of its integers, and the format keeps them.

        Raises:
            SepzooError: a layer that no file can hold, or samples that show nothing.
        """
        uses = self._calibration is not None and (calibrated or keeps_steps or rounds_from is not None)
        corrects = uses and correct_bias and rounds_from is not None
        key = (
            (calibrated or keeps_steps) and self._looked_up,
            uses,
            keeps_steps,
            rounds_from if corrects else None,
            rounding if corrects else EIGHT_BITS,
        )
        if key not in self._known:
            self._known[key] = self._prepared(*key)
        return self._known[key]

    def require(self, takes: Callable[[keras.Model, frozenset[str]], None] | None, *, calibrated: bool) -> None:
        """See that the network can be prepared for a format, and has what was chosen of it.

        Args:
            takes: the format's own look at it; None: nothing was chosen.
            calibrated: whether activations are integers.

        Raises:
            SepzooError: a layer that no file can hold, or what `takes` raises.
        """
        ready = self._deployable(calibrated and self._looked_up)
        if takes is not None:
            takes(ready, self._names)

    @functools.cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name for name, _ in layers_of(self._classifier.model))

    def _prepared(
        self, whole: bool, uses: bool, keeps_steps: bool, rounds_from: int | None, rounding: Rounding
    ) -> Prepared:
        ready = self._deployable(whole)
        if keeps_steps:
            ready = freeze_rounding(ready)
        elif rounds_from is not None:
            ready = rewrite(ready, lambda site: None)[0]  # whose weights will be moved; others take them as they are
        values, own_weights = None, dict[str, list[np.ndarray]]()
        if uses and self._calibration is not None:
            values = calibration_values(self._classifier, self._calibration, ready)
            if rounds_from is not None:
                given = list(values.values())
                if rounding.equalizes and not keeps_steps:
                    outputs = self._outputs()
                    equalize_where_better(ready, given, outputs, rounds_from=rounds_from, rounding=rounding)
                own_weights = correct_rounding(ready, given, rounds_from=rounds_from, rounding=rounding)
        made = (ready, values, own_weights, self._names, self._files)
        return Prepared(*made, rounding.narrows, keeps_steps, len(self._known))

    def _deployable(self, whole: bool) -> keras.Model:
        """Return the network of built-in layers, folded, prepared once; it is only read."""
        if whole not in self._ready:
            self._ready[whole] = deployable(self._classifier, whole=whole)
        return self._ready[whole]

    def _outputs(self) -> list[Output]:
        """Return what each output of the prepared network is, in the order of its graph."""
        if len(self._classifier.outputs) == 1:
            return list(self._classifier.outputs)
        called = file_names(str(each.name) for each in self._classifier.output_tensors)
        said = dict(zip(called, self._classifier.outputs, strict=True))
        return [said[name] for name in keras.tree.flatten({name: name for name in said})]


@contextlib.contextmanager
def preparing(
    classifier: KerasClassifier, calibration: Samples | None, *, beside: Path, reference: Reference | None = None
) -> Iterator[Preparations]:
    """Yield what a network's formats are prepared by; the files that they share go at the end.

    Args:
        classifier: the network, saying what its inputs take.
        calibration: samples for the formats that take them.
        beside: a folder for the files that formats share, best that of the files to be written.
        reference: what files are held against; None: the network itself.
    """
    with contextlib.ExitStack() as stack:
        yield Preparations(classifier, calibration, SharedFiles(beside, stack), reference or Reference(classifier))
