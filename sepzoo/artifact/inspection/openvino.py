"""OpenVINO's pairs of files: operators, and constants whose places in the weights are compared with what is there."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from sepzoo.artifact.inspection.records import Array, Inspection, Layer, Member
from sepzoo.support.bounds import BOUNDS

_BITS = {"boolean": 8, "bf16": 16, "f16": 16, "f32": 32, "f64": 64, "nf4": 4, "f8e4m3": 8, "f8e5m2": 8} | {
    f"{sign}{bits}": bits for sign in "iu" for bits in (4, 8, 16, 32, 64)
}
_BITS |= {"u1": 1, "u2": 2, "u3": 3, "u6": 6}
"""Type of a constant -> bits of one number; one that is not here ("string") is refused."""
_OWN_SETS = ("opset", "experimental")
"""How the sets of operators begin that OpenVINO has by itself."""


def read_openvino(graph: Path, members: tuple[Member, ...]) -> Inspection:
    """Return what is in a pair of files.

    Args:
        graph: the `.xml` file; the `.bin` file of its name lies beside it, unless it has no constants.
        members: the files of the folder.

    Raises:
        ValueError: the graph is damaged, larger than `BOUNDS` allows, or its constants lie outside the weights.
    """
    if graph.stat().st_size > BOUNDS.json:
        raise ValueError(f"its graph has {graph.stat().st_size:,} bytes, of which {BOUNDS.json:,} are allowed")
    text = graph.read_bytes()
    if b"<!" in text.replace(b"<!--", b""):
        raise ValueError("its graph has a declaration of a document type, which no network has")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"its graph is no XML: {error}") from None
    if root.tag != "net":
        raise ValueError(f"its graph begins with <{root.tag}>, not with <net>")
    weights = graph.with_suffix(".bin")
    stored = weights.stat().st_size if weights.is_file() else 0
    counts: Counter[tuple[str, str]] = Counter()
    arrays = []
    for layer in root.iter("layer"):
        group = layer.get("version", "")
        counts[layer.get("type", ""), "" if group.startswith(_OWN_SETS) else group] += 1
        BOUNDS.check_count("operators", counts.total())
        if layer.get("type") == "Const":
            arrays.append(_constant(layer, stored))
        for port in layer.iter("port"):
            sides = [(side.text or "").strip() for side in port.findall("dim")]
            _check_sides(layer, [_number(side) for side in sides if side != "-1"])
        data = layer.find("data")
        given = data.get("shape", "") if data is not None and layer.get("type") == "Parameter" else ""
        _check_sides(layer, [_number(side) for side in re.findall(r"\d+", given)])  # "?,3,1..224": its largest
    BOUNDS.check_unpacked(sum(array.bytes for array in arrays), stored)
    foreign = sorted({group for _, group in counts} - {""})
    return Inspection(
        path=str(graph),
        format="OpenVINO",
        bytes=sum(member.bytes for member in members),
        members=members,
        layers=tuple(Layer(f"{count} times", kind, group) for (kind, group), count in counts.most_common()),
        arrays=tuple(arrays),
        custom=tuple(f"operators of {group}" for group in foreign),
    )


def _constant(layer: ElementTree.Element, stored: int) -> Array:
    data = layer.find("data")
    name = layer.get("name", "")
    if data is None:
        raise ValueError(f"its constant {name!r} has no place in the weights")
    dtype, shape = data.get("element_type", ""), _numbers(data.get("shape", ""))
    place, size = _number(data.get("offset", "")), _number(data.get("size", ""))
    if dtype not in _BITS:
        raise ValueError(f"its constant {name!r} is of type {dtype!r}, which is not read")
    if place + size > stored:
        raise ValueError(f"its constant {name!r} ends at byte {place + size:,} of {stored:,}")
    if math.ceil(math.prod(shape) * _BITS[dtype] / 8) != size:
        raise ValueError(f"its constant {name!r} has {size:,} bytes for {math.prod(shape):,} numbers of {dtype}")
    return Array(name, shape, dtype, size)


def _check_sides(layer: ElementTree.Element, sides: list[int]) -> None:
    """See that no tensor is larger than one may be; sides that are open do not count."""
    if 4 * math.prod(sides) > BOUNDS.tensor:
        raise ValueError(f"its layer {layer.get('name', '')!r} has a tensor of {math.prod(sides):,} numbers")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(_number(part) for part in text.split(",")) if text.strip() else ()


def _number(text: str) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ValueError(f"its graph has {text[:20]!r} in the place of a number")
    return int(text)
