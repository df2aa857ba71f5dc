"""Arrays out of any set of TensorFlow Datasets: sensor windows, series, vectors, sound of one length, columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sepzoo.data.samples import Samples, holds_numbers
from sepzoo.data.source import MEMORY_BUDGET
from sepzoo.data.tfds_builder import examples_in_order, prepared_builder, require_split
from sepzoo.records.labels import composed
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import TfdsBuilder, TfdsFeature

_AS_FILE = "Else write the arrays as an .npz file: numpy.savez(path, inputs=..., labels=...)"


@dataclass(frozen=True)
class _Leaf:
    """One tensor of an example.

    Attributes:
        path: keys that lead to it.
        kind: of its feature: `"class"`, `"image"`, `"numbers"`, or `"other"`, which holds no numbers.
        names: of its classes.
    """

    path: tuple[str, ...]
    kind: str
    names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return "/".join(self.path)


def has_images(name: str, data_dir: str | None = None) -> bool:
    """Return whether the examples of a TFDS set hold an image.

    Raises:
        SepzooError: no such set, or it is not prepared and cannot be had.
    """
    return any(leaf.kind == "image" for leaf in _leaves(prepared_builder(name, data_dir).info.features))


def read_tfds_features(
    name: str,
    *,
    split: str | None,
    inputs: Sequence[str] = (),
    count: int | None = None,
    seed: int = 0,
    data_dir: str | None = None,
    memory_budget: int = 4 * MEMORY_BUDGET,
) -> Samples:
    """Return arrays of a TFDS set as samples, with their class numbers and the classes' names where it has them.

    Numbers of any shape are taken: a tensor, a number, sound, a sequence of them; of a nested feature the name is
    `outer/inner`. All samples must have one shape.

    Args:
        name: such as `smartwatch_gestures`, or `name/config:version`.
        split: a split or a slice of it, as TFDS writes it.
        inputs: names of a model's inputs. Of several each is a feature's, and the arrays come as a dictionary. Of one
            or none the array is the feature of that name, else what the set itself calls its input, else the only one.
        count: so many, drawn by chance; None: all, in their order.
        seed: decides which.
        data_dir: where prepared sets lie; None: the variable `TFDS_DATA_DIR`, else TFDS's own place.
        memory_budget: bytes that the arrays may take.

    Raises:
        SepzooError: no such set or split, no such feature, several and none named, samples of many shapes, or more
            than the memory may hold.
    """
    builder = prepared_builder(name, data_dir)
    if split is None:
        raise SepzooError(f"expected a split of {name}: {', '.join(builder.info.splits)}. Received: split=None.")
    total = require_split(builder, name, split)
    leaves = _leaves(builder.info.features)
    chosen = _several(leaves, inputs, name) if len(inputs) > 1 else [_single(leaves, inputs, builder, name)]
    target = _target([leaf for leaf in leaves if leaf not in chosen], _supervised(builder)[1])
    wanted = [*chosen] if target is None else [*chosen, target]
    order = np.arange(total) if count is None else np.random.default_rng(seed).permutation(total)[:count]
    rows = _rows(builder, split, wanted, order, name, memory_budget)
    arrays = {leaf.name: _stacked(values, leaf, name) for leaf, values in zip(wanted, rows, strict=True)}
    labels = None if target is None else arrays.pop(target.name).astype(np.int64)
    return Samples(
        arrays if len(inputs) > 1 else arrays[chosen[0].name],
        labels,
        origin=f"{builder.name} {split}",
        seed=seed,
        class_names=None if target is None else target.names,
    )


def _leaves(features: Mapping[str, TfdsFeature], path: tuple[str, ...] = ()) -> list[_Leaf]:
    """Return all tensors of an example, in the order of their names."""
    import tensorflow_datasets as tfds

    found: list[_Leaf] = []
    for key, feature in sorted(features.items()):  # a set read from its files gives them in any order
        here = (*path, key)
        if isinstance(feature, tfds.features.FeaturesDict):
            found += _leaves(feature, here)
        elif isinstance(feature, tfds.features.ClassLabel):
            found.append(_Leaf(here, "class", tuple(map(composed, feature.names or ()))))
        elif isinstance(feature, tfds.features.Image | tfds.features.Video):
            found.append(_Leaf(here, "image"))
        else:
            found += _tensors(feature.get_tensor_info(), here)
    return found


def _tensors(info: TfdsFeature, path: tuple[str, ...]) -> Iterator[_Leaf]:
    """Yield the tensors of a feature that may hold a dictionary of them, as a sequence does."""
    if isinstance(info, Mapping):
        for key, each in sorted(info.items()):
            yield from _tensors(each, (*path, key))
        return
    yield _Leaf(path, "numbers" if holds_numbers(info.np_dtype) else "other")


def _several(leaves: Sequence[_Leaf], inputs: Sequence[str], name: str) -> list[_Leaf]:
    known = {leaf.name: leaf for leaf in leaves if leaf.kind != "other"}
    missing = [each for each in inputs if each not in known]
    if missing:
        raise SepzooError(
            f"{name}: expected a feature of numbers for each input, {', '.join(inputs)}. Received: "
            f"{', '.join(known) or 'none'}. {_AS_FILE}."
        )
    return [known[each] for each in inputs]


def _single(leaves: Sequence[_Leaf], inputs: Sequence[str], builder: TfdsBuilder, name: str) -> _Leaf:
    numbers = {leaf.name: leaf for leaf in leaves if leaf.kind == "numbers"}
    for wanted in (*inputs, _supervised(builder)[0]):
        if wanted in numbers:
            return numbers[wanted]
    if len(numbers) == 1:
        return next(iter(numbers.values()))
    received = ", ".join(leaf.name for leaf in leaves)
    named = f", or one called {inputs[0]!r} as the input is" if inputs else ""
    raise SepzooError(f"{name}: expected one feature of numbers{named}. Received: {received}. {_AS_FILE}.")


def _supervised(builder: TfdsBuilder) -> tuple[str | None, str | None]:
    """Return what the set itself calls input and target, where each is one feature."""
    keys = builder.info.supervised_keys or ()
    source, target = (*keys, None, None)[:2]
    return source if isinstance(source, str) else None, target if isinstance(target, str) else None


def _target(leaves: Sequence[_Leaf], supervised: str | None) -> _Leaf | None:
    """Return the class label: the set's own target, or the only one."""
    classes = {leaf.name: leaf for leaf in leaves if leaf.kind == "class"}
    if supervised in classes:
        return classes[supervised]
    return next(iter(classes.values())) if len(classes) == 1 and supervised is None else None


