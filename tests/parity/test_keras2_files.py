"""Whole-model files of Keras 2 against Keras 2's own outputs, for every built-in layer that Keras 3 has."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo import inference
from sepzoo.analysis import profile
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection import one_child
from sepzoo.data import Samples
from sepzoo.export import tflite
from sepzoo.layers.graph import layers_of
from sepzoo.support.errors import SepzooError
from sepzoo.surgery import fold_batch_norm
from tests.parity.keras2_cases import BASES, LAYERS, OTHERS, WITHIN
from tests.parity.keras2_graphs import GRAPHS, NO_ARCHIVE, REFUSED

HOLDERS = (
    *("Bidirectional", "ConvLSTM2D", "Dense", "MultiHeadAttention", "Normalization", "RNN", "SeparableConv2D"),
    *("SpectralNormalization", "StackedRNNCells", "TimeDistributed"),
    *("deep_nest", "nested_twice", "partly_frozen", "several", "shared", "slashes", "teachable"),
    *("mixed_float16", "time_distributed_model", "discretization_adapted", "integers_by_rarity", "text_by_rarity"),
    *("near_names", "activation_layers"),
)
"""Cases whose archives have layers within layers, or settings that archives say otherwise than HDF5 files."""

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def _one_child() -> Iterator[None]:
    with one_child():
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with each case's file, inputs and outputs, as one process with Keras 2 wrote them."""
    folder = tmp_path_factory.mktemp("keras2")
    command = [sys.executable, "-m", "tests.parity.keras2_program", str(folder)]
    legacy = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}  # Keras 2's SpectralNormalization asks TensorFlow for Keras
    subprocess.run(command, cwd=ROOT, env=legacy, check=True, capture_output=True)
    return folder


def check(files: Path, name: str, *models: keras.Model) -> None:
    """Hold models against what Keras 2 answered in a case."""
    case = {**LAYERS, **GRAPHS}[name]
    with np.load(files / f"{name}.npz") as arrays:
        inputs = [arrays[f"input_{number}"] for number in range(len(case.shapes))]
        expected = [arrays[f"arr_{number}"] for number in range(len(arrays.files) - len(inputs))]
    one = {"several": {"x": inputs[0], "y": inputs[-1]}}.get(name, inputs if len(inputs) > 1 else inputs[0])
    for each in models:
        outputs = each(one, training=False)
        counter = itertools.count()
        structure = keras.tree.map_structure(lambda _, counter=counter: next(counter), outputs)
        assert json.loads(json.dumps(structure)) == json.loads((files / f"{name}.json").read_text())
        for ours, theirs in zip(keras.tree.flatten(outputs), expected, strict=True):
            values = keras.ops.convert_to_numpy(keras.ops.cast(ours, "float32"))
            np.testing.assert_allclose(values, theirs, atol=case.tolerance, rtol=case.tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*LAYERS, *GRAPHS])
def test_outputs_are_those_of_keras_2(files: Path, tmp_path: Path, name: str) -> None:
    model = model_file.load(files / f"{name}.h5")
    again = [model_file.load(model_file.save(model, tmp_path / "again.keras"))] if name in (*GRAPHS, "LSTM") else []
    check(files, name, model, *again)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        name if name in HOLDERS else pytest.param(name, marks=pytest.mark.nightly)
        for name in [*LAYERS, *GRAPHS]
        if name not in NO_ARCHIVE
    ],
)
def test_archives_of_keras_2_are_read_too(files: Path, name: str) -> None:
    check(files, name, model_file.load(files / f"{name}.keras"))


@pytest.mark.slow
def test_layers_near_in_name_keep_their_own_names(files: Path) -> None:
    model = model_file.load(files / "near_names.h5")
    names = [layer.name for layer in model.layers]
    assert {"a.b", "a.b_1", "a.b_2", "p.q", "p.q_1", "sum.of"} <= set(names)
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_a_network_of_sounds_goes_all_the_way(files: Path, tmp_path: Path) -> None:
    model = model_file.load(files / "sounds.h5")
    with np.load(files / "sounds.npz") as arrays:
        patches, expected = arrays["input_0"], arrays["arr_0"]
    area = 48 * 32
    by_hand = (
        area * 9 * 4 + area * (9 * 4 + 4 * 6) + area // 4 * (9 * 6 + 6 * 8) + area // 16 * (9 * 8 + 8 * 8) + 8 * 521
    )
    assert profile(model).macs == by_hand
    folded, _report = fold_batch_norm(model)
    assert not [layer for _name, layer in layers_of(folded) if isinstance(layer, keras.layers.BatchNormalization)]
    np.testing.assert_allclose(np.asarray(folded(patches)), expected, atol=1e-5)
    samples = Samples(patches, None, origin="arrays", seed=0)
    opened = inference.open(tflite(model, tmp_path / "sounds.tflite", calibration=samples).path)
    assert (opened.input_shape, opened.output.kind) == ((96, 64), "multilabel")
    np.testing.assert_allclose(opened.predict(patches), expected, atol=1e-5)


@pytest.mark.slow
def test_every_layer_of_keras_2_has_a_case_or_a_reason(files: Path) -> None:
    layers = set(json.loads((files / "layers.json").read_text()))
    assert layers == {*LAYERS, *WITHIN, *BASES, *OTHERS}
    assert {name for name in layers if not hasattr(keras.layers, name)} <= set(OTHERS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Lambda", r"Received: 'lambda', a Lambda layer, which holds Python code\."),
        ("LocallyConnected1D", r"'locally_connected1d' is of class LocallyConnected1D, which Keras 3 lacks\."),
        ("LocallyConnected2D", r"'locally_connected2d' is of class LocallyConnected2D, which Keras 3 lacks\."),
        ("time_major", r"Received: layer 'gru' \(GRU\) with time_major=True\."),
        ("norm_of_two_axes", r"'batch_normalization' \(BatchNormalization\) with axis=\[1, 3\]\."),
        ("unknown_operation", r"is the TensorFlow function tf\.math\.cumsum, for which sepzoo has no equivalent\."),
        ("ragged", r"expected a dense input\. Received: 'input_\d+', which is ragged or sparse\."),
        ("activation_weights", r"layer 'dense' \(Dense\) with activation 'PReLU', which is no layer without weights"),
        ("adapted_strings", r"Received: layer 'string_lookup' \(StringLookup\) without, .*Give it vocabulary="),
        ("adapted_integers", r"Received: layer 'integer_lookup' \(IntegerLookup\) without, .*Give it vocabulary="),
        ("adapted_text", r"Received: layer 'text_vectorization' \(TextVectorization\) without, .*Give it vocabulary="),
    ],
)
def test_what_is_not_read_is_refused_by_name(files: Path, name: str, text: str) -> None:
    [path] = files.glob(f"refused_{name}.*")
    with pytest.raises(SepzooError, match=text) as error:
        model_file.load(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_every_refusal_is_tested() -> None:
    [mark] = [each for each in test_what_is_not_read_is_refused_by_name.pytestmark if each.name == "parametrize"]
    assert {name for name, _text in mark.args[1]} == set(REFUSED)
