"""Layers of Keras 2 that hold a vocabulary or a table: each mode, what was adapted, and what no file holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parity.keras2_cases import Case, Module, layer

WORDS = ("red", "Green!", "blue", "red", "sky, red")


def adapted(kind: str, data: Any, **settings: Any) -> Any:
    """Return what builds a layer that was adapted to data."""

    def build(k: Module) -> Any:
        made = getattr(k, kind)(**settings)
        made.adapt(np.array(data))
        return made

    return build


def of_words(build: Any, *shape: int) -> Case:
    return layer(build, shape, words=WORDS, dtype="string")


def of_integers(build: Any, *shape: int) -> Case:
    return layer(build, shape, integers=9, dtype="int64")


def weighted(k: Module) -> Any:
    tokens, weights = k.Input((4,), dtype="int64"), k.Input((4,))
    return k.Model([tokens, weights], k.layers.CategoryEncoding(9, "count")(tokens, count_weights=weights))


SPREAD = np.random.default_rng(3).normal(size=(60, 1))

TABLES: dict[str, Case] = {
    "category_one_hot": of_integers(lambda k: k.CategoryEncoding(9, output_mode="one_hot"), 1),
    "category_multi_hot": of_integers(lambda k: k.CategoryEncoding(9, output_mode="multi_hot"), 4),
    "category_weighted": Case(weighted, ((4,), (4,)), integers=9),
    "discretization_int": layer(lambda k: k.Discretization([-0.5, 0.0, 0.5]), (4,)),
    "discretization_count": layer(lambda k: k.Discretization([-0.5, 0.0, 0.5], output_mode="count"), (4,)),
    "discretization_adapted": layer(adapted("Discretization", SPREAD, num_bins=5), (4,)),
    "hashing_one_hot": of_integers(lambda k: k.Hashing(7, output_mode="one_hot"), 1),
    "hashing_masked": of_integers(lambda k: k.Hashing(7, mask_value=3), 4),
    "hashing_text": of_words(lambda k: k.Hashing(7, salt=5), 4),
    "integers_counted": of_integers(
        lambda k: k.IntegerLookup(vocabulary=[3, 5, 7], mask_token=1, num_oov_indices=2, output_mode="count"), 4
    ),
    "integers_by_rarity": of_integers(
        lambda k: k.IntegerLookup(vocabulary=[3, 5, 7], idf_weights=[0.5, 0.6, 0.8], output_mode="tf_idf"), 4
    ),
    "strings": of_words(lambda k: k.StringLookup(vocabulary=["blue", "red"], num_oov_indices=2), 4),
    "strings_multi_hot": of_words(lambda k: k.StringLookup(vocabulary=["blue", "red"], output_mode="multi_hot"), 4),
    "text": of_words(lambda k: k.TextVectorization(vocabulary=["green", "red"], output_sequence_length=3), 1),
    "text_of_pairs": of_words(
        lambda k: k.TextVectorization(
            vocabulary=["sky red", "red", "green"], ngrams=2, output_mode="count", standardize="strip_punctuation"
        ),
        1,
    ),
    "text_by_rarity": of_words(
        lambda k: k.TextVectorization(vocabulary=["green", "red"], idf_weights=[0.3, 0.9], output_mode="tf_idf"), 1
    ),
}

UNSAVED: dict[str, Case] = {
    "adapted_strings": of_words(adapted("StringLookup", WORDS), 4),
    "adapted_integers": of_integers(adapted("IntegerLookup", [3, 3, 5]), 4),
    "adapted_text": of_words(adapted("TextVectorization", WORDS, output_sequence_length=3), 1),
}
"""Keras 2 writes these as archives, the vocabulary beside the settings; of `.h5` it leaves half and raises."""
