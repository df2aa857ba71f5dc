"""The layer builder under its old name."""

from __future__ import annotations

import pytest

from sepzoo import layers


def test_the_old_name_works_and_names_the_new_one():
    with pytest.warns(DeprecationWarning, match=r"sepzoo\.layers\.Blocks is now sepzoo\.layers\.LayerBuilder"):
        assert layers.Blocks is layers.LayerBuilder
    assert "Blocks" not in dir(layers)
