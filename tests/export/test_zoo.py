"""Networks of the zoo leave as they should: nothing after a convolution but what the network adds by itself."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import sepzoo
from sepzoo.data import Samples
from sepzoo.export import TfliteOptions, tflite
from sepzoo.export.formats.tflite_modes import MODES
from sepzoo.export.formats.tflite_operators import require_built_in
from sepzoo.export.formats.tflite_run import outputs_of
from sepzoo.export.prepared import preparing
from sepzoo.inference.keras_model import from_model
from sepzoo.records.inputs import Features
from sepzoo.support.quiet import quiet
from tests.small import SMALL as SMALL_MEMBERS

SMALL: dict[str, Any] = {"input_shape": (32, 32, 3), "classes": 10}
V1 = {"CONV_2D": 15, "DEPTHWISE_CONV_2D": 13}
V2 = {"CONV_2D": 35, "DEPTHWISE_CONV_2D": 17, "ADD": 10}
CIFAR = {"CONV_2D": 14, "DEPTHWISE_CONV_2D": 13, "MUL": 1}  # MUL: the batch norm of the input, before any convolution

FURTHER = [name for name in MODES if name != "float32"]
CASES = [
    ("mobilenet_v1", {**SMALL, "alpha": 0.25}, V1),
    ("mobilenet_v1", {**SMALL, "alpha": 0.25, "conv": "bsconv_u"}, V1),
    ("mobilenet_v1", {**SMALL, "alpha": 0.25, "conv": "bsconv_s"}, {**V1, "CONV_2D": 28}),
    ("mobilenet_v2", {**SMALL, "alpha": 0.35}, V2),
    ("mobilenet_v2", {**SMALL, "alpha": 0.35, "conv": "bsconv_s"}, V2),
    ("cifar_mobilenetv1_w1d4", {}, CIFAR),
    ("cifar_mobilenetv1_w1d4_bsconvu", {}, CIFAR),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
def test_operators(name: str, arguments: dict[str, Any], expected: dict[str, int], tmp_path: Path) -> None:
    report = tflite(sepzoo.applications.build(name, **arguments), tmp_path / "m.tflite")
    counted = ("CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MUL")
    assert {kind: count for kind, count in report.operators.items() if kind in counted} == expected
    assert report.comparison.max_error < 1e-5
    assert report.name == name
    if "MUL" in expected:
        assert reads_the_input(report.path.read_bytes(), schema.BuiltinOperator.MUL)


def reads_the_input(content: bytes, kind: int) -> bool:
    """Return whether the first operator of a kind takes the file's input, or what only padding made of it."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    early = {graph.Inputs(0)}
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        found = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if found == kind:
            return operator.Inputs(0) in early
        if found == schema.BuiltinOperator.PAD and operator.Inputs(0) in early:
            early.add(operator.Outputs(0))
    return False


IN_CI = ("mobilenet_v1", "resnet", "ds_cnn")
ROTATION = [
    pytest.param(family, mode, marks=pytest.mark.slow if family in IN_CI else pytest.mark.nightly)
    for family, mode in zip(SMALL_MEMBERS, itertools.cycle(FURTHER), strict=False)
]


@pytest.mark.parametrize(("family", "mode"), ROTATION)
@pytest.mark.usefixtures("seed")  # of seven draws of an untrained MobileNetV4 one is further away, .12
def test_a_further_mode_of_each_family_computes_what_its_float_file_does(
    family: str, mode: str, tmp_path: Path
) -> None:
    name, arguments = SMALL_MEMBERS[family]
    network = sepzoo.applications.build(name, **arguments)
    generator = np.random.default_rng(0)
    given = generator.normal(size=(8, *network.input_shape[1:])).astype(np.float32)
    network, _ = sepzoo.surgery.recalibrate_batch_norm(network, given)  # else deep layers give next to nothing
    classifier = next(layer for layer in reversed(network.layers) if layer.weights)  # one that tells images apart
    classifier.set_weights([generator.normal(0, 1, weight.shape) for weight in classifier.get_weights()])
    spread = network.predict(given, verbose=0).std() / 3
    classifier.set_weights([weight / spread for weight in classifier.get_weights()])
    model = from_model(network, features=Features(network.input_shape[1:], "float32"))
    seen = Samples(given, None, origin="random numbers", seed=0)
    chosen = MODES[mode]
    with preparing(model, seen, beside=tmp_path) as preparations, quiet():
        exact = MODES["float32"].make(preparations.of(calibrated=False, rounds_from=None), TfliteOptions())
        prepared = preparations.of(
            calibrated=chosen.calibrated, rounds_from=chosen.rounds_from, rounding=chosen.rounding
        )
        options = TfliteOptions(edges="float") if chosen.edges_vary else TfliteOptions()
        content = chosen.make(prepared, options)
    require_built_in(content, family)
    [expected], [found] = outputs_of(exact, {"image": given}), outputs_of(content, {"image": given})
    assert np.isfinite(found).all()
    if expected.ndim > 2:  # scores of each step get no softmax
        assert np.linalg.norm(found - expected) < 0.2 * np.linalg.norm(expected)
        return
    np.testing.assert_allclose(found.sum(axis=-1), 1, atol=0.02)
    assert np.abs(found - expected).mean() < (0.25 if "int4" in mode else 0.1)


@pytest.mark.slow
def test_our_own_networks_declare_their_logits(tmp_path: Path) -> None:
    settings = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 3, "classifier_activation": None}
    model = sepzoo.applications.build("mobilenet_v1", **settings)
    report = tflite(model, tmp_path / "m.tflite")
    assert report.output.kind == "logits"
    assert report.operators["SOFTMAX"] == 1
