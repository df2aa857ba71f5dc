"""A network that is trained in a process of its own while tensorflow-model-optimization changes its kernels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import keras
import numpy as np

from sepzoo.compression.compression_report import CompressionReport
from sepzoo.compression.file_sizes import file_sizes
from sepzoo.compression.keras2_process import require_packages
from sepzoo.compression.keras2_training import Plan, arrays_of, train
from sepzoo.compression.kernels import kernel_of
from sepzoo.compression.training_settings import TrainingSettings, split
from sepzoo.data.samples import Samples
from sepzoo.export.preparation import require_float, require_stateless
from sepzoo.export.taken_inputs import saying_inputs
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.support.types import Json, Layer
from sepzoo.surgery.walk.comparison import SAMPLES, compare
from sepzoo.surgery.walk.model_inputs import ModelInputs
from sepzoo.surgery.walk.report import Outcome, report_on
from sepzoo.surgery.walk.sites import sites


@dataclasses.dataclass(frozen=True, eq=False)
class Method:
    """What is done to the kernels of a network.

    Attributes:
        chosen: the layers to work on, by name.
        kept: why others stay, by name.
        arguments: as `sepzoo.compression.keras2.wrappers` takes them.
        first_epoch: the first after which all is done that is to be.
        told: what the report says of a kernel then.
    """

    chosen: Mapping[str, Layer]
    kept: Mapping[str, str]
    arguments: Json
    first_epoch: int
    told: Callable[[np.ndarray], str]


def fine_tuned(
    given: KerasClassifier, model: keras.Model, data: Samples, method: Method, settings: TrainingSettings
) -> tuple[keras.Model, CompressionReport]:
    """Train a network while its kernels are changed, and give it the weights that come back.

    Args:
        given: the network as it was given.
        model: a copy of it, of built-in layers, which gets the new weights.
        data: samples to train on.
        method: what is done to its kernels.
        settings: of the training.

    Raises:
        SepzooError: a layer that the other process can't load or compute, outputs that differ there, or a loss that is
            not finite.
    """
    require_packages(method.arguments["kind"])
    require_float(model)
    require_stateless(model)
    order = np.random.default_rng(settings.seed).permutation(len(data))
    held, trained = split(order)
    judging = data.taken(held)
    classifier = saying_inputs(dataclasses.replace(given, model=model), judging)
    data = settings.labelled(classifier, data)
    plan = Plan(method.arguments, list(method.chosen), method.first_epoch)
    losses = train(model, classifier, data, (held, trained), plan, settings)
    first = arrays_of(classifier, next(iter(classifier.batches(judging.images, SAMPLES))))
    kernels = [kernel_of(layer) for layer in method.chosen.values()]
    sizes, unmeasured = file_sizes(saying_inputs(given, judging), classifier, judging)
    report = dataclasses.replace(
        report_on(model, model, _outcomes(model, method)),
        comparison=compare(given.model, model, ModelInputs(tuple(first))),
    )
    more = CompressionReport.of(
        report,
        weights=sum(kernel.size for kernel in kernels),
        zeros=sum(int((kernel == 0).sum()) for kernel in kernels),
        losses=losses,
        sizes=sizes,
        unmeasured=unmeasured,
    )
    return model, more


def _outcomes(model: keras.Model, method: Method) -> list[Outcome]:
    found = []
    for site in sites(model):
        if site.name in method.chosen:
            found.append(Outcome(site, method.told(kernel_of(site.layer)), (site.layer,)))
        elif site.name in method.kept:
            found.append(Outcome(site, "", (site.layer,), skipped=method.kept[site.name]))
    return found
