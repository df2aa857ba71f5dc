"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def with_default_settings(arguments: Sequence[str], option: str) -> list[str]:
    """Return arguments in which an option whose settings were left out has empty ones, as Typer takes no such option.

    What follows it is its settings where it begins as these do, with `name=`, or as a number does, which is a mistake
    that the settings' own error explains; anything else stands for itself.

    Args:
        arguments: of a command.
        option: its name, with the dashes.

    Example:
        >>> with_default_settings(["--qat", "net.keras", "--data", "digits"], "--qat")
        ['--qat=', 'net.keras', '--data', 'digits']
        >>> with_default_settings(["net.keras", "--qat", "epochs=5"], "--qat")
        ['net.keras', '--qat', 'epochs=5']
    """
    following = [*arguments[1:], ""]
    return [
        f"{word}=" if word == option and not _SETTINGS.match(after) else word
        for word, after in zip(arguments, following, strict=True)
    ]


_SETTINGS = re.compile(r"\w+=|\d[\d.]*(,|$)")


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
