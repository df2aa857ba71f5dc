"""What a converter says of a network that it refuses, in one line that names the layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sepzoo.support.errors import first_line

_LITE = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_TF2ONNX = re.compile(r"Failed to convert node '([^']*?(\w+))'")
_LAYER = re.compile(r'"[^"/]+/([^"/]+?)\.\d+(?:_\d+)?/')
"""A layer where TensorFlow names a place: "pool" of "network_1/pool.1_1/AvgPool3D@…"; the numbers were added."""


class MissingOperatorsError(Exception):
    """A format lacks operators for what a network computes.

    Attributes:
        places: the name of each of TensorFlow's operations that it lacks, and where it stands in the graph.
    """

    def __init__(self, places: Iterable[tuple[str, str]]) -> None:
        self.places = tuple(places)
        super().__init__(", ".join(sorted({name for name, _ in self.places})))


def refusal(network: str, error: Exception, log: str, *, target: str) -> str:
    """Return why a network was refused, and what to do.

    Args:
        network: its name.
        error: what the converter raised.
        log: what it printed, which may have a line for each operator that is missing.
        target: the format's name.

    Example:
        >>> missing = MissingOperatorsError([("Bucketize", "net_1/bins.1_1/Bucketize"), ("Erfinv", "net_1/Erfinv")])
        >>> refusal("net", missing, "", target="onnx")[:99]
        "onnx has no operators for parts of net: 'bins' (tf.Bucketize), operations outside of layers (tf.Erf"
    """
    places = error.places if isinstance(error, MissingOperatorsError) else tuple(_places(f"{log}\n{error}"))
    layers: dict[str, str] = {}
    outside: set[str] = set()
    for operator, place in places:
        layer = _LAYER.search(f'"{place}')
        if layer:
            layers.setdefault(layer[1], operator)
        else:
            outside.add(operator)
    if not places:
        return f"the converter to {target} refused {network}: {first_line(error).rstrip('. ')}."
    parts = [f"{layer!r} (tf.{operator})" for layer, operator in sorted(layers.items())]
    if outside:
        parts.append(f"operations outside of layers ({', '.join(f'tf.{name}' for name in sorted(outside))})")
    return (
        f"{target} has no operators for parts of {network}: {', '.join(parts)}. Put other layers in their place, or "
        "take another format: `sepzoo export --to all` tries each."
    )


def _places(text: str) -> Iterator[tuple[str, str]]:
    """Yield the operations that a converter printed as missing, and the line or place that names their layer."""
    for line in text.splitlines():
        lite, node = _LITE.search(line), _TF2ONNX.search(line)
        if lite:
            yield lite[1], line
        elif node:
            yield node[2], node[1]
