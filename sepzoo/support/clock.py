"""The time of this machine, which archives hold."""

from __future__ import annotations

import time

from sepzoo.support.errors import SepzooError


def require_clock() -> None:
    """See that the clock shows a time that an archive can hold; worth calling before long work that ends in one.

    Raises:
        SepzooError: it is before 1980, as on a board without a battery.
    """
    now = time.localtime(time.time())
    if now.tm_year < 1980:
        raise SepzooError(
            "expected a clock that shows 1980 or later, since .keras archives hold the time. Received: "
            f"{time.strftime('%Y-%m-%d', now)}. Set the clock."
        )
