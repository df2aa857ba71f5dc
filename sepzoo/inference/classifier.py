"""What every opened file can do, whatever its format."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from sepzoo.data.samples import Samples
from sepzoo.data.source import Source
from sepzoo.inference.described_model import DescribedModel
from sepzoo.inference.evaluation import Evaluation, evaluate, evaluate_samples
from sepzoo.inference.features import as_features
from sepzoo.inference.pictures import Data, seen_pixels
from sepzoo.inference.pixel_range import pixels_in_range
from sepzoo.inference.probabilities import probabilities
from sepzoo.inference.said_outputs import classes_of, titled
from sepzoo.inference.several_inputs import data_by_name
from sepzoo.inference.tensors import InputTensor
from sepzoo.records.outputs import Output
from sepzoo.records.prediction import Prediction, likeliest
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Arrays

_AT_ONCE = 1024
"""Pictures that are resized at a time where all their pixels are asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Classifier(DescribedModel, abc.ABC):
    """A network that was opened from a file. `sepzoo.inference.open` makes it.

    What takes or gives arrays takes or gives a dictionary of them, by their names, where there are several inputs or
    outputs. One classifier serves one thread at a time.
    """

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Numbers of samples that the file takes at a time, a signature each; empty where it takes any number."""
        return ()

    def of_batch(self, size: int) -> Classifier:
        """Return the same file, run by the signature that takes so many samples at a time.

        Raises:
            SepzooError: there is none.
        """
        raise SepzooError(f"expected a file with a signature of {size} samples. Received: {self.name}, which has none.")

    def prepare(self, pixels: np.ndarray, name: str | None = None) -> np.ndarray:
        """Return pixels (n, height, width, channels) of the input's size, uint8, as the tensor that the file takes.

        Args:
            pixels: of one input.
            name: of the input, where there are several.
        """
        return self.encode(self.said_of(name).require_preprocessing().normalize(pixels), name)

    def encode(self, values: np.ndarray, name: str | None = None) -> np.ndarray:
        """Return real numbers (n, *input_shape) as the tensor that the file takes, of one input as `prepare` does."""
        return values.astype(self.input_of(name).dtype)

    def tensor(self, data: Arrays) -> Arrays:
        """Return pixels of the input's size or features, whichever they are, as the tensor that the file takes."""
        if len(self.input_tensors) == 1:
            return self._encoded(data, self.input_tensors[0])
        given = data_by_name(data, self.input_tensors, self.name)
        return {str(each.name): self._encoded(given[str(each.name)], each) for each in self.input_tensors}

    @abc.abstractmethod
    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs for a tensor, float32 (n, *output_shape); logits stay logits."""

    def _in_order(self, tensor: Arrays) -> list[np.ndarray]:
        """Return what `run` gets as one array an input."""
        return [tensor] if len(self.input_tensors) == 1 else [tensor[each.name] for each in self.input_tensors]

    def _by_name(self, outputs: Iterable[np.ndarray]) -> Arrays:
        """Return one array an output as `run` gives them."""
        found = {each.name: rows for each, rows in zip(self.output_tensors, outputs, strict=True)}
        return found if len(found) > 1 else found[self.output_name]

    def predict(self, images: Data | Mapping[str, Data], batch_size: int = 32) -> Arrays:
        """Return the probability of each class for each sample, or what else the network gives.

        Args:
            images: pixels as uint8 (n, height, width, channels), or a list of such images, of Pillow images, or of
                paths, of any sizes; or one path. An array that has the input's size already is taken as it is; any
                other image is resized and centre-cropped as `preprocessing` says. A network that takes features takes
                them as an array (n, *input_shape), or as the path of an `.npy` or `.npz` file. One of several inputs
                takes a dictionary of these by the inputs' names, or the path of an `.npz` file of such arrays.
            batch_size: how many samples are held in memory and run at a time.

        Returns:
            float32 (n, classes), of one sigmoid the probabilities of both classes; of values and maps (n,
            *output_shape). Of several outputs a dictionary of these by the outputs' names.

        Raises:
            SepzooError: an image file cannot be read (all such files are counted, the first are named); pixels are not
                uint8; the file does not say how pixels become its input; features have another shape.
        """
        outputs = self.outputs
        rows = [
            [np.zeros((0, *((classes_of(output, each),) if output.scores else each.shape)), np.float32)]
            for output, each in zip(outputs, self.output_tensors, strict=True)
        ]
        for tensor in self.batches(images, batch_size):
            found = self.run(tensor)
            for output, each, row in zip(outputs, self.output_tensors, rows, strict=True):
                row.append(self._finished(found if len(rows) == 1 else found[each.name], output))
        if len(rows) == 1:
            return np.concatenate(rows[0])
        return {str(each.name): np.concatenate(row) for each, row in zip(self.output_tensors, rows, strict=True)}

    def scores(self, images: Data | Mapping[str, Data], batch_size: int = 32) -> np.ndarray:
        """Return the probability of each class as `predict` does, of several outputs that of the one with class scores.

        Raises:
            SepzooError: what `predict` raises, or not exactly one output gives class scores.
        """
        self.require_scores()
        found = self.predict(images, batch_size)
        return found if len(self.output_tensors) == 1 else found[self.output_name]

    def batches(self, data: Data | Mapping[str, Data], batch_size: int) -> Iterator[Arrays]:
        """Yield samples as tensors that `run` takes, a batch each.

        Args:
            data: as `predict` takes it.
            batch_size: how many at a time.
        """
        if len(self.input_tensors) == 1:
            yield from self._batches(data, self.input_tensors[0], batch_size)  # type: ignore[arg-type]
            return
        given = data_by_name(data, self.input_tensors, self.name)
        names = list(given)
        each = [self._batches(given[str(one.name)], one, batch_size) for one in self.input_tensors]
        for tensors in zip(*each, strict=True):
            yield dict(zip(names, tensors, strict=True))

    def pixels(self, images: Data) -> np.ndarray:
        """Return images as the network sees them but for normalization: uint8 (n, height, width, channels).

        Args:
            images: as `predict` takes them.
        """
        self.require_one_input()
        seen = list(seen_pixels(images, self.metadata, self.input_tensors[0], batch_size=_AT_ONCE))
        return np.concatenate([np.zeros((0, *self.input_shape), np.uint8), *seen])

    def top(self, probabilities: Arrays, k: int = 5) -> list[list[Prediction]]:
        """Return for each row of `predict`'s result its `k` likeliest classes, best first.

        Raises:
            SepzooError: the file has no labels, or gives no class scores.
        """
        self.require_scores()
        rows = probabilities[self.output_name] if isinstance(probabilities, Mapping) else probabilities
        return likeliest(rows, self.require_labels(), k)

    def evaluate(self, source: Source | Samples, *, batch_size: int = 32) -> Evaluation:
        """Return the accuracy on all images of a data set, or on labelled samples (`feature_samples` reads a file).

        A data set's classes are found by name; where no name fits but the counts do, by number, as samples' labels are.

        Raises:
            SepzooError: something else than data, data with classes that the network has not, pixels that were divided
                by 255, or the network gives no class scores.
        """
        self.require_scores()
        scorer = self if len(self.output_tensors) == 1 else _Scores(self)
        if isinstance(source, Samples):
            return evaluate_samples(scorer, pixels_in_range(self, source), batch_size=batch_size)
        if not isinstance(source, Source):
            raise SepzooError(
                f"expected a data set (sepzoo.data.open_source) or sepzoo.data.Samples to evaluate on. Received: "
                f"{type(source).__name__}. Wrap arrays: Samples(pixels, labels, origin='my photographs', seed=0)."
            )
        self.require_one_input()
        return evaluate(scorer, source, batch_size=batch_size)

    def _encoded(self, data: Data, tensor: InputTensor) -> np.ndarray:
        """Return data of an input, of its size where they are pixels, as the tensor that the file takes."""
        name = () if len(self.input_tensors) == 1 else (tensor.name,)
        features = as_features(data, self.said_of(tensor.name), tensor.shape)
        return self.prepare(data, *name) if features is None else self.encode(features, *name)  # type: ignore[arg-type]

    def _batches(self, data: Data, tensor: InputTensor, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the tensors of one input, a batch each."""
        said = self.said_of(tensor.name)
        features = as_features(data, said, tensor.shape)
        if features is None:
            for seen in seen_pixels(data, said, tensor, batch_size):
                yield self._encoded(seen, tensor)
            return
        for start in range(0, len(features), batch_size):
            yield self._encoded(features[start : start + batch_size], tensor)

    def _finished(self, found: np.ndarray, output: Output) -> np.ndarray:
        if not np.isfinite(found).all():
            raise SepzooError(
                f"{titled(self.name, 'output', output.name, several=len(self.output_tensors) > 1)}: expected finite "
                "outputs. Received: nan or infinity. Its weights are damaged, or the preprocessing is not that of its "
                "training."
            )
        return probabilities(found, output.kind) if output.scores else found


@dataclasses.dataclass(frozen=True)
class _Scores:
    """A classifier of several outputs, as far as it gives class scores."""

    classifier: Classifier

    @property
    def name(self) -> str:
        return self.classifier.name

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.classifier.labels

    @property
    def classes(self) -> int:
        return self.classifier.classes

    def predict(self, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
        return self.classifier.scores(images, batch_size)
