"""Network decoupling: dense convolutions of a trained model as sums of depthwise separable ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras

from sepzoo.analysis.profiling import profile
from sepzoo.data.samples import Samples
from sepzoo.layers.factorization import Order, separable
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.support.types import Arrays
from sepzoo.surgery.algebra.expansion import expand
from sepzoo.surgery.algebra.moments import Moments
from sepzoo.surgery.algebra.regression import Fit, fit
from sepzoo.surgery.approximate.decoupling_report import DecoupledLayer, DecouplingReport
from sepzoo.surgery.approximate.dense_convolutions import DenseConv, dense_convs
from sepzoo.surgery.approximate.fitting import Patches, fit_through, patch_batches
from sepzoo.surgery.approximate.separable_layer import separated
from sepzoo.surgery.approximate.term_counts import Candidate, allocate_budget, uniform_choices
from sepzoo.surgery.approximate.verification import KernelVerification
from sepzoo.surgery.exact.folding import fold
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import model_inputs
from sepzoo.surgery.walk.plan import Plan
from sepzoo.surgery.walk.rewriting import Replacement


def decouple(
    model: keras.Model,
    *,
    order: Order = "pw_dw",
    terms: int | None = None,
    energy: float = 0.95,
    macs: float | None = None,
    keep: str | Sequence[str] = (),
    only_if_cheaper: bool = True,
    data: Samples | Arrays | None = None,
) -> tuple[keras.Model, DecouplingReport]:
    """Write each dense convolution with a window as a sum of depthwise separable ones, its function kept or nearly.

    Guo et al., BMVC 2018, arXiv 1808.05517. Batch normalizations are folded first. Then each kernel is decomposed by
    singular values, for each input channel ("dw_pw") or for each filter ("pw_dw"), and its strongest terms stay; with
    all of them the layer is the same to rounding. Stride, dilation, padding and bias stay where they were. A "dw_pw"
    layer becomes one `SeparableConv2D(depth_multiplier=terms)`, a "pw_dw" layer one `FactorizedConv2D`, of the same
    name; over series, whose windows are k x 1, their one-dimensional forms. Each is held against the error that follows
    from its singular values before the model is returned.

    With `data`, terms are fitted to what the layers give on samples instead: reduced-rank regression, layer after
    layer, each fitted to the original's outputs on the input that now comes through the layers before it. No layer's
    error on the samples is larger than the data-free one. They need no labels; a few hundred images will do.

    Args:
        model: functional or Sequential, trained; it is only read.
        order: where the 1 x 1 step stands: "pw_dw" first, "dw_pw" last. For strided layers "pw_dw" is more expensive:
            its 1 x 1 step runs at the input's resolution.
        terms: how many terms each layer gets (those that it needs to be exact, if fewer); None: by `energy`.
        energy: the least number of terms that keep this share of the squared norm, on average over the channels.
        macs: share of the model's multiply-accumulates to reach, such as 0.5, in place of `terms` and `energy`. Terms
            are distributed over the layers so that their relative squared errors add up to the least: errors of the
            outputs with `data`, else of the kernels.
        keep: names of layers that stay as they are, with shell wildcards.
        only_if_cheaper: keep a layer dense where its terms would take more multiply-accumulates.
        data: samples to fit to: an array as the model takes it (pixels, uint8, where it says how these become its
            input), or `sepzoo.data.Samples`; of several inputs a dictionary of arrays by their names.

    Returns:
        The new model, and a report: of each layer terms and errors, why the others stay, and what the same number of
        terms in every layer would give.

    Raises:
        SepzooError: a model that `rewrite` refuses, an argument out of range, a budget that can't be reached, a name in
            `keep` that no layer has, weights that are not finite, samples that don't fit, or new layers that
            are not what was computed.

    Example:
        >>> import keras
        >>> layers = [keras.layers.Conv2D(16, 3, padding="same", name=name) for name in ("a", "b")]
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), *layers], name="tiny")
        >>> separated, report = decouple(model, terms=3)
        >>> [(layer.name, type(layer).__name__) for layer in separated.layers], report.macs_before, report.macs_after
        ([('a', 'FactorizedConv2D'), ('b', 'FactorizedConv2D')], 294912, 153600)
    """
    _check_arguments(order=order, terms=terms, energy=energy, macs=macs)
    inputs = None if data is None else model_inputs(model, data)
    plan = Plan(model)
    fold(plan)
    convs = dense_convs(plan, keep)
    come = None if inputs is None or macs is None else LayerInputs(plan.model, inputs)
    candidates = [
        Candidate(
            dense,
            expand(dense.kernel, order),
            None if come is None else Moments.of(patch_batches(dense, come)),
        )
        for dense in counted(convs, len(convs), "layers measured")
    ]
    if macs is not None:
        counts = allocate_budget(
            candidates, macs, whole=_macs(plan.model), only_if_cheaper=only_if_cheaper, kept=bool(keep)
        )
    else:
        wanted = [terms or candidate.expansion.count_for(energy) for candidate in candidates]
        counts = [
            candidate.limited(count, only_if_cheaper=only_if_cheaper)
            for candidate, count in zip(candidates, wanted, strict=True)
        ]
    chosen = {candidate.dense: (candidate, count) for candidate, count in zip(candidates, counts, strict=True) if count}
    fits: Sequence[Fit | None] = [None] * len(chosen)
    if inputs is not None:

        def fitted(dense: DenseConv, batches: Iterator[Patches]) -> Fit:
            candidate, count = chosen[dense]
            return fit(Moments.of(batches), candidate.expansion, count, dense.bias)

        fits = fit_through(plan.model, list(chosen), inputs, fitted)
    decoupled = [(*choice, found) for choice, found in zip(chosen.values(), fits, strict=True)]
    for each in decoupled:
        plan.replace(each[0].dense.site, *_separated(*each))
    for candidate in candidates:
        if candidate.dense not in chosen:
            plan.skip(candidate.dense.site, _reason(candidate, macs))
    new, report = plan.finish(inputs)
    return new, DecouplingReport.of(
        report,
        layers=tuple(_record(*each) for each in decoupled),
        total_error=sum(candidate.errors[count] for candidate, count, _found in decoupled),
        uniform=()
        if report.macs_before is None
        else uniform_choices(candidates, whole=report.macs_before, only_if_cheaper=only_if_cheaper),
    )


def _check_arguments(*, order: str, terms: int | None, energy: float, macs: float | None) -> None:
    separable(order=order)  # type: ignore[arg-type]  # raises where there is no such order
    if terms is not None and macs is not None:
        raise SepzooError(f"expected terms or macs. Received: both, terms={terms} and macs={macs}.")
    if terms is not None and (isinstance(terms, bool) or not isinstance(terms, int) or terms < 1):
        raise SepzooError(f"expected at least 1 term. Received: terms={terms!r}. 9 are exact for a 3 x 3 kernel.")
    if not _is_share(energy):
        raise SepzooError(f"expected an energy above 0 and up to 1. Received: energy={energy!r}.")
    if macs is not None and not _is_share(macs):
        raise SepzooError(f"expected a share of the MACs above 0 and up to 1. Received: macs={macs!r}.")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value <= 1.0


def _macs(model: keras.Model) -> int:
    """Return the multiply-accumulates of a model that a budget is a share of."""
    try:
        return profile(model).macs
    except SepzooError as error:
        raise SepzooError(
            f"expected a model of known input size, as macs= is a share of what it costs. Received: {error}"
        ) from error


def _reason(candidate: Candidate, macs: float | None) -> str:
    """Return why a candidate stays dense, where it does."""
    if macs is not None:
        return "the budget leaves it dense"
    return f"so many terms would take no fewer than its {candidate.dense.macs:,} MACs"


def _separated(candidate: Candidate, count: int, fitted: Fit | None) -> tuple[Replacement, KernelVerification]:
    dense, expansion = candidate.dense, candidate.expansion
    kernel_error = expansion.relative_squared_error(count)
    action = f"{count} of {expansion.rank} terms ({expansion.terms.order}), kernel error {kernel_error:.4f}"
    if fitted is None:
        return separated(dense, expansion.terms.truncated(count), action, squared_error=expansion.squared_error(count))
    action += f", output error {fitted.error:.4f} (data-free {fitted.data_free_error:.4f})"
    return separated(dense, fitted.terms, action, bias=fitted.bias)


def _record(candidate: Candidate, count: int, fitted: Fit | None) -> DecoupledLayer:
    return DecoupledLayer(
        layer=candidate.dense.name,
        terms=count,
        rank=candidate.expansion.rank,
        kernel_error=candidate.expansion.relative_squared_error(count),
        output_error=fitted.error if fitted else None,
        data_free_output_error=fitted.data_free_error if fitted else None,
    )
