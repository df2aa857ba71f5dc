"""`sepzoo list`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sepzoo.cli.options import Json


def list_networks(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Names with shell wildcards; quote them.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave these out; wildcards too.")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    as_json: Json = False,
) -> None:
    """List the networks and their sizes.

    Kind is that of the convolutions, MACs are multiply-accumulates for one image of the data set.

    Example: sepzoo list 'cifar_*' --exclude '*_bsconvu'
    """
    from sepzoo.analysis.table import table
    from sepzoo.catalog.index import index
    from sepzoo.catalog.registry import list_models, listed
    from sepzoo.errors import SepzooError, nearest, unknown

    families = {known.name for known, _ in listed().values()}
    if family is not None and family not in families:
        raise unknown("family", family, families)
    rows: list[dict[str, str | int | None]] = []
    for name in list_models(patterns or "*", exclude=exclude or ()):
        owner, spec = listed()[name]
        if family in (None, owner.name):
            counts = index().get(name)
            rows.append(
                {
                    "name": name,
                    "family": owner.name,
                    "kind": spec.conv or "own",
                    "dataset": spec.dataset,
                    "params": None if counts is None else counts.params,
                    "macs": None if counts is None else counts.macs,
                }
            )
    if not rows:
        asked = patterns or [family or "*"]
        near = [match for pattern in asked for match in nearest(pattern, listed())]
        advice = f"Did you mean {', '.join(near)}?" if near else "Wildcards help: 'mobilenet*'."
        raise SepzooError(f"no network is called {' or '.join(map(repr, asked))}. {advice}")
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    header = ["name", "family", "kind", "dataset", "params", "MACs"]
    typer.echo(table(header, [list(map(_cell, row.values())) for row in rows], left=4))


def _cell(value: str | int | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else value
