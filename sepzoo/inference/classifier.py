"""What every opened file can do, whatever its format."""

from __future__ import annotations

import abc
import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sepzoo.data.photo import read_image
from sepzoo.inference.evaluation import Evaluation, evaluate
from sepzoo.inference.images import raise_unreadable
from sepzoo.records.prediction import Prediction, likeliest
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.data.source import Source

_CHANNELS = (1, 3, 4)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Classifier(abc.ABC):
    """A network that was opened from a file. `sepzoo.inference.open` makes it.

    Attributes:
        name: of the network.
        input_shape: (height, width, channels) of what it sees.
        classes: how many it tells apart.
        labels: their names in the order of the outputs, or None where the file has none.
        preprocessing: from pixels to the input, or None where the file does not say.
        from_logits: whether the network ends before its softmax; then `predict` applies it.

    One classifier serves one thread at a time.
    """

    name: str
    input_shape: tuple[int, int, int]
    classes: int
    labels: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    from_logits: bool

    def __post_init__(self) -> None:
        if self.labels is not None and len(self.labels) != self.classes:
            raise SepzooError(
                f"{self.name}: expected as many labels as outputs. Received: {len(self.labels)} labels for "
                f"{self.classes} outputs."
            )
        if self.input_shape[-1] not in _CHANNELS:
            raise SepzooError(f"{self.name}: expected images of 1, 3 or 4 channels. Received: {self.input_shape}.")
        for name in () if self.preprocessing is None else ("mean", "std"):
            numbers = getattr(self.preprocessing, name)
            if len(numbers) not in (1, self.input_shape[-1]):
                raise SepzooError(
                    f"{self.name}: expected {name} of the pixels as one number, or one for each of its "
                    f"{self.input_shape[-1]} channels. Received: {name}={numbers}."
                )

    @abc.abstractmethod
    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return pixels (n, height, width, channels) of the input's size, uint8, as the tensor that the file takes."""

    @abc.abstractmethod
    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the outputs for what `prepare` returned, as float32 (n, classes); logits stay logits."""

    def predict(self, images: np.ndarray | Sequence[Any] | str | os.PathLike[str], batch_size: int = 32) -> np.ndarray:
        """Return the probability of each class for each image.

        Args:
            images: pixels as uint8 (n, height, width, channels), or a list of such images, of Pillow images, or of
                paths, of any sizes; or one path. An array that has the input's size already is taken as it is; any
                other image is resized and centre-cropped as `preprocessing` says.
            batch_size: how many images are held in memory and run at a time.

        Returns:
            float32 of shape (n, classes).

        Raises:
            SepzooError: an image file cannot be read (all such files are counted, the first are named); pixels are not
                uint8; the file does not say how pixels become its input.
        """
        pictures = self._pictures(images)
        problems: list[str] = []
        rows = [np.zeros((0, self.classes), np.float32)]
        for start in range(0, len(pictures), batch_size):
            seen = [self._seen(picture, problems) for picture in pictures[start : start + batch_size]]
            if not problems:
                rows.append(self._probabilities(np.stack(seen)))
        raise_unreadable(problems, len(pictures))
        return np.concatenate(rows)

    def pixels(self, images: np.ndarray | Sequence[Any] | str | os.PathLike[str]) -> np.ndarray:
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
            SepzooError: the file has no labels.
        """
        return likeliest(probabilities, self.require_labels(), k)

    def evaluate(self, source: Source, *, batch_size: int = 32) -> Evaluation:
        """Return the accuracy on all images of a data set.

        The data's classes are found among the labels by name; where no name fits but the counts do, by number.

        Raises:
            SepzooError: the data has classes that the network has not.
        """
        return evaluate(self, source, batch_size=batch_size)

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
        if self.preprocessing is None:
            raise SepzooError(
                f"{self.name}: expected a file that says how pixels become its input. Received: one without. Open it "
                "with preprocessing=Preprocessing(mean=..., std=...) (on the command line: --preprocessing)."
            )
        return self.preprocessing

    def _probabilities(self, pixels: np.ndarray) -> np.ndarray:
        outputs = self.run(self.prepare(pixels))
        if not self.from_logits:
            return outputs
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def _pictures(self, images: Any) -> Sequence[Any]:
        if isinstance(images, str | os.PathLike):
            return [images]
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise SepzooError(
                f"expected images of shape (n, height, width, channels). Received: {images.shape}. "
                "A single image goes in as image[None]."
            )
        return images

    def _seen(self, picture: Any, problems: list[str]) -> np.ndarray:
        """Return one image at the input's size; one that cannot be read is noted, and blank."""
        height, width, channels = self.input_shape
        if isinstance(picture, str | os.PathLike):
            try:
                picture = read_image(picture)
            except SepzooError as error:
                problems.append(str(error))
                return np.zeros(self.input_shape, np.uint8)
        elif isinstance(picture, np.ndarray) and picture.dtype != np.uint8:
            raise SepzooError(
                f"expected pixels as uint8 of 0..255. Received: dtype={picture.dtype}. The classifier normalizes them "
                "by itself: pass them as they are."
            )
        return (self.preprocessing or Preprocessing()).resize(picture, (height, width), channels=channels)
