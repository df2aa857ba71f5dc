"""`python -m sepzoo`: the command line."""

from __future__ import annotations

from sepzoo.cli.app import main

if __name__ == "__main__":
    main()
