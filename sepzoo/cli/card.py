"""`sepzoo card`."""

from __future__ import annotations

import typer

from sepzoo.cli.options import Json, Name


def card(name: Name, as_json: Json = False) -> None:
    """Show what is known of a network: source, input, size, weights, what others measured.

    Example: sepzoo card mobilenet_v1
    """
    from sepzoo.catalog.card import card as find_card

    found = find_card(name)
    typer.echo(found.to_json() if as_json else found)
