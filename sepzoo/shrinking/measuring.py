"""From a network and samples to scores: choices, their costs, and their errors held to what was measured."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np

from sepzoo.analysis.profiling import profile
from sepzoo.compression.answer_losses import variance
from sepzoo.records.outputs import Output
from sepzoo.shrinking.candidates import candidates_of, plainest, steps_to_time, ways_for
from sepzoo.shrinking.file_bytes import Names, renamed_bytes
from sepzoo.shrinking.fisher import fisher_information
from sepzoo.shrinking.judged_layer import JudgedLayer
from sepzoo.shrinking.kept_work import NOTHING_KEPT, KeptWork
from sepzoo.shrinking.latency import StepTimes
from sepzoo.shrinking.layer_errors import LayerErrors
from sepzoo.shrinking.memory import turns_of
from sepzoo.shrinking.network import Network, NetworkLayer
from sepzoo.shrinking.scores import GroupLevels, Item, Scores, correlation
from sepzoo.shrinking.trial import Map, Trial
from sepzoo.shrinking.ways import KEEP
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import counted
from sepzoo.surgery.walk.layer_inputs import LayerInputs
from sepzoo.surgery.walk.model_inputs import ModelInputs

TRIALS = 40
FISHER_SAMPLES = 128
TRIAL_SAMPLES = 128


def score(
    network: Network,
    inputs: ModelInputs,
    held: ModelInputs,
    outputs: Sequence[Output],
    *,
    techniques: Sequence[str],
    integers: bool,
    timed: StepTimes | None = None,
    key: str = "",
    kept: KeptWork = NOTHING_KEPT,
    samples: str = "",
) -> Scores:
    """Find what can be chosen for each layer, what it costs, and what it does to the answers.

    Args:
        network: whose layers are meant.
        inputs: samples as its model takes them, to fit to; no labels are needed.
        held: other samples, on which divergences are measured.
        outputs: what it gives.
        techniques: see `sepzoo.shrinking.candidates.TECHNIQUES`.
        integers: whether the file has 8-bit integers.
        timed: the time of steps; None where none is wanted.
        key: of what this is, for `Scores`.
        kept: where what was found out about each layer is kept.
        samples: in words.
    """
    trial = Trial(network, held[:TRIAL_SAMPLES], outputs)
    few, scale = inputs[:FISHER_SAMPLES], [variance(each) for each in trial.right]
    information = kept.once("information", lambda: fisher_information(network, few, outputs, scale))
    ways = {layer.name: ways_for(layer, techniques) for layer in network.layers}
    if timed is not None:
        timed.measure(step for layer in network.layers for step in steps_to_time(network, layer, ways[layer.name]))

    turns, come = turns_of(network), LayerInputs(network.model, inputs)

    def judge(layer: NetworkLayer) -> dict[str, np.ndarray]:
        errors = None
        if layer.judged:
            errors = LayerErrors(network, layer, network.moments(layer, come), information[layer.name])
            errors.add(ways[layer.name])
            errors.scale(trial)
        found = candidates_of(
            network,
            layer,
            ways[layer.name],
            errors,
            integers=integers,
            timed=timed,
            keeps_input=turns.needed_later(layer.name),
            names=Names.of(network.model.name, layer.name, turns.rectifiers.get(layer.name)),
        )
        return JudgedLayer.of(tuple(found), errors).arrays()

    every = {
        layer: JudgedLayer.of_arrays(kept.once(f"layer {layer.name}", functools.partial(judge, layer)))
        for layer in counted(network.layers, len(network.layers), "layers looked at")
    }
    for layer, each in every.items():
        _require_finite(layer.name, [one.error for one in each.candidates])
    judged = {layer: each for layer, each in every.items() if any(one.macs or one.bytes for one in each.candidates)}
    pairs, parts = _trials(network, judged, trial)
    macs = profile(network.model).macs
    return Scores(
        network=network.model.name,
        key=key,
        items=tuple(Item(one.name, (one.source, one.target), each.candidates) for one, each in judged.items()),
        groups=tuple(map(GroupLevels.of, network.groups)),
        fixed_macs=macs - sum(each.candidates[0].macs for each in judged.values()),
        macs=macs,
        correlation=correlation(pairs),
        trials=tuple(pairs),
        parts=tuple(parts),
        samples=samples,
        techniques=tuple(techniques),
        moments=turns.moments({layer.name for layer in judged}, integers=integers),
        renamed_bytes=renamed_bytes(turns.rectifiers),
    )


def _require_finite(layer: str, errors: Sequence[float]) -> None:
    """Raise where it can't be said what a choice does to the answers: nothing could be solved by that."""
    if not np.isfinite(errors).all():
        raise SepzooError(
            f"expected answers that change by a finite amount with layer {layer!r}. Received: "
            f"{errors[int(np.argmin(np.isfinite(errors)))]} nats. See that the model answers the samples with finite "
            "numbers, and that outputs= (on the command line: --output-kind) says what they are."
        )


def _trials(
    network: Network, judged: Mapping[NetworkLayer, JudgedLayer], trial: Trial
) -> tuple[list[tuple[float, float]], list[tuple[float, ...]]]:
    """Return predicted and measured divergence of choices drawn by chance, and what of it each layer was to add.

    Of each choice another share of layers stays.
    """
    generator, pairs, parts = np.random.default_rng(0), [], []
    for _number in counted(range(TRIALS), TRIALS, "random choices measured"):
        share = generator.random()
        levels = [
            int(generator.integers(len(group.gone))) if generator.random() < share else 0 for group in network.groups
        ]
        maps: dict[str, Map] = {}
        own_parts = dict.fromkeys(judged, 0.0)
        for layer, each in judged.items():
            own = tuple(0 if n is None else levels[n] for n in (layer.source, layer.target))
            fitting = [candidate for candidate in each.candidates if candidate.levels == own]
            if not each.ways:
                continue
            changes = generator.random() < share
            chosen = fitting[int(generator.integers(len(fitting)))] if changes else plainest(fitting)
            own_parts[layer] = chosen.error
            if chosen.way != KEEP or own[0]:
                maps[layer.name] = each.map(chosen.way, own[0])
        pairs.append((sum(own_parts.values()), trial.divergence(maps)))
        parts.append(tuple(own_parts.values()))
    return pairs, parts


def key_of(model: keras.Model, samples: Iterable[np.ndarray], settings: Mapping[str, object]) -> str:
    """Return a hash of a network's graph and weights, of samples and of settings.

    Each array counts with its type and shape, and where one ends and another begins.
    """
    found = hashlib.sha256(repr(sorted(settings.items())).encode())
    found.update(model.to_json().encode())
    for array in (*model.get_weights(), *samples):
        found.update(f"{array.dtype} {array.shape} ".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
