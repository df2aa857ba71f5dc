"""A set of TensorFlow Datasets by its name, prepared, and its splits."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Literal

from sepzoo.support.errors import SepzooError, first_line, similar_names, unknown
from sepzoo.support.quiet import errors_only
from sepzoo.support.types import TfDataset, TfdsBuilder


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
    except ValueError as error:  # a text that can be no data set's name
        what = "a file" if Path(name).is_file() else f"a text that names none ({first_line(error)})"
        raise SepzooError(
            f"expected a folder of class folders, an .npz file or a data set's name. Received: {name}, {what}."
        ) from None
    if not builder.info.splits:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # where TFDS says so: standard output may be a program's JSON
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
        if count <= 0:  # of a slice that ends before it begins TFDS says less than none
            raise ValueError("an empty slice")
    except (KeyError, ValueError, AssertionError) as error:
        known = ", ".join(f"{each} ({builder.info.splits[each].num_examples:,})" for each in builder.info.splits)
        raise SepzooError(
            f"expected a split of {name}: {known}, or a slice of one. Received: split={split!r}."
        ) from error
    return count


def feature_and_label(builder: TfdsBuilder, kind: Literal["Audio", "Image"], what: str) -> tuple[str, str]:
    """Return the names of a set's feature of a kind and of its class label; of several, those that it trains with.

    Args:
        builder: of the set.
        kind: the class of the feature in `tfds.features`.
        what: that is, for the error.

    Raises:
        SepzooError: the set lacks one of them.
    """
    import tensorflow_datasets as tfds

    features, supervised = builder.info.features, builder.info.supervised_keys or ()

    def of_kind(name: str) -> list[str]:
        found = [key for key, feature in features.items() if isinstance(feature, getattr(tfds.features, name))]
        return sorted(found, key=lambda key: key not in supervised)

    wanted, labels = of_kind(kind), of_kind("ClassLabel")
    if not wanted or not labels:
        raise SepzooError(
            f"expected a data set with {what} and a class label. Received: {builder.name} with {', '.join(features)}."
        )
    return wanted[0], labels[0]


def examples_in_order(builder: TfdsBuilder, split: str) -> TfDataset:
    """Return the examples of a split in the order of its files, the same every time."""
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)
    config.options.deterministic = True
    with errors_only("absl"):  # TFDS warns of what it calls itself
        return builder.as_dataset(split=split, shuffle_files=False, read_config=config)


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
