"""Several batch sizes in one `.tflite` file: a signature each, the same answers, the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from sepzoo import inference
from sepzoo.data import Samples
from sepzoo.export import ExportReport, Tolerance, tflite
from sepzoo.support.errors import SepzooError


@pytest.mark.parametrize("quantize", [None, pytest.param("int8", marks=pytest.mark.slow)])
def test_each_size_is_a_signature_that_answers_as_the_model(
    quantize: Any, model: keras.Model, calibration: Samples, check: Samples, tmp_path: Path
) -> None:
    report = tflite(
        model, tmp_path / "m.tflite", quantize=quantize, batch_sizes=[4], calibration=calibration, check=check
    )
    interpreter = Interpreter(str(report.path))
    assert sorted(interpreter.get_signature_list()) == ["serving_default", "serving_default_batch4"]
    expected = model.predict(check.images / np.float32(127.5) - 1, verbose=0)
    for size, key in ((1, "serving_default"), (4, "serving_default_batch4")):
        run = interpreter.get_signature_runner(key)
        [(name, detail)] = run.get_input_details().items()
        assert detail["shape"].tolist() == [size, 16, 16, 3]
        pixels = check.images[:size]
        given = pixels if quantize else pixels / np.float32(127.5) - 1
        [(key_out, found)] = run(**{name: given}).items()
        scale, zero = run.get_output_details()[key_out]["quantization"]
        real = (found.astype(np.float32) - zero) * scale if scale else found
        np.testing.assert_allclose(real, expected[:size], atol=0.15 if quantize else 1e-5)
    assert report.batch_sizes == (1, 4)
    assert "samples at a time" in str(report)


def test_a_file_is_opened_at_each_of_its_sizes_and_no_other(
    model: keras.Model, check: Samples, float_file: ExportReport, tmp_path: Path
) -> None:
    several = tflite(model, tmp_path / "m.tflite", batch_sizes=[3], check=check)
    opened = inference.open(several.path)
    assert opened.batch_sizes == (1, 3)
    singly = opened.predict(check.images[:7])
    np.testing.assert_allclose(opened.of_batch(3).predict(check.images[:7]), singly, atol=1e-6)
    np.testing.assert_allclose(singly, inference.open(float_file.path).predict(check.images[:7]), atol=1e-6)
    with pytest.raises(SepzooError, match=r"takes at a time: 1, 3\. Received: 5\."):
        opened.of_batch(5)
    assert inference.open(float_file.path).batch_sizes == (1,)


def test_the_first_graph_takes_one_sample_and_weights_are_there_once(
    model: keras.Model, check: Samples, float_file: ExportReport, tmp_path: Path
) -> None:
    several = tflite(model, tmp_path / "m.tflite", batch_sizes=[2, 16], check=check)
    found = schema.Model.GetRootAs(several.path.read_bytes(), 0)
    sizes = [found.Subgraphs(number).Tensors(found.Subgraphs(number).Inputs(0)).Shape(0) for number in range(3)]
    assert sizes[0] == 1
    assert sorted(sizes) == [1, 2, 16]
    alone = schema.Model.GetRootAs(float_file.path.read_bytes(), 0)
    assert _kernel_bytes(found) == _kernel_bytes(alone)


def _kernel_bytes(model: schema.Model) -> int:
    """Return how many bytes the buffers have that tensors of the graphs are stored in, each once."""
    numbers = {
        graph.Tensors(index).Buffer()
        for graph in map(model.Subgraphs, range(model.SubgraphsLength()))
        for index in range(graph.TensorsLength())
        if graph.Tensors(index).Type() == schema.TensorType.FLOAT32
    }
    return sum(model.Buffers(number).DataLength() for number in numbers)


def test_a_size_that_answers_wrong_is_refused_and_named(
    model: keras.Model, check: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sepzoo.inference.tflite_file import TfliteClassifier

    run = TfliteClassifier.run

    def broken(self: TfliteClassifier, tensor: Any) -> Any:
        found = run(self, tensor)
        return found if self.signature is None else np.roll(found, 1, axis=1)

    monkeypatch.setattr(TfliteClassifier, "run", broken)
    with pytest.raises(SepzooError, match=r"was refused: 4 samples at a time: probabilities differ by up to"):
        tflite(model, tmp_path / "m.tflite", batch_sizes=[4], check=check, tolerance=Tolerance(max_error=1e-3))
    assert list(tmp_path.iterdir()) == []
