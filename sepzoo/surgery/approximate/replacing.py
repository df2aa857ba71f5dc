"""Dense convolutions replaced by another kind, to be trained anew."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from sepzoo.layers.factorization import Factorization, factorization
from sepzoo.layers.kinds import convolution
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Options
from sepzoo.surgery.approximate.dense_convolutions import dense_convs
from sepzoo.surgery.approximate.separable_layer import arguments_of
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.report import SurgeryReport
from sepzoo.surgery.walk.rewriting import Part, Replacement


def replace(
    model: keras.Model,
    kind: str | Factorization,
    *,
    conv_options: Options | None = None,
    kernel_sizes: Sequence[tuple[int, ...]] | None = ((3, 3), (5, 5)),
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
) -> tuple[keras.Model, SurgeryReport]:
    """Put a kind of convolution in the place of each dense one, with initial weights: the model must be trained.

    The rules are those of the BSConv authors' program: a convolution of one group whose window is in `kernel_sizes` is
    replaced; channels, window, stride, padding, dilation, bias, activation and penalties stay; there is no batch
    normalization between the steps unless `conv_options` asks for it. A second call changes nothing. To keep what the
    model has learned, use `blueprint` or `decouple`.

    Args:
        model: functional or Sequential; it is only read.
        kind: a name of `sepzoo.layers.PRESETS`, or a `Factorization`.
        conv_options: the kind's options, for example `{"p": 0.25}`.
        kernel_sizes: the kernels that are replaced, exactly, such as ((3, 3), (5, 1)), one of 9 steps over series as
            (9,); None for all, 1 x 1 among them.
        keep: names of layers that stay as they are, with shell wildcards.
        only_if_cheaper: keep a layer whose successor would take no fewer multiply-accumulates.

    Raises:
        SepzooError: a model that `rewrite` refuses, an unknown kind or option, a name in `keep` that no layer has, or
            groups that don't divide a layer's channels; the layer is named.

    Example:
        >>> layers = [keras.layers.Conv2D(16, 3, name="a"), keras.layers.Conv2D(16, 1, name="b")]
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), *layers], name="tiny")
        >>> new, report = replace(model, "bsconv_s", conv_options={"p": 0.25})
        >>> [(change.layer, change.action or change.skipped) for change in report.changes]
        [('a', 'now bsconv_s, with initial weights'), ('b', 'its window is 1 x 1')]
        >>> report.params_before, report.params_after
        (2592, 560)
    """
    record = factorization(kind, **(conv_options or {}))
    if not record.expand:
        raise SepzooError(f"expected a kind that separates convolutions. Received: kind={record.kind!r}.")
    sizes = None if kernel_sizes is None else {_window(size) for size in kernel_sizes}
    plan = Plan(model)
    for dense in dense_convs(plan, keep, pointwise=True):
        layer = dense.site.layer
        if sizes is not None and tuple(layer.kernel_size) not in sizes:
            plan.skip(dense.site, f"its window is {' x '.join(map(str, layer.kernel_size))}")
            continue
        try:
            reason = dense.no_cheaper_as(record) if only_if_cheaper else ""
            new = convolution(dense.rank, record, layer.filters, layer.kernel_size, **arguments_of(layer))
        except SepzooError as error:
            raise SepzooError(f"layer {dense.name!r}: {error}") from error
        if reason:
            plan.skip(dense.site, reason)
        else:
            action = f"now {record.kind}, with initial weights"
            plan.replace(dense.site, Replacement((Part(new),), action), verification=None)
    return plan.finish()


def _window(size: object) -> tuple[int, ...]:
    sizes = tuple(size) if isinstance(size, Sequence) else ()
    if len(sizes) not in (1, 2) or not all(isinstance(each, int) and each > 0 for each in sizes):
        raise SepzooError(
            f"expected kernel_sizes such as ((3, 3), (5, 5)), of series such as ((9,),). Received: {size!r} among them."
        )
    return sizes
