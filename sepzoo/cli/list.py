"""`sepzoo list`."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated, Literal

import typer

from sepzoo.cli.options import Json
from sepzoo.layers.factorization import PRESETS

Column = Literal["name", "params", "macs"]
Takes = Literal["image", "audio", "series"]


@dataclasses.dataclass(frozen=True)
class Listed:
    """A network, its first six fields as the table shows them.

    Attributes:
        name: as `build` takes it.
        family: that it belongs to.
        kind: of its convolutions.
        dataset: that input and classes are made for.
        params: its parameters.
        macs: its multiply-accumulates for one sample.
        input: what it is made for: "image", "audio" or "series".
        weights: whether `build(name, weights="imagenet")` finds official weights.
    """

    name: str
    family: str
    kind: str
    dataset: str
    params: int
    macs: int
    input: str
    weights: bool


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
        bool | None, typer.Option("--weights/--no-weights", help="Only networks with official weights, or without.")
    ] = None,
    max_params: Annotated[float | None, typer.Option(help="At most so many parameters, such as 1e6.")] = None,
    max_macs: Annotated[float | None, typer.Option(help="At most so many MACs, such as 5e7.")] = None,
    sort: Annotated[Column, typer.Option(help="Order of the lines.")] = "name",
    as_json: Json = False,
) -> None:
    """List the networks and their sizes.

    Kind is that of the convolutions, MACs are multiply-accumulates for one sample of the data set.
    Official weights are those that weights="imagenet" downloads; --json says of each network whether there are any.

    Example: sepzoo list 'cifar_*' --kind bsconv_u --max-params 1e6 --sort macs
    """
    from sepzoo.catalog.registry import list_models, listed
    from sepzoo.support.errors import SepzooError, similar_names
    from sepzoo.support.table import table

    every = [_row(name) for name in listed()]
    matched = set(list_models(patterns or "*", exclude=exclude or ()))
    for field, asked in (("family", family), ("kind", kind), ("dataset", dataset)):
        _check(field, asked, {getattr(row, field) for row in every})
    rows = [
        row
        for row in every
        if row.name in matched
        and family in (None, row.family)
        and kind in (None, row.kind)
        and dataset in (None, row.dataset)
        and made_for in (None, row.input)
        and weights in (None, row.weights)
        and (max_params is None or row.params <= max_params)
        and (max_macs is None or row.macs <= max_macs)
    ]
    if not rows:
        near = [match for pattern in patterns or () for match in similar_names(pattern, [row.name for row in every])]
        called = f" is called {' or '.join(map(repr, patterns))}" if patterns else " fits"
        advice = f"Did you mean {', '.join(near)}?" if near else "Wildcards help, 'mobilenet*', and fewer conditions."
        raise SepzooError(f"no network{called}. {advice}")
    rows.sort(key=lambda row: (getattr(row, sort), row.name))
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
        return
    header = ["name", "family", "kind", "dataset", "params", "MACs"]
    typer.echo(table(header, [_cells(row) for row in rows], left=4))


def _row(name: str) -> Listed:
    from sepzoo.catalog.card import weight_files
    from sepzoo.catalog.index import index
    from sepzoo.catalog.registry import listed
    from sepzoo.support.errors import SepzooError

    family, spec = listed()[name]
    counts = index().get(name)
    if counts is None:
        raise SepzooError(
            f"expected the counts of {name!r} in the index. Received: none. Write them: "
            f"python -m sepzoo.analysis.index '{name}'"
        )
    kind, weights = spec.conv or "own", bool(weight_files(family, spec))
    return Listed(name, family.name, kind, spec.dataset, counts.params, counts.macs, spec.takes, weights)


def _check(field: str, asked: str | None, known: set[str]) -> None:
    from sepzoo.support.errors import unknown

    if asked is not None and asked not in known:
        raise unknown(field, asked, known)


def _cells(row: Listed) -> list[str]:
    return [row.name, row.family, row.kind, row.dataset, f"{row.params:,}", f"{row.macs:,}"]
