"""Names: found, matched, refused."""

from __future__ import annotations

import pytest

from sepzoo.applications import list_models
from sepzoo.catalog.families import FAMILIES
from sepzoo.catalog.registry import find, listed
from sepzoo.support.errors import SepzooError


def test_every_listed_name_leads_to_itself():
    for name, (family, spec) in listed().items():
        assert find(name) == (family, spec)
        assert spec.name == name


def test_listed_names_that_follow_a_grammar_are_what_the_grammar_says():
    for family in FAMILIES:
        for spec in family.listed:
            by_grammar = family.parse(spec.name)
            assert by_grammar is None or by_grammar == spec


def test_no_name_is_claimed_twice():
    names = [spec.name for family in FAMILIES for spec in family.listed]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("pattern", ["cifar_mobilenetv1_w1d4*", ["cifar_mobilenetv1_w1d4*"]])
def test_patterns_may_be_one_or_several(pattern):
    assert list_models(pattern) == ["cifar_mobilenetv1_w1d4", "cifar_mobilenetv1_w1d4_bsconvu"]
    assert list_models(pattern, exclude="*_bsconvu") == ["cifar_mobilenetv1_w1d4"]
    assert list_models(pattern, exclude=["*_bsconvu", "cifar*"]) == []


def test_names_are_read_without_regard_to_case():
    assert find("MobileNet_V1")[1].name == "mobilenet_v1"


def test_unlisted_names_follow_the_grammar():
    assert find("mobilenetv2_w7d20")[1].arguments["alpha"] == 7 / 20


@pytest.mark.parametrize("name", ["mobilenetv1_w1_bsconvs_p1d6", "mobilenetv2_w1_bsconvu", "mobilenetv1_wd4"])
def test_variants_that_nobody_published_are_no_names(name):
    with pytest.raises(SepzooError, match="unknown model"):
        find(name)


def test_the_nearest_names_are_offered():
    with pytest.raises(SepzooError) as raised:
        find("mobilenet_v11")
    assert str(raised.value).startswith("unknown model 'mobilenet_v11'. Did you mean mobilenet_v1")
    assert str(raised.value).endswith("`sepzoo list` shows all.")
