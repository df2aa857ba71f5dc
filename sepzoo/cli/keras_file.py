"""What the commands share that write a network into a .keras file, some of them fitted to samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sepzoo.support.errors import SepzooError

KerasFile = Annotated[Path, typer.Option("--out", help="The .keras file to write.")]

FittingData = Annotated[
    str | None,
    typer.Option(
        "--data", help="To fit to: `digits`, a folder, a TFDS name, or an .npz file. Labels: only as targets."
    ),
]

SampleCount = Annotated[int, typer.Option("--samples", min=1, help="How many of them.")]

Seed = Annotated[int, typer.Option("--seed", min=0, help="Decides which.")]


def check_keras_file(path: Path, option: str = "--out", *, model: str | None = None) -> None:
    """See, before the work, that a network can be written to a path.

    Args:
        path: of the file.
        option: that it was said by, for the error.
        model: what the network is made of: a name, a file or a run folder.

    Raises:
        SepzooError: a name that does not end in `.keras`, the model's own file, a place that cannot be written, or a
            clock before 1980.
    """
    from sepzoo.support.atomic import check_target
    from sepzoo.support.clock import require_clock

    if path.suffix != ".keras":
        raise SepzooError(f"expected a file name that ends in .keras. Received: {option} {path}.")
    for own in () if model is None else (Path(model), Path(model, "best.keras"), Path(model, "last.keras")):
        if path.is_file() and own.is_file() and path.samefile(own):
            raise SepzooError(
                f"expected another file than the model's own, which would be lost. Received: {option} {path}. Name "
                "another file."
            )
    check_target(path)
    require_clock()
