"""What `sepzoo export` lets a user choose of `.tflite` files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from sepzoo.support.errors import SepzooError

if TYPE_CHECKING:
    from sepzoo.export.formats.tflite_options import Edges, TfliteOptions


EdgesText = Annotated[
    str | None,
    typer.Option(
        help="Type of the inputs and outputs of 8-bit files: uint8 (as they are), int8 or float.",
    ),
]
KeepFloat = Annotated[
    str | None,
    typer.Option(
        help="Layers that stay float in files that round: names or patterns such as 'block_1_*', with commas between; "
        "or `auto`: as few bytes of them as it takes.",
    ),
]
Agreement = Annotated[
    float | None,
    typer.Option(
        help="With --keep-float auto: the least share of samples with the network's own answer; by default .98.",
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        help="The most accuracy that rounded files may lose, such as .01; layers stay float until it is kept.",
    ),
]
BatchSizes = Annotated[
    str | None,
    typer.Option(
        help="Numbers of samples that a file takes at a time beside one, such as 8,32: a signature each.",
    ),
]
CArray = Annotated[
    bool,
    typer.Option("--c-array", help="Write a C array beside each file, for microcontrollers."),
]
LayerReport = Annotated[
    bool,
    typer.Option(
        "--layer-report",
        help="Measure each layer's signal-to-noise ratio in each file, and write it beside the file: CSV, picture, and "
        "an overlay for Model Explorer.",
    ),
]


def tflite_options(
    edges: str | None,
    keep_float: str | None,
    agreement: float | None,
    max_drop: float | None,
    batch_sizes: str | None,
    *,
    c_array: bool,
    layer_report: bool,
) -> TfliteOptions:
    """Return the record of these options.

    Raises:
        SepzooError: one of them is out of its range, or they contradict each other.
    """
    from sepzoo.export.formats.tflite_options import TfliteOptions

    return TfliteOptions(
        edges=cast("Edges | None", edges),  # it is checked there
        keep_float=_parts(keep_float),
        agreement=agreement,
        max_drop=max_drop,
        batch_sizes=tuple(map(_whole, _parts(batch_sizes))),
        c_array=c_array,
        layer_report=layer_report,
    )


def _parts(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise SepzooError(
            f"expected --batch-sizes as whole numbers with commas between, such as 8,32. Received: {text}."
        )
    return int(text)
