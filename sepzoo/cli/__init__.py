"""The command line: `sepzoo COMMAND`, one command a file.

What a command needs is imported inside it, so that `sepzoo --help` and `sepzoo list` answer at once.
"""

from __future__ import annotations

from sepzoo.cli.app import main

__all__ = ["main"]
