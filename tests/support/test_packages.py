"""Optional packages that are missing are named with the extra that installs them."""

from __future__ import annotations

import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.support.packages import require_installed


def test_installed_packages_pass_and_are_not_imported() -> None:
    require_installed("it", ["json", "antigravity"], "quant")
    import sys

    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("packages", "words"),
    [
        (["json", "no_such_one"], "it needs no_such_one. Received: it is not installed. Install it: "),
        (["no_such_one", "nor_this"], "it needs no_such_one, nor_this. Received: they are not installed. Install them"),
    ],
)
def test_missing_ones_are_named_with_their_extra(packages: list[str], words: str) -> None:
    with pytest.raises(SepzooError) as caught:
        require_installed("it", packages, "quant")
    assert str(caught.value).startswith(words)
    assert str(caught.value).endswith("pip install 'sepzoo[quant]'.")
