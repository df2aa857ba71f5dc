"""The arms of training/decoupling_study.py: every way to separate a trained network, and how far it is from it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np

from sepzoo import analysis, surgery

ORDERS = ("pw_dw", "dw_pw")
METHODS = ("blueprint", "blueprint_s", "data_free", "data_driven", "budgeted", "budgeted_data")


def arms(terms: Iterable[int], orders: Sequence[str], methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return the wanted arms, beside the original; a blueprint is one term of "pw_dw"."""
    every: list[dict[str, Any]] = [{"method": "original", "order": "", "terms": 0}]
    every += [{"method": method, "order": "pw_dw", "terms": 1} for method in ("blueprint", "blueprint_s")]
    every += [
        {"method": method, "order": order, "terms": count}
        for count, order, method in itertools.product(terms, ORDERS, METHODS[2:])
    ]
    wanted = ("original", *methods)
    return [arm for arm in every if arm["method"] in wanted and arm["order"] in ("", *orders)]


def separated(trained: keras.Model, arm: dict[str, Any], samples: np.ndarray) -> keras.Model | None:
    """Return an arm's network, or None where its budget would be more than the whole network."""
    method, uniform = arm["method"], {key: arm[key] for key in ("order", "terms")}
    if method == "original":
        return trained
    if method.startswith("blueprint"):
        started, _report = surgery.blueprint(trained, p=0.5 if method == "blueprint_s" else None)
        return surgery.recalibrate_batch_norm(started, samples)[0]
    given = samples if method in ("data_driven", "budgeted_data") else None
    if not method.startswith("budgeted"):
        new, report = surgery.decouple(trained, **uniform, only_if_cheaper=False, data=given)
        assert len(report.layers) == len(analysis.kernel_correlations(trained).layers)  # that every layer was replaced
        return new
    share = surgery.decouple(trained, **uniform, only_if_cheaper=False)[1].macs_after / analysis.profile(trained).macs
    return surgery.decouple(trained, order=arm["order"], macs=share, data=given)[0] if share < 1 else None


def layer_error(trained: keras.Model, new: keras.Model, samples: np.ndarray) -> float:
    """Return the mean relative squared error behind all ReLUs, which both networks have."""
    names = [layer.name for layer in trained.layers if isinstance(layer, keras.layers.ReLU)]
    taps = [keras.Model(each.input, [each.get_layer(name).output for name in names]) for each in (trained, new)]
    pairs = zip(*(tap.predict(samples, verbose=0) for tap in taps), strict=True)
    return float(np.mean([np.mean((right - found) ** 2) / np.var(right) for right, found in pairs]))
