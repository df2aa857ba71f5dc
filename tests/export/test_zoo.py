"""Networks of the zoo leave as they should: nothing after a convolution but what the network adds by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

import sepzoo
from sepzoo.export import tflite

SMALL: dict[str, Any] = {"input_shape": (32, 32, 3), "classes": 10}
V1 = {"CONV_2D": 15, "DEPTHWISE_CONV_2D": 13}
V2 = {"CONV_2D": 35, "DEPTHWISE_CONV_2D": 17, "ADD": 10}
CIFAR = {"CONV_2D": 14, "DEPTHWISE_CONV_2D": 13, "MUL": 1}  # MUL: the batch norm of the input, before any convolution

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


@pytest.mark.slow
def test_our_own_networks_declare_their_logits(tmp_path: Path) -> None:
    settings = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 3, "classifier_activation": None}
    model = sepzoo.applications.build("mobilenet_v1", **settings)
    report = tflite(model, tmp_path / "m.tflite")
    assert report.output.kind == "logits"
    assert report.operators["SOFTMAX"] == 1
