"""What `sepzoo compress` was asked for, as surgery and compression take it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from typing import Any

from sepzoo import compression, surgery
from sepzoo.cli.rewrite_options import settings_of
from sepzoo.data.samples import Samples
from sepzoo.support.errors import SepzooError
from sepzoo.support.overrides import parse_override
from sepzoo.support.types import Json, Model

_FIRST = {"--prune": "sparsity", "--cluster": "clusters"}
"""What the first word of an option's settings says, where it is a value alone."""

_SAID_ELSEWHERE = ("data", "keep", "labels", "preprocessing", "features", "outputs")


@dataclasses.dataclass(frozen=True)
class Compressed:
    """What one option made of a network.

    Attributes:
        model: the new network.
        text: what is told of it.
        values: the same for `--json`.
    """

    model: Model
    text: str
    values: Json


def compressed(network: Model, option: str, words: str, *, keep: Sequence[str], data: Samples | None) -> Compressed:
    """Do to a network what an option says.

    Args:
        network: it is only read.
        option: such as "--prune".
        words: what follows it: settings, such as "0.5,epochs=4".
        keep: names of layers that stay as they are.
        data: samples to train on or to fit to.

    Raises:
        SepzooError: a setting that is not known, or what the operation raises.
    """
    if option == "--qat":
        return _rounding(network, words, data)
    operations: dict[str, Callable[..., Any]] = {
        "--prune": compression.prune,
        "--cluster": compression.cluster,
        "--prune-channels": surgery.prune_channels,
    }
    first, others = first_word(words) if option in _FIRST else (None, words)
    arguments = settings_of(others, operations[option], option, _SAID_ELSEWHERE) if others else {}
    if first is not None:
        arguments[_FIRST[option]] = first
    if isinstance(arguments.get("block_size"), str):
        arguments["block_size"] = sides(arguments["block_size"])
    new, report = operations[option](network, data=data, keep=keep, **arguments)
    return Compressed(new, str(report), dataclasses.asdict(report))


def first_word(words: str) -> tuple[Json, str]:
    """Return the value that settings begin with, or None, and the others.

    Example:
        >>> first_word("0.5,epochs=4"), first_word("2:4"), first_word("epochs=4")
        ((0.5, 'epochs=4'), ('2:4', ''), (None, 'epochs=4'))
    """
    word, _, others = words.partition(",")
    if "=" in word:
        return None, words
    # YAML takes 2:4 for a number of sixties.
    return (word.strip() if ":" in word else parse_override(f"value={word}")[1]), others


def sides(text: str) -> tuple[int, int]:
    """Read `4x1`.

    Example:
        >>> sides("4x1")
        (4, 1)
    """
    found = re.fullmatch(r"(\d+)x(\d+)", text.strip())
    if found is None:
        raise SepzooError(f"expected block_size such as 4x1. Received: {text!r}.")
    return int(found[1]), int(found[2])


def _rounding(network: Model, words: str, data: Samples | None) -> Compressed:
    assert data is not None
    arguments = settings_of(words, compression.quantize_aware, "--qat", _SAID_ELSEWHERE) if words else {}
    found = compression.quantize_aware(network, data, **arguments)
    losses = ", ".join(f"{loss:.3g}" for loss in found.losses)
    text = f"trained on {len(data)} samples of {data.origin}; loss before and after each epoch: {losses}"
    return Compressed(found.model, text, {"samples": len(data), "losses": list(found.losses)})
