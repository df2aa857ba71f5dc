"""Every row of the BSConv networks' exact counts: parameters, multiply-accumulates, orthonormal terms."""

from __future__ import annotations

import csv
import dataclasses
import functools
import os
import re
from pathlib import Path

import keras
import pytest

from sepzoo.analysis import profile
from sepzoo.applications import build

TABLE = Path(os.environ.get("SEPZOO_SHARED", "")) / "reference" / "bsconv_exact_counts.csv"


@dataclasses.dataclass(frozen=True)
class Counts:
    """What a row of the table says of a network."""

    classes: int
    trainable: int
    non_trainable: int
    macs: int
    orthonormal_terms: int


def _rows():
    if not TABLE.is_file():
        return [pytest.param("", None, marks=pytest.mark.skip("SEPZOO_SHARED names no folder with the counts"))]
    with TABLE.open(newline="") as file:
        return [_row(row) for row in csv.DictReader(file)]


def _row(row):
    columns = ("num_classes", "exact_params", "non_trainable_params", "exact_macs", "n_orthonormal_terms")
    deep = re.search(r"resnet([36]02)", row["name"])
    marks = {"302": [pytest.mark.slow], "602": [pytest.mark.nightly]}  # those of 302 layers have all kinds too
    name, classes = row["name"], row["num_classes"]
    return pytest.param(
        name,
        Counts(*(int(row[column]) for column in columns)),
        id=f"{name}-{classes}",
        marks=marks[deep[1]] if deep else [],
    )


def measured(model) -> Counts:
    costs = profile(model)
    return Counts(
        model.output_shape[-1],
        costs.trainable_params,
        costs.params - costs.trainable_params,
        costs.macs,
        costs.orthonormal,
    )


def built(name, **arguments):
    """Build a network whose variables have shapes and no values: none of the counts needs them."""
    name, _, full_head = name.partition(":")
    if full_head:
        arguments["full_head"] = True
    with keras.StatelessScope(initialize_variables=False):
        model = build(name, **arguments)
    keras.utils.clear_session(free_memory=False)  # forgets the variables that wait for values
    return model


@functools.cache
def counts_of(name) -> tuple[Counts, int]:
    """Return the counts with the name's own classes, and how many features the classifier sees."""
    model = built(name)
    return measured(model), model.get_layer("predictions").kernel.shape[0]


@pytest.mark.parametrize(("name", "expected"), _rows())
def test_exact_counts(name, expected):
    counts, features = counts_of(name)
    more = expected.classes - counts.classes  # each has a weight for every feature and a bias
    counts = dataclasses.replace(
        counts,
        classes=expected.classes,
        trainable=counts.trainable + more * (features + 1),
        macs=counts.macs + more * features,
    )
    assert counts == expected


@pytest.mark.parametrize(
    "name",
    [
        "cifar_mobilenetv1_w1d4_bsconvu",
        "cifar_mobilenetv2_w1d4_bsconvs_p1d6",
        "cifar_mobilenetv3_small_w1:fullhead",
        "cifar_mobilenetv3_large_w7d20",
        "cifar_resnet20_bsconvs_p1d8",
        "cifar_preresnet20",
        "cifar_wrn16_4_bsconvu",
    ],
)
def test_a_hundred_classes_differ_from_ten_by_the_classifier_alone(name):
    (ten, features), hundred = counts_of(name), measured(built(name, classes=100))
    assert hundred == dataclasses.replace(
        ten, classes=100, trainable=ten.trainable + 90 * (features + 1), macs=ten.macs + 90 * features
    )


def test_a_network_without_values_has_the_variables_of_one_with():
    name = "cifar_preresnet20_bsconvs_p1d4"
    shapes = [[(w.path, w.shape, w.trainable) for w in model.weights] for model in (built(name), build(name))]
    assert shapes[0] == shapes[1]


def test_orthonormal_terms_are_the_losses_of_a_network_with_values():
    for name in ("cifar_resnet20_bsconvs_p1d4", "cifar_mobilenetv2_w1d4_bsconvs_p1d6"):
        assert len(build(name).losses) == counts_of(name)[0].orthonormal_terms > 0


def test_the_table_is_whole(shared):
    assert len(_rows()) == 412
