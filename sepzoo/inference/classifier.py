"""What every opened file can do, whatever its format."""

from __future__ import annotations

import abc
import dataclasses
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Self, TypeAlias

import numpy as np

from sepzoo.data.photo import read_image
from sepzoo.data.samples import Samples
from sepzoo.data.source import Source
from sepzoo.inference.evaluation import Evaluation, evaluate, evaluate_samples
from sepzoo.inference.features import as_features
from sepzoo.inference.images import raise_unreadable
from sepzoo.inference.metadata_checks import check_inputs, check_labels
from sepzoo.inference.probabilities import probabilities
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import KINDS, End, Output, check_names, check_output, read_output
from sepzoo.records.prediction import Prediction, likeliest
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from PIL.Image import Image

_CHANNELS = (1, 3, 4)

Picture: TypeAlias = "np.ndarray | Image | str | os.PathLike[str]"
Data: TypeAlias = "np.ndarray | Sequence[Picture] | str | os.PathLike[str]"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Classifier(abc.ABC):
    """A network that was opened from a file. `sepzoo.inference.open` makes it.

    Attributes:
        metadata: name, labels, what it takes and gives, as the file or the caller says.
        input_shape: of one sample: (height, width, channels) of an image, or that of an array of features.
        output_shape: of what it gives for one sample.
        end: what its graph does last.
        output_name: of its output, as `--output-kind OUTPUT=KIND` may say it; None where it has none.
        operators: operator name -> how often it stands in the file; empty where the format has none.

    One classifier serves one thread at a time.
    """

    metadata: Metadata
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    end: End = "other"
    output_name: str | None = None
    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        check_names(self.metadata.outputs or (), self.output_name, self.name)
        check_output(self.output, self.end, self.output_shape, self.name)
        check_labels(self.metadata, self.classes)
        check_inputs(self.metadata, self.input_shape)

    @property
    def name(self) -> str:
        """Of the network."""
        return self.metadata.name

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The classes' names in the order of the outputs, or None where the file has none."""
        return self.metadata.labels

    @property
    def preprocessing(self) -> Preprocessing | None:
        """From pixels to the input, or None where the file does not say, or takes features."""
        return self.metadata.preprocessing

    @property
    def output(self) -> Output:
        """What it gives: as was said, else as its graph shows for certain, else values."""
        if self.metadata.outputs:
            return self.metadata.outputs[0]
        return read_output(self.end, self.output_shape, len(self.metadata.labels or ()))

    @property
    def classes(self) -> int:
        """How many classes it tells apart; of what gives no class scores, how many numbers or channels it gives."""
        size = self.output_shape[-1] if self.output.kind == "map" else math.prod(self.output_shape)
        return 2 if size == 1 and self.output.scores else size

    @property
    def from_logits(self) -> bool:
        """Whether the network ends before its softmax; then `predict` applies it."""
        return self.output.kind == "logits"

    def updated(
        self,
        *,
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | None = None,
        features: Features | None = None,
        outputs: str | Output | Sequence[Output] | None = None,
    ) -> Self:
        """Return the classifier with what the caller says instead of what the file says; what is None stays.

        Raises:
            SepzooError: what is said does not fit the network.
        """
        said = self.metadata.updated(labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
        return dataclasses.replace(self, metadata=said)

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels (n, height, width, channels) of the input's size, uint8, as the tensor that the file takes."""
        return self.encode(self.metadata.require_preprocessing().normalize(pixels))

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return real numbers (n, *input_shape) as the tensor that the file takes."""
        return values.astype(np.float32)

    def tensor(self, data: np.ndarray) -> np.ndarray:
        """Return pixels of the input's size or features, whichever they are, as the tensor that the file takes."""
        features = as_features(data, self.metadata, self.input_shape)
        return self.prepare(data) if features is None else self.encode(features)

    @abc.abstractmethod
    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the outputs for a tensor, float32 (n, *output_shape); logits stay logits."""

    def predict(self, images: Data, batch_size: int = 32) -> np.ndarray:
        """Return the probability of each class for each sample, or what else the network gives.

        Args:
            images: pixels as uint8 (n, height, width, channels), or a list of such images, of Pillow images, or of
                paths, of any sizes; or one path. An array that has the input's size already is taken as it is; any
                other image is resized and centre-cropped as `preprocessing` says. A network that takes features takes
                them as an array (n, *input_shape), or as the path of an `.npy` or `.npz` file.
            batch_size: how many samples are held in memory and run at a time.

        Returns:
            float32 (n, classes), of one sigmoid the probabilities of both classes; of values and maps (n,
            *output_shape).

        Raises:
            SepzooError: an image file cannot be read (all such files are counted, the first are named); pixels are not
                uint8; the file does not say how pixels become its input; features have another shape.
        """
        shape = (self.classes,) if self.output.scores else self.output_shape
        rows = [np.zeros((0, *shape), np.float32)]
        rows += [self._finished(self.run(tensor)) for tensor in self._tensors(images, batch_size)]
        return np.concatenate(rows)

    def pixels(self, images: Data) -> np.ndarray:
        """Return images as the network sees them but for normalization: uint8 (n, height, width, channels).

        Args:
            images: as `predict` takes them.
        """
        pictures = self._pictures(images)
        problems: list[str] = []
        seen = [self._seen(picture, problems) for picture in pictures]
        raise_unreadable(problems, len(pictures))
        return np.array(seen, np.uint8).reshape(-1, *self.input_shape)

    def top(self, probabilities: np.ndarray, k: int = 5) -> list[list[Prediction]]:
        """Return for each row of `predict`'s result its `k` likeliest classes, best first.

        Raises:
            SepzooError: the file has no labels, or gives no class scores.
        """
        self.require_scores()
        return likeliest(probabilities, self.require_labels(), k)

    def evaluate(self, source: Source | Samples, *, batch_size: int = 32) -> Evaluation:
        """Return the accuracy on all images of a data set, or on labelled samples (`feature_samples` reads a file).

        A data set's classes are found by name; where no name fits but the counts do, by number, as samples' labels are.

        Raises:
            SepzooError: the data has classes that the network has not, or the network gives no class scores.
        """
        self.require_scores()
        if isinstance(source, Samples):
            return evaluate_samples(self, source, batch_size=batch_size)
        return evaluate(self, source, batch_size=batch_size)

    def require_scores(self) -> Output:
        """Return the output, which samples can be classified by.

        Raises:
            SepzooError: it is values or a map.
        """
        output = self.output
        if output.scores:
            return output
        advice = (
            "Build the network with include_top=True"
            if output.kind == "map"
            else f"Say what they are: outputs= (on the command line: --output-kind), one of {', '.join(KINDS)}"
        )
        raise SepzooError(
            f"{self.name}: expected class scores. Received: outputs of shape {self.output_shape}, taken for "
            f"{'a map' if output.kind == 'map' else 'values'} ({output.reason}). {advice}."
        )

    def require_labels(self) -> tuple[str, ...]:
        """Return the labels.

        Raises:
            SepzooError: the file has none.
        """
        if self.labels is None:
            raise SepzooError(
                f"{self.name}: expected a file with labels. Received: one without. Export it again with labels, or "
                "open it with labels=[...] (on the command line: --labels)."
            )
        return self.labels

    def require_preprocessing(self) -> Preprocessing:
        """Return the preprocessing.

        Raises:
            SepzooError: the file has none.
        """
        return self.metadata.require_preprocessing()

    def _finished(self, outputs: np.ndarray) -> np.ndarray:
        if not np.isfinite(outputs).all():
            raise SepzooError(
                f"{self.name}: expected finite outputs. Received: nan or infinity. Its weights are damaged, or the "
                "preprocessing is not that of its training."
            )
        output = self.output
        return probabilities(outputs, output.kind) if output.scores else outputs

    def _tensors(self, data: Data, batch_size: int) -> Iterator[np.ndarray]:
        """Yield the samples as tensors, a batch each; files that can't be read are counted to the end, then refused."""
        features = as_features(data, self.metadata, self.input_shape)
        if features is not None:
            for start in range(0, len(features), batch_size):
                yield self.encode(features[start : start + batch_size])
            return
        pictures = self._pictures(data)
        problems: list[str] = []
        for start in range(0, len(pictures), batch_size):
            seen = [self._seen(picture, problems) for picture in pictures[start : start + batch_size]]
            if not problems:
                yield self.prepare(np.stack(seen))
        raise_unreadable(problems, len(pictures))

    def _pictures(self, images: Data) -> Sequence[Picture]:
        if isinstance(images, str | os.PathLike):
            return [images]
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise SepzooError(
                f"expected images of shape (n, height, width, channels). Received: {images.shape}. "
                "A single image goes in as image[None]."
            )
        return images  # type: ignore[return-value]

    def _seen(self, picture: Picture, problems: list[str]) -> np.ndarray:
        """Return one image at the input's size; one that cannot be read is noted, and blank."""
        if isinstance(picture, np.ndarray) and picture.dtype != np.uint8:
            raise SepzooError(
                f"expected pixels as uint8 of 0..255. Received: dtype={picture.dtype}. The classifier normalizes them "
                "by itself: pass them as they are."
            )
        if isinstance(picture, np.ndarray) and picture.shape == self.input_shape:
            return picture
        if len(self.input_shape) != 3 or self.input_shape[-1] not in _CHANNELS:
            raise SepzooError(f"{self.name}: expected images of 1, 3 or 4 channels. Received: {self.input_shape}.")
        height, width, channels = self.input_shape
        if isinstance(picture, str | os.PathLike):
            try:
                picture = read_image(picture)
            except SepzooError as error:
                problems.append(str(error))
                return np.zeros(self.input_shape, np.uint8)
        return (self.preprocessing or Preprocessing()).resize(picture, (height, width), channels=channels)
