"""FractalNet: its names, by columns, dense and separable."""

from __future__ import annotations

import re

from sepzoo.layers.factorization import PRESETS
from sepzoo.records.family import Family, ModelSpec, Paper


def _form(name: str) -> ModelSpec | None:
    match = re.fullmatch(r"fractalnet_c(?P<columns>[1-9])(?P<separable>_separable)?", name)
    if match is None:
        return None
    return ModelSpec(
        name,
        arguments={"columns": int(match["columns"])},
        conv="separable" if match["separable"] else None,
        input_shape=(32, 32, 3),
        classes=10,
        dataset="cifar10",
        minimum_size=1,
    )


FAMILY = Family(
    name="fractalnet",
    paper=Paper(
        title="FractalNet: Ultra-Deep Neural Networks without Residuals",
        authors="Larsson et al.",
        venue="ICLR 2017",
        arxiv="1605.07648",
    ),
    body="sepzoo.applications.fractalnet:fractalnet",
    slots={kind: {} for kind in PRESETS},
    slot="each 3 x 3 convolution",
    listed=tuple(
        spec for columns in (3, 4) for suffix in ("", "_separable") if (spec := _form(f"fractalnet_c{columns}{suffix}"))
    ),
    parse=_form,
    note=(
        "The paper was not read in full: widths, dropout and drop-path rates are those of independent ports. Dropout "
        "stands behind each block, drop-path is drawn for each sample. How many columns the separable networks of "
        "1701.04489 had is not known."
    ),
    also_in=("1701.04489",),
)
