"""`sepzoo verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sepzoo.cli.options import Json
from sepzoo.support.progress import announced


def verify(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file or folder that `sepzoo export` wrote, of any format.")
    ],
    as_json: Json = False,
) -> None:
    """Check an exported file again, by the record that it carries.

    Its bytes must be as they were written, and its answers to seeded noise as at its export, by its format's own
    runtime on this machine. Exit code 1: it answers otherwise; 2: it is damaged, changed, or not sepzoo's.

    Example: sepzoo verify runs/digits/mobilenet_v1_int8.tflite
    """
    from sepzoo.export.verification import verify as check
    from sepzoo.support.quiet import quiet, warnings_after

    with announced(f"verifying {path}", terminal_only=True), warnings_after(), quiet():
        found = check(path)
    typer.echo(found.to_json() if as_json else found)
    if not found.passed:
        raise typer.Exit(1)
