"""What a model's inputs and outputs are called, and a size for one whose size is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sepzoo.support.types import Tensor, Tensors

_PICTURE_AXES = 3


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of which no two are equal: the second "x" becomes "x_2".

    Example:
        >>> unique(["x", "y", "x", "x_2"])
        ('x', 'y', 'x_3', 'x_2')
    """
    wanted = list(names)
    known, found = set(wanted), list[str]()
    for name in wanted:
        new, number = name, 1
        while new in found or (number > 1 and new in known):
            number += 1
            new = f"{name}_{number}"
        found.append(new)
    return tuple(found)


def names_of(structure: Tensors, tensors: Sequence[Tensor]) -> tuple[str, ...]:
    """Return what the tensors of a structure are called, each by another name.

    That is their keys where it is a dictionary ("left/image" in one of several levels), else the names of their layers.

    Args:
        structure: a tensor, or a list, a tuple or a dictionary of structures.
        tensors: those of the structure, flat.
    """
    import keras

    from sepzoo.layers.graph import maker

    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    keyed = any(isinstance(step, str) for path in paths for step in path)
    if keyed and len(tensors) > 1:
        return unique("/".join(map(str, path)) for path in paths)
    return unique(maker(tensor).name for tensor in tensors)


def fixed_example(shape: Sequence[int | None]) -> tuple[int, ...]:
    """Return a shape for which a network of open size could be built: pictures of 224 x 224, series of 100.

    Example:
        >>> fixed_example((None, None, 3)), fixed_example((None, 41))
        ((224, 224, 3), (100, 41))
    """
    size = 224 if len(shape) == _PICTURE_AXES else 100
    return tuple(size if each is None else each for each in shape)
