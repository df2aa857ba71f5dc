"""ImageNet: the official weight files and the names of the 1,000 classes, downloaded once and checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from sepzoo.layers.conventions import Affects, Conventions
from sepzoo.records.family import Family, ModelSpec, WeightFile
from sepzoo.support.arguments import checked, field_types, marked
from sepzoo.support.atomic import atomic_write
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Kwargs, Options
from sepzoo.weights.download import download

CLASS_INDEX = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"


def imagenet_weights(
    family: Family,
    spec: ModelSpec,
    arguments: Options,
    input_shape: Sequence[int | None],
    *,
    own_form: bool,
    include_top: bool,
) -> Path:
    """Return the official weight file of a network, downloaded on first use.

    Weights fit the form that the official name has by itself, but for what sets their file apart, and for arguments
    that no weight depends on. A file without the head fits any head.

    Args:
        family: of the network.
        spec: of its name.
        arguments: that it was built with, the defaults and conventions too.
        input_shape: of the model, with the batch; the file of the nearest training size is taken.
        own_form: whether the family's own convolutions stand in the slots.
        include_top: whether the head's weights are wanted.

    Raises:
        SepzooError: no such file exists (those that do are listed), it cannot be downloaded, or its hash differs.
    """
    files = [file for file in family.weights if file.include_top == include_top]

    def differing(file: WeightFile) -> list[str]:
        return differing_arguments(family, spec, file.arguments, arguments, include_top=include_top)

    fitting = (
        [file for file in files if not differing(file)] if spec.official and spec.conv is None and own_form else []
    )
    if not fitting:
        fewest = min(map(differing, files), key=len, default=[])
        stands = ", ".join(f"{name}={arguments[name]!r}" for name in fewest)
        received = f" Received: {stands}." if stands else ""
        raise SepzooError(f"no ImageNet weights exist for this form of {family.name}.{received} {_existing(files)}")
    size = next((size for size in input_shape[1:3] if size is not None), 224)
    return _download(min(fitting, key=lambda file: abs(file.image_size - size)))


def differing_arguments(
    family: Family, spec: ModelSpec, own: Options, arguments: Options, *, include_top: bool
) -> list[str]:
    """Return the arguments in which a network differs from the one that weights are of, but those that none depends on.

    Args:
        family: of the network.
        spec: of its name.
        own: arguments that set the weights apart from those of the name.
        arguments: that it was built with, the defaults and conventions too.
        include_top: whether the head's weights are wanted.
    """
    free = marked(family.arguments, Affects.NO_WEIGHTS) | marked(Conventions, Affects.NO_WEIGHTS)
    free |= frozenset() if include_top else marked(family.arguments, Affects.HEAD)
    wanted = {**all_arguments(family, spec.arguments), **own}
    return [name for name, value in wanted.items() if value != arguments[name] and name not in free]


def all_arguments(family: Family, given: Options) -> Kwargs:
    """Return the values of all arguments of a family and of all conventions, in the forms that their types have."""
    types = {**field_types(Conventions), **field_types(family.arguments)}
    values = {**dataclasses.asdict(Conventions()), **vars(family.arguments()), **given}
    return {name: checked(value, types[name], name=name, of=family.name) for name, value in values.items()}


def imagenet_labels() -> tuple[tuple[str, str], ...]:
    """Return (WordNet id, name) of the 1,000 ImageNet classes in the order of a network's outputs.

    Raises:
        SepzooError: the list is not in Keras's cache and cannot be downloaded.
    """
    index = json.loads(_fetch(CLASS_INDEX, hash_algorithm="md5", file_hash=CLASS_INDEX_MD5).read_text())
    return tuple((index[str(i)][0], index[str(i)][1]) for i in range(len(index)))


def _existing(files: Sequence[WeightFile]) -> str:
    if not files:
        return "This family has none."
    variants: dict[str, set[int]] = {}
    for file in files:
        text = ", ".join(f"{name}={value}" for name, value in file.arguments.items()) or "the default"
        variants.setdefault(text, set()).add(file.image_size)
    listing = "; ".join(f"{text} at {', '.join(map(str, sorted(sizes)))} px" for text, sizes in variants.items())
    return f"Those that do: {listing}."


def _download(file: WeightFile) -> Path:
    path = _fetch(file.url, hash_algorithm=file.hash_algorithm, file_hash=file.file_hash)
    if file.file_hash is None:
        _check_against_first_download(path)
    return path


def _fetch(url: str, *, hash_algorithm: str, file_hash: str | None) -> Path:
    name = url.rpartition("/")[2]
    try:
        return download(name, url, cache_subdir="models", hash_algorithm=hash_algorithm, file_hash=file_hash)
    except Exception as error:  # the network's, the server's, the disk's
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
        raise SepzooError(
            f"cannot download {name}: {reason}. Fetch it from {url} elsewhere and give its path, or put it into "
            "Keras's cache folder (~/.keras/models)."
        ) from error


def _check_against_first_download(path: Path) -> None:
    """Compare a file whose hash nobody published with the hash that its first download had."""
    record = path.with_name(path.name + ".sha256")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if not record.exists():
        with atomic_write(record) as temporary:
            temporary.write_text(found + "\n")
    elif record.read_text().strip() != found:
        raise SepzooError(
            f"{path}: expected sha256 {record.read_text().strip()}, recorded at the first download. Received: {found}. "
            f"Delete the file and {record.name} to download it again."
        )
