"""A set of TensorFlow Datasets by its name, prepared, and its splits."""

from __future__ import annotations

from sepzoo.support.errors import SepzooError, first_line, similar_names, unknown
from sepzoo.support.types import TfdsBuilder


def prepared_builder(name: str, data_dir: str | None = None) -> TfdsBuilder:
    """Return the builder of a TFDS set, which is downloaded and prepared where it is not yet.

    Raises:
        SepzooError: no such set, or it is not prepared and cannot be had.
    """
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, data_dir=data_dir)
    except tfds.core.registered.DatasetNotFoundError:
        known = {*tfds.list_builders(with_community_datasets=False), "digits"}
        raise _unknown(name, known) from None
    if not builder.info.splits:
        try:
            builder.download_and_prepare()
        except Exception as error:  # a download fails in many ways
            raise SepzooError(
                f"expected {name} prepared in {builder.data_dir}, or a network to fetch it. "
                f"Received: {first_line(error)}. Set data_dir (or TFDS_DATA_DIR) to where it lies."
            ) from error
    return builder


def require_split(builder: TfdsBuilder, name: str, split: str) -> int:
    """Return how many examples a split, or a slice of one, holds.

    Args:
        builder: of a prepared set.
        name: by which the user called it, for errors.
        split: as TFDS writes it.

    Raises:
        SepzooError: no such split, or an empty slice.
    """
    try:
        count = int(builder.info.splits[split].num_examples)
        if not count:
            raise ValueError("an empty slice")
    except (KeyError, ValueError, AssertionError) as error:
        known = ", ".join(builder.info.splits)
        raise SepzooError(
            f"expected a split of {name}: {known}, or a slice of one. Received: split={split!r}."
        ) from error
    return count


def _unknown(name: str, known: set[str]) -> SepzooError:
    """Return the error for a name that is none of a data set, and no folder either."""
    if "/" in name and name.partition("/")[0] not in known:
        return SepzooError(f"expected a folder of class folders. Received: {name}, which does not exist.")
    if similar_names(name, known):
        return unknown("data set", name, known, hint="There is no such folder either.")
    return SepzooError(
        f"expected `digits`, a folder of class folders, or a TFDS name. Received: {name}, which is no such folder, and "
        f"none of the {len(known)} known names."
    )
