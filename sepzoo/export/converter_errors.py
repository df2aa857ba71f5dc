"""What a converter says of a network that it refuses, in one line that names the layers."""

from __future__ import annotations

import re

from sepzoo.support.errors import first_line

_MISSING = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_LAYER = re.compile(r'"[^"/]+/([^"/]+?)\.\d+(?:_\d+)?/')
"""A layer where TensorFlow names a place: "pool" of "network_1/pool.1_1/AvgPool3D@…"; the numbers were added."""


def refusal(network: str, error: Exception, log: str) -> str:
    """Return why a network was refused, and what to do.

    Args:
        network: its name.
        error: what the converter raised.
        log: what it printed, which has a line for each operator that TFLite lacks.

    Example:
        >>> place = 'error: loc(fused["AvgPool3D:", "net_1/pool.1_1/AvgPool3D@__call__"]): '
        >>> words = place + "'tf.AvgPool3D' op is neither a custom op nor a flex op"
        >>> refusal("net", RuntimeError("Could not translate"), words)[:62]
        "TFLite has no operator for what these layers of net compute: '"
    """
    lacking: dict[str, str] = {}
    for line in [*log.splitlines(), *str(error).splitlines()]:
        operator, layer = _MISSING.search(line), _LAYER.search(line)
        if operator and layer:
            lacking.setdefault(layer[1], operator[1])
    if not lacking:
        return f"TensorFlow's converter refused {network}: {first_line(error).rstrip('. ')}."
    layers = ", ".join(f"{layer!r} (tf.{operator})" for layer, operator in sorted(lacking.items()))
    return (
        f"TFLite has no operator for what these layers of {network} compute: {layers}. Export to xla, or put other "
        "layers in their place."
    )
