"""Samples in the form that a model takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import keras
import numpy as np

from sepzoo.artifact import model_file
from sepzoo.data.samples import Samples, holds_numbers, require_pixel_range
from sepzoo.layers.embedded_inputs import require_rows
from sepzoo.layers.graph import graph_of
from sepzoo.layers.tensor_names import names_of
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import ArrayLike, Arrays, Tensor

_PICTURE_AXES = 3
_CLIP_AXES = 2


@dataclasses.dataclass(frozen=True, eq=False)
class ModelInputs:
    """Samples of all inputs of a model, in their order, which are sliced together.

    Attributes:
        arrays: one for each input, equally long.

    Example:
        >>> inputs = ModelInputs((np.arange(6), np.zeros((6, 2))))
        >>> len(inputs), [each.shape for each in inputs[4:].arrays]
        (6, [(2,), (2, 2)])
    """

    arrays: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, chosen: slice) -> ModelInputs:
        return ModelInputs(tuple(each[chosen] for each in self.arrays))

    def tensors(self) -> list[Tensor]:
        """Return them as a model's graph takes them."""
        return [keras.ops.convert_to_tensor(each) for each in self.arrays]


def model_inputs(model: keras.Model, data: Samples | Arrays) -> ModelInputs:
    """Return unlabelled samples as inputs of a model.

    Args:
        model: whose sizes may be open.
        data: an array as the model takes it, (n, height, width, channels), or `sepzoo.data.Samples`. Where the model
            says how, pixels (uint8) are normalized and clips of sound (int16) become its features; all else is taken as
            it is. Of several inputs a dictionary of such arrays by their names, in `Samples` or not.

    Raises:
        SepzooError: other inputs than the model has, another shape, no sample at all, values that are not finite or
            that an embedding has no row for, pixels that were divided by 255, or `Samples` of pixels for a model that
            does not say its preprocessing.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
        >>> model_inputs(model, np.zeros((5, 8, 8, 3), "uint8")).arrays[0].dtype.name
        'float32'
    """
    graph = graph_of(model)
    names = names_of(graph.input, graph.inputs)
    given = _by_name(model, names, data.images if isinstance(data, Samples) else data)
    several = len(names) > 1
    arrays = []
    for name, tensor in zip(names, graph.inputs, strict=True):
        title = f"{model.name!r}, input {name!r}" if several else repr(model.name)
        values = array_of(given[name], title)
        taken = _said(model, name, values, title, several=several)
        if isinstance(data, Samples) and values.dtype == np.uint8:
            _require_said(taken, title)
        if taken is not None and taken.preprocessing is not None:
            require_pixel_range(values, data.origin if isinstance(data, Samples) else title)
        arrays.append(_checked(_normalized(taken, values), tensor, title))
    lengths = {name: len(array) for name, array in zip(names, arrays, strict=True)}
    if len(set(lengths.values())) > 1:
        received = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise SepzooError(f"expected equally many samples for each input of {model.name!r}. Received: {received}.")
    require_rows(model, arrays)
    return ModelInputs(tuple(arrays))


def array_of(data: ArrayLike, title: str) -> np.ndarray:
    """Return data of an input as an array.

    Args:
        data: an array, lists of numbers, a tensor of any backend.
        title: of the input, for errors.

    Raises:
        SepzooError: NumPy makes no array of it.

    Example:
        >>> array_of([[1, 2], [3, 4]], "a net").shape
        (2, 2)
    """
    try:
        values = np.asarray(data)
    except ValueError as error:
        raise SepzooError(
            f"expected samples for {title} as an array of numbers. Received: {type(data).__name__}, of which NumPy "
            "makes none. Pass numpy.stack of them."
        ) from error
    if values.dtype == object and not values.ndim:
        raise SepzooError(
            f"expected samples for {title} as an array. Received: {type(data).__name__}. Take a data set's "
            "arrays: numpy.concatenate([images for images, labels in data])."
        )
    return values


def _by_name(model: keras.Model, names: tuple[str, ...], data: Arrays) -> dict[str, ArrayLike]:
    if not isinstance(data, Mapping):
        if len(names) == 1:
            return {names[0]: data}
        received = f"one array of shape {data.shape}" if isinstance(data, np.ndarray) else f"one {type(data).__name__}"
    elif len(names) == 1:
        raise SepzooError(
            f"expected samples of one array for {model.name!r}, which has one input. Received: {', '.join(data)}."
        )
    elif set(data) == set(names):
        return dict(data)
    else:
        received = ", ".join(map(str, data)) or "none"
    raise SepzooError(
        f"expected samples of each input of {model.name!r}, {', '.join(names)}. Received: {received}. Pass a "
        "dictionary of arrays, or an .npz file, by these names."
    )


def _said(model: keras.Model, name: str, values: np.ndarray, title: str, *, several: bool) -> Metadata | None:
    """Return what the model says of an input, or None where it says nothing at all."""
    metadata = model_file.metadata_of(model)
    if metadata is None or not several:
        return metadata
    picture = metadata.preprocessing if values.ndim == 1 + _PICTURE_AXES else None
    takes = {each.name: each.takes for each in metadata.several}.get(name, picture)
    if isinstance(takes, Features):
        return Metadata(title, preprocessing=None, features=takes)
    return Metadata(title, preprocessing=takes)


def _require_said(said: Metadata | None, title: str) -> None:
    """See that it is known what samples of uint8 are: features, or pixels that somehow become the input."""
    if said is None:
        raise SepzooError(
            f"expected a model that says how pixels become its input. Received: {title} without, and "
            "Samples. Pass an array as the model takes it (on the command line: --preprocessing; as_they_are, where it "
            "normalizes pixels itself)."
        )
    if said.features is None:
        said.require_preprocessing()


def _normalized(said: Metadata | None, values: np.ndarray) -> np.ndarray:
    """Return pixels and clips of sound as the model says that they become its input; all else as it is."""
    if said is None:
        return values
    if said.sound is not None and values.ndim == _CLIP_AXES and values.dtype == np.int16:
        return said.sound.normalize(values)
    if said.preprocessing is not None and values.dtype == np.uint8:
        return said.preprocessing.normalize(values)
    return values


def _checked(values: np.ndarray, tensor: Tensor, title: str) -> np.ndarray:
    wanted = tuple(tensor.shape[1:])
    if wanted == (1,) and values.ndim == 1:  # a column of a table
        values = values[:, None]
    fits = values.ndim == len(wanted) + 1 and all(
        size in (None, given) for size, given in zip(wanted, values.shape[1:], strict=True)
    )
    if not fits or not len(values) or not holds_numbers(values.dtype):
        shape = ", ".join("any" if size is None else str(size) for size in wanted)
        raise SepzooError(
            f"expected samples of shape (n, {shape}) for {title}, at least one. Received: {values.dtype} of "
            f"shape {values.shape}."
        )
    if not np.isfinite(values).all():
        raise SepzooError(f"expected finite samples for {title}. Received: NaN or infinite values.")
    whole = "int" in tensor.dtype or tensor.dtype == "bool"
    return values.astype(tensor.dtype if whole else "float32")
