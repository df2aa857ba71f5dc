"""Cards: every number derived again, every published figure with its source."""

from __future__ import annotations

import csv
import json
import subprocess
import sys

import pytest

from sepzoo.analysis.index import derive
from sepzoo.applications import card, list_models
from sepzoo.catalog.card import weight_files
from sepzoo.catalog.index import Counts, index
from sepzoo.catalog.published import published
from sepzoo.catalog.registry import listed
from sepzoo.support.errors import SepzooError


def test_the_index_holds_the_listed_names_and_no_others():
    assert list(index()) == list_models(), "written by: python -m sepzoo.analysis.index 'NAME'"


def test_the_index_says_what_the_records_say():
    for name, (family, spec) in listed().items():
        row, files = index()[name], weight_files(family, spec)
        said = (row.family, row.kind, row.dataset, row.input, row.weights)
        assert said == (family.name, spec.conv or "own", spec.dataset, spec.takes, bool(files)), name


@pytest.mark.slow
def test_counts_on_the_card_are_the_networks_own(shared):
    with (shared / "reference" / "bsconv_exact_counts.csv").open(encoding="utf-8") as lines:
        exact = {(row["name"], int(row["num_classes"])): row for row in csv.DictReader(lines)}
    for name in list_models():
        row = exact.get((name, card(name).classes))
        if row is None:
            assert index()[name] == derive(name), name
        else:  # tests/applications/test_exact_counts.py has built this one
            trainable, fixed = int(row["exact_params"]), int(row["non_trainable_params"])
            assert card(name).counts == Counts(trainable + fixed, trainable, int(row["exact_macs"])), name


def test_every_published_figure_of_the_reference_files_is_on_record(shared):
    families = (shared / "reference" / "families.md").read_text(encoding="utf-8")
    in_text = [row for row in published() if "families.md" in row.source]
    assert len(in_text) > 30
    assert [row.value for row in in_text if row.value not in families] == []
    ours = [(row.dataset, row.value) for row in published() if "families.md" not in row.source]
    for file, value in (
        ("published_results.csv", "value"),
        ("bsconv_repo_results.csv", "top1"),
        ("bsconv_other_results.csv", "top1"),
        ("bsconv_paper_results.csv", "top1"),
    ):
        with (shared / "reference" / file).open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                ours.remove((row["dataset"], row[value]))
    assert ours == []


def test_every_published_figure_names_its_source():
    assert all(row.source and row.metric and row.arxiv for row in published())


def test_a_figure_stands_on_the_card_of_its_network_alone():
    assert [row.value for row in card("cifar_mobilenetv1_w1d4").published] == ["91.17", "68.23"]
    assert {row.arxiv for row in card("mobilenet_v1").published} == {"1704.04861"}


def test_official_weights_stand_on_the_card_of_the_official_form():
    assert len(card("mobilenet_v1").weights) == 32
    assert card("mobilenet_v1").weights_licence == "Apache-2.0"
    assert card("mobilenetv1_w1").weights == ()
    assert card("mobilenetv1_w1").weights_licence is None


def test_names_by_grammar_have_a_card_without_counts():
    assert card("mobilenetv1_w3d8").counts is None


def test_json_and_errors():
    assert json.loads(card("mobilenet_v2").to_json())["paper"]["arxiv"] == "1801.04381"
    with pytest.raises(SepzooError, match="unknown model 'mobilenet_v22'"):
        card("mobilenet_v22")


def test_finding_costs_no_keras():
    code = (
        "import sys, sepzoo.applications as a; a.list_models(); "
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
