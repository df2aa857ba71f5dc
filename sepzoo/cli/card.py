"""`sepzoo card`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from sepzoo.cli.options import Json, Name
from sepzoo.support.types import Options

if TYPE_CHECKING:
    from sepzoo.catalog.card import Card
    from sepzoo.catalog.packaged import PackagedWeights

_SHOWN = 12


def card(name: Name, as_json: Json = False) -> None:
    """Show what is known of a network.

    Its source, input, size, weights, and what others measured.

    Example: sepzoo card mobilenet_v1
    """
    from sepzoo.catalog.card import card as find_card
    from sepzoo.support.table import table

    found = find_card(name)
    if as_json:
        typer.echo(found.to_json())
        return
    typer.echo(table(["name", found.name], [row for row in _rows(found) if row[1]], left=2))
    if found.published:
        rows = [[row.dataset, row.variant, f"{row.metric} {row.value}", row.source] for row in found.published[:_SHOWN]]
        typer.echo("\nwhat others published")
        typer.echo(table(["data set", "network", "figure", "source"], rows, left=4))
    if len(found.published) > _SHOWN:
        typer.echo(f"and {len(found.published) - _SHOWN} more: sepzoo card {found.name} --json")


def _rows(card: Card) -> Iterator[tuple[str, str]]:
    paper, counts, preprocessing = card.paper, card.counts, card.preprocessing
    yield "family", card.family
    yield "paper", f"{paper.authors} {paper.venue}: {paper.title}. arXiv {paper.arxiv}"
    yield "note", card.note
    shape = "x".join(map(str, card.input_shape)) + ("" if card.input == "image" else f" features of {card.input}")
    yield "input", f"{shape}, {card.dataset}, {card.classes} classes"
    if counts is not None:
        yield "size", f"{counts.params:,} parameters, {counts.trainable:,} of them trainable; {counts.macs:,} MACs"
    yield "convolutions", f"{card.conv}; conv={' | '.join(card.kinds)} replaces {card.slot}"
    yield "arguments", _arguments(card.arguments)
    yield "build takes", "; ".join(f"{name}: {words}" for name, words in card.takes.items())
    yield "pixels", _arguments(preprocessing)
    yield "sound", _arguments(card.sound)
    yield "weights", "; ".join(_weights(card))
    yield "their licence", card.weights_licence or ""
    for trained in card.packaged:
        yield f"weights={trained.dataset}", _trained(trained)


def _weights(card: Card) -> Iterator[str]:
    """Yield for each variant that has ImageNet weights the image sizes that it was trained at."""
    variants = dict.fromkeys(_arguments(file.arguments) for file in card.weights)
    for variant in variants:
        sizes = sorted({file.image_size for file in card.weights if _arguments(file.arguments) == variant})
        yield f"{variant} {', '.join(map(str, sizes))} px".strip()


def _trained(weights: PackagedWeights) -> str:
    """Return how well the package's own weights do, and how they were made; --json has recipe and log too."""
    return (
        f"accuracy {weights.accuracy:.4f} on {weights.tested_on} ({weights.images:,} images; "
        f"{weights.accuracy_before:.4f} before half precision); {weights.recipe['name']}, {weights.epochs} epochs, "
        f"seed {weights.seed}; "
        f"{weights.size:,} bytes, sha256 {weights.sha256}"
    )


def _arguments(arguments: Options) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())
