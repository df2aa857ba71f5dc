"""What `sepzoo rewrite` does to a model: the operations that were asked for, one after the other."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from sepzoo import surgery
from sepzoo.data.samples import Samples, draw_samples
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.overrides import parse_override
from sepzoo.surgery import SurgeryReport

Step = Callable[[Any], tuple[Any, SurgeryReport]]


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line.

    Attributes:
        fold: whether batch normalizations and linear 1 x 1 pairs are folded.
        spatial: ratio of the spatial decomposition, or None.
        channels: ratio of the channel decomposition, or None.
        replace: kind and options, as in "bsconv_s,p=0.5", or None.
        blueprint: whether filters become blueprints.
        p: ratio of mid channels of the blueprints, or None for BSConv-U.
        decouple: settings, as in "macs=0.5,order=dw_pw", or None.
        keep: names of layers that stay.
        samples: images to fit to, or None.
    """

    fold: bool
    spatial: float | None
    channels: float | None
    replace: str | None
    blueprint: bool
    p: float | None
    decouple: str | None
    keep: Sequence[str]
    samples: Samples | None


def rewritten(model: Any, wishes: Wishes) -> tuple[Any, SurgeryReport]:
    """Return the model after all operations, and the report of all.

    Raises:
        SepzooError: nothing was asked for, things that don't go together, or what an operation raises.
    """
    steps = list(_steps(wishes))
    if not steps:
        raise SepzooError(
            "expected something to do. Received: none of --decouple, --replace, --blueprint, --fold, --spatial and "
            "--channels."
        )
    if sum((wishes.decouple is not None, wishes.replace is not None, wishes.blueprint)) > 1:
        raise SepzooError("expected one of --decouple, --replace and --blueprint. Received: more than one.")
    report = None
    for step in steps:
        model, further = step(model)
        report = further if report is None else report.followed_by(further)
    assert report is not None
    return model, report


def draw(model: Any, data: str, count: int, seed: int) -> Samples:
    """Draw unlabelled training images of a data set, prepared as the model wants them."""
    from sepzoo.cli.samples import open_for, splits_of
    from sepzoo.inference.keras_model import from_model

    return draw_samples(open_for(from_model(model), data, splits_of(data).train), count, seed)


def _steps(wishes: Wishes) -> list[Step]:
    keep, samples = list(wishes.keep), wishes.samples
    steps: list[Step] = []
    if wishes.fold:
        steps += [surgery.fold_batch_norm, surgery.fold_leading_batch_norm, surgery.fuse_pointwise]
    if wishes.spatial is not None:
        ratio = wishes.spatial
        steps.append(lambda model: surgery.decompose_spatially(model, ratio=ratio, keep=keep, data=samples))
    if wishes.channels is not None:
        share = wishes.channels
        steps.append(lambda model: surgery.decompose_channels(model, ratio=share, keep=keep, data=samples))
    if wishes.replace is not None:
        kind, *options = wishes.replace.split(",")
        settings = dict(parse_override(option) for option in options)
        steps.append(lambda model: surgery.replace(model, kind.strip(), conv_options=settings, keep=keep))
    if wishes.blueprint:
        steps.append(lambda model: surgery.blueprint(model, p=wishes.p, keep=keep))
        if samples is not None:
            steps.append(lambda model: surgery.recalibrate_batch_norm(model, samples))
    if wishes.decouple is not None:
        arguments = _decoupling(wishes.decouple)
        steps.append(lambda model: surgery.decouple(model, **arguments, keep=keep, data=samples))
    return steps


def _decoupling(text: str) -> dict[str, Any]:
    """Read `macs=0.5,order=dw_pw`."""
    legal = set(inspect.signature(surgery.decouple).parameters) - {"model", "keep", "data"}
    arguments = dict(parse_override(setting) for setting in text.split(","))
    for name in arguments:
        if name not in legal:
            raise unknown("setting of --decouple", name, legal)
    return arguments
