"""Extension of griffe: the section that our docstrings call "Example" is the one that it calls "Examples"."""

from __future__ import annotations

import re
from typing import Any

import griffe


class Example(griffe.Extension):
    """Rename the section before the docstring is parsed, so that its code is shown as code."""

    def on_object(self, *, obj: griffe.Object, **arguments: Any) -> None:
        """Rename the section of one object."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
