"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from typing import Annotated

import typer

from sepzoo.support.errors import SepzooError

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="A network, as `sepzoo list` shows it.")]
Data = Annotated[
    str,
    typer.Option(
        "--data", help="`digits`, a folder of class folders, a TFDS name (found in $TFDS_DATA_DIR), or an .npz file."
    ),
]

NetworkSettings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="An argument of a named network, such as alpha=0.5."),
]


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read height, width and channels, as in `96,96,3`.

    Raises:
        SepzooError: the text is something else.

    Example:
        >>> parse_shape("96,96,3")
        (96, 96, 3)
    """
    try:
        height, width, channels = (int(size) for size in text.split(","))
    except ValueError:
        raise SepzooError(
            f"expected an input shape as height,width,channels, such as 96,96,3. Received: {text!r}."
        ) from None
    return height, width, channels
