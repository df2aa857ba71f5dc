"""`sepzoo list`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sepzoo.cli.options import Json
from sepzoo.layers.factorization import PRESETS

if TYPE_CHECKING:
    from sepzoo.catalog.index import Listed

Column = Literal["name", "params", "macs"]
Takes = Literal["image", "audio", "series"]


def list_networks(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Names with shell wildcards; quote them.")
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="Leave these out; wildcards too.")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family, as the table names it.")] = None,
    kind: Annotated[
        str | None, typer.Option(help=f"Only this kind of convolution: {', '.join(PRESETS)}, or own, the family's own.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Only networks made for this data set.")] = None,
    made_for: Annotated[
        Takes | None, typer.Option("--input", help="Only networks that take pictures, sound, or other series.")
    ] = None,
    weights: Annotated[
        bool | None, typer.Option("--weights/--no-weights", help="Only networks with trained weights, or without.")
    ] = None,
    max_params: Annotated[float | None, typer.Option(help="At most so many parameters, such as 1e6.")] = None,
    max_macs: Annotated[float | None, typer.Option(help="At most so many MACs, such as 5e7.")] = None,
    sort: Annotated[Column, typer.Option(help="Order of the lines.")] = "name",
    as_json: Json = False,
) -> None:
    """List the networks and their sizes.

    Kind is that of the convolutions, MACs are multiply-accumulates for one sample of the data set.
    Trained weights are the official ones that weights="imagenet" downloads, and those that the package itself has;
    --json says of each network whether there are any, and which.

    Example: sepzoo list 'cifar_*' --kind bsconv_u --max-params 1e6 --sort macs
    """
    from sepzoo.catalog.index import index
    from sepzoo.catalog.packaged import packaged_names
    from sepzoo.catalog.patterns import matching
    from sepzoo.support.errors import SepzooError, similar_names
    from sepzoo.support.table import table

    every, packages = index(), packaged_names()

    def weights_of(name: str) -> list[str]:
        own = [dataset for dataset, names in packages.items() if name in names]
        return [*(["imagenet"] if every[name].weights else []), *own]

    matched = matching(every, patterns or "*", exclude=exclude or ())
    for field, asked in (("family", family), ("kind", kind), ("dataset", dataset)):
        _check(field, asked, {getattr(row, field) for row in every.values()})
    rows = {
        name: row
        for name, row in ((name, every[name]) for name in matched)
        if family in (None, row.family)
        and kind in (None, row.kind)
        and dataset in (None, row.dataset)
        and made_for in (None, row.input)
        and weights in (None, bool(weights_of(name)))
        and (max_params is None or row.params <= max_params)
        and (max_macs is None or row.macs <= max_macs)
    }
    if not rows:
        near = [match for pattern in patterns or () for match in similar_names(pattern, every)]
        called = f" is called {' or '.join(map(repr, patterns))}" if patterns else " fits"
        advice = f"Did you mean {', '.join(near)}?" if near else "Wildcards help, 'mobilenet*', and fewer conditions."
        raise SepzooError(f"no network{called}. {advice}")
    order = sorted(rows, key=lambda name: (name if sort == "name" else getattr(rows[name], sort), name))
    if as_json:
        typer.echo(json.dumps([_listed(name, rows[name], weights_of(name)) for name in order], indent=1))
        return
    header = ["name", "family", "kind", "dataset", "params", "MACs"]
    typer.echo(table(header, [_cells(name, rows[name]) for name in order], left=4))


def _check(field: str, asked: str | None, known: set[str]) -> None:
    from sepzoo.support.errors import unknown

    if asked is not None and asked not in known:
        raise unknown(field, asked, known)


def _cells(name: str, row: Listed) -> list[str]:
    return [name, row.family, row.kind, row.dataset, f"{row.params:,}", f"{row.macs:,}"]


def _listed(name: str, row: Listed, weights: list[str]) -> dict[str, object]:
    fields = ("family", "kind", "dataset", "params", "macs", "input")
    known = {field: getattr(row, field) for field in fields}
    return {"name": name, **known, "weights": bool(weights), "weights_of": weights}