def _rows(
    builder: TfdsBuilder, split: str, leaves: Sequence[_Leaf], order: np.ndarray, name: str, budget: int
) -> list[list[np.ndarray]]:
    """Return for each tensor its values of the examples of these numbers, in this order, after one walk."""
    import tensorflow_datasets as tfds

    examples = examples_in_order(builder, split)
    picked = examples.map(lambda example: tuple(_at(example, leaf.path) for leaf in leaves))
    places = {int(number): place for place, number in enumerate(order)}
    found: list[list[np.ndarray]] = [[np.empty(0)] * len(order) for _ in leaves]
    size = 0
    for number, values in enumerate(tfds.as_numpy(picked.take(int(order.max()) + 1))):
        if number not in places:
            continue
        for column, value in zip(found, values, strict=True):
            column[places[number]] = value
            size += getattr(value, "nbytes", 0)
        if size > budget:
            raise SepzooError(
                f"{name}: expected arrays of {budget / 2**30:.0f} GiB at most. Received: more in {split}. Take a slice "
                f"of it: {split.partition('[')[0]}[:10%]."
            )
    return found


def _at(example: Mapping[str, TfdsFeature], path: tuple[str, ...]) -> TfdsFeature:
    for key in path:
        example = example[key]
    return example


def _stacked(values: Sequence[np.ndarray], leaf: _Leaf, name: str) -> np.ndarray:
    shapes = sorted({str(tuple("any" if size is None else size for size in value.shape)) for value in values})
    if len(shapes) > 1 or not all(isinstance(value, np.ndarray | np.generic) for value in values):  # else a ragged one
        raise SepzooError(
            f"{name}: expected samples of one shape. Received: {leaf.name} of shape "
            f"{' and '.join(shapes[:2])}{' and more' if len(shapes) > 2 else ''}. Cut or pad them. {_AS_FILE}."
        )
    return np.stack(values)
