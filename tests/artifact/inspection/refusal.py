"""What is asserted of every hostile file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.artifact.inspection import check
from sepzoo.support.checked_files import is_known
from sepzoo.support.errors import SepzooError


def refused(path: Path, reason: str) -> None:
    with pytest.raises(SepzooError, match=reason) as caught:
        check(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert not is_known(path)
