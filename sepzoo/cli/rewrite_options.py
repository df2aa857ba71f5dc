"""What `sepzoo rewrite` was asked for, as surgery takes it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence

import keras

from sepzoo import surgery
from sepzoo.artifact.model_file import metadata_of
from sepzoo.data.samples import Samples, draw_samples
from sepzoo.export.samples import default_splits, open_split
from sepzoo.inference.feature_sets import is_feature_set, samples_of
from sepzoo.inference.features import names_features
from sepzoo.inference.keras_model import from_model
from sepzoo.inference.tensors import InputTensor
from sepzoo.layers.graph import graph_of
from sepzoo.layers.tensor_names import names_of
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.overrides import parse_overrides
from sepzoo.support.types import Json
from sepzoo.surgery import SurgeryReport
from sepzoo.surgery.walk.comparison import compare
from sepzoo.surgery.walk.model_inputs import model_inputs

Step = Callable[[keras.Model], tuple[keras.Model, SurgeryReport]]


@dataclasses.dataclass(frozen=True)
class RewriteOptions:
    """What was asked for on the command line.

    Attributes:
        fuse_branches: whether parallel branches of one input become one convolution.
        fold: whether batch normalizations and linear 1 x 1 pairs are folded.
        spatial: ratio of the spatial decomposition, or None.
        channels: ratio of the channel decomposition, or None.
        replace: kind and options, as in "bsconv_s,p=0.5", or None.
        kernel_sizes: which kernels --replace takes, as in "3x3,5x1,9", or "all"; None for its own choice.
        blueprint: whether filters become blueprints.
        p: ratio of mid channels of the blueprints, or None for BSConv-U.
        decouple: settings, as in "macs=0.5,order=dw_pw", or None.
        only_if_cheaper: whether --replace and --blueprint leave layers that would take no fewer multiply-accumulates.
        keep: names of layers that stay.
        samples: images to fit to, or None.
    """

    fuse_branches: bool
    fold: bool
    spatial: float | None
    channels: float | None
    replace: str | None
    kernel_sizes: str | None
    blueprint: bool
    p: float | None
    decouple: str | None
    only_if_cheaper: bool
    keep: Sequence[str]
    samples: Samples | None


def rewritten(model: keras.Model, options: RewriteOptions) -> tuple[keras.Model, SurgeryReport]:
    """Return the model after all operations, and the report of all.

    Raises:
        SepzooError: nothing was asked for, things that don't go together, or what an operation raises.
    """
    steps = list(_steps(options))
    if not steps:
        raise SepzooError(
            "expected something to do. Received: none of --decouple, --replace, --blueprint, --fold, --fuse-branches, "
            "--spatial and --channels."
        )
    if sum((options.decouple is not None, options.replace is not None, options.blueprint)) > 1:
        raise SepzooError("expected one of --decouple, --replace and --blueprint. Received: more than one.")
    original, report = model, None
    for step in steps:
        model, further = step(model)
        report = further if report is None else report.followed_by(further)
    assert report is not None
    if len(steps) > 1:
        inputs = None if options.samples is None else model_inputs(original, options.samples)
        report = dataclasses.replace(report, comparison=compare(original, model, inputs))
    return model, report


def training_samples(model: keras.Model, data: str, count: int, seed: int) -> Samples:
    """Draw training images of a data set, or arrays of a file or a set of features."""
    graph = graph_of(model)
    names = names_of(graph.input, graph.inputs)
    inputs = [InputTensor(name, tuple(each.shape[1:])) for name, each in zip(names, graph.inputs, strict=True)]
    metadata = metadata_of(model)
    if not is_feature_set(data, inputs, sound=None if metadata is None else metadata.sound):
        source = open_split(from_model(model), data, default_splits(data).train)
        return dataclasses.replace(draw_samples(source, count, seed), class_names=source.class_names)
    split = None if names_features(data) else default_splits(data).train
    padded = metadata is not None and metadata.padded
    return samples_of(data, inputs, split=split, count=count, seed=seed, padded=padded)


def _steps(options: RewriteOptions) -> list[Step]:
    keep, samples = list(options.keep), options.samples
    steps: list[Step] = []
    if options.fuse_branches:
        steps.append(surgery.fuse_branches)
    if options.fold:
        steps += [surgery.fold_batch_norm, surgery.fold_leading_batch_norm, surgery.fuse_pointwise]
    if options.spatial is not None:
        ratio = options.spatial
        steps.append(lambda model: surgery.decompose_spatially(model, ratio=ratio, keep=keep, data=samples))
    if options.channels is not None:
        share = options.channels
        steps.append(lambda model: surgery.decompose_channels(model, ratio=share, keep=keep, data=samples))
    if options.replace is not None:
        kind, *words = options.replace.split(",")
        settings = parse_overrides(words, f"--replace {options.replace}")
        more = {} if options.kernel_sizes is None else {"kernel_sizes": _kernel_sizes(options.kernel_sizes)}
        cheaper = options.only_if_cheaper
        steps.append(
            lambda model: surgery.replace(
                model, kind.strip(), conv_options=settings, keep=keep, only_if_cheaper=cheaper, **more
            )
        )
    if options.blueprint:
        steps.append(
            lambda model: surgery.blueprint(model, p=options.p, keep=keep, only_if_cheaper=options.only_if_cheaper)
        )
        if samples is not None:
            steps.append(lambda model: surgery.recalibrate_batch_norm(model, samples))
    if options.decouple is not None:
        arguments = settings_of(options.decouple, surgery.decouple, "--decouple", ("keep", "data"))
        steps.append(lambda model: surgery.decouple(model, **arguments, keep=keep, data=samples))
    return steps


def _kernel_sizes(text: str) -> list[tuple[int, ...]] | None:
    """Read `3x3,5x1`, `9` of series, or `all`."""
    if text.strip() == "all":
        return None
    sizes = [word.strip().lower().split("x") for word in text.split(",")]
    if not all(len(size) in (1, 2) and all(side.isdecimal() for side in size) for size in sizes):
        raise SepzooError(f"expected --kernel-sizes such as 3x3,5x1, of series such as 9, or all. Received: {text!r}.")
    return [tuple(map(int, size)) for size in sizes]


def settings_of(text: str, operation: Callable[..., object], option: str, others: Sequence[str]) -> dict[str, Json]:
    """Read `macs=0.5,order=dw_pw`.

    Args:
        text: what follows an option.
        operation: whose arguments are meant.
        option: its name, for errors.
        others: arguments that have options of their own.

    Raises:
        SepzooError: no setting, or one that the operation doesn't have.
    """
    legal = set(inspect.signature(operation).parameters) - {"model", *others}
    arguments = parse_overrides(text.split(","), f"{option} {text}")
    for name in arguments:
        if name not in legal:
            raise unknown(f"setting of {option}", name, legal)
    return arguments
