"""Files of a network with badly scaled channels, with these scaled and without."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from sepzoo.artifact import model_file
from sepzoo.data import Samples
from sepzoo.export import ExportReport, LayerErrors, Tolerance, layer_errors, prepared, tflite
from sepzoo.export.equalization import equalize
from sepzoo.export.output_scales import output_factors
from sepzoo.export.preparation import deployable
from sepzoo.export.taken_inputs import calibration_values
from sepzoo.inference.keras_model import from_model
from sepzoo.records.metadata import Metadata
from tests.export.networks import LABELS, pixels

layers = keras.layers


def classifier() -> keras.Model:
    """Return a classifier with links of all kinds, whose channels were once alike and are up to a hundredfold apart."""
    keras.utils.set_random_seed(3)
    generator = np.random.default_rng(0)
    source = keras.Input((16, 16, 3))
    steps: list[keras.layers.Layer] = [layers.Conv2D(16, 3, strides=2, name="stem")]
    for unit in range(2):
        steps += [layers.DepthwiseConv2D(3, padding="same", name=f"depthwise{unit}")]
        steps += [layers.Conv2D(16, 1, name=f"pointwise{unit}")]
    steps += [layers.Dense(12, name="hidden"), layers.Dense(len(LABELS), name="logits")]
    x, before = source, np.ones(3)
    for step in steps:
        x = step(layers.GlobalAveragePooling2D()(x) if step.name == "hidden" else x)
        kernel, bias = step.get_weights()
        kernel = kernel / before[:, None]  # so it makes up for what the one before it was made
        step.set_weights([kernel, bias])
        given = keras.Model(source, x).predict(pixels(50, seed=9) / 127.5 - 1, verbose=0)
        axes = tuple(range(given.ndim - 1))
        last = step is steps[-1]
        size = 1.5 / given.std(axis=axes) if last else 3.5 / given.max(axis=axes).clip(given.max() / 4)
        factors = np.ones(given.shape[-1]) if last else 10 ** generator.uniform(-2, 0, given.shape[-1])
        shift = given.mean(axis=axes) * size if last else 0
        shaped = (size * factors).reshape(kernel.shape[-2:] if "depthwise" in step.name else -1)
        step.set_weights([kernel * shaped, bias - shift])
        before = factors
        x = x if last else layers.ReLU(6.0)(x)
    return model_file.attach(keras.Model(source, layers.Softmax()(x), name="uneven"), Metadata("uneven", LABELS))


def drawn_samples(count: int, seed: int) -> Samples:
    return Samples(pixels(count, seed=seed), None, origin="coloured quarters", seed=seed)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    return classifier()


def exported(network: keras.Model, path: Path, **settings: Any) -> ExportReport:
    given: dict[str, Any] = {
        "quantize": "int8_float_io",
        "calibration": drawn_samples(64, 1),
        "check": drawn_samples(200, 2),
    }
    return tflite(network, path, tolerance=Tolerance(), **{**given, **settings})


@pytest.fixture(scope="module")
def files(network: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportReport]:
    """Return the reports of a file with scaled channels, and of one without."""
    folder = tmp_path_factory.mktemp("files")
    found = {"scaled": exported(network, folder / "scaled.tflite")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "equalize_where_better", lambda *_args, **_kwargs: False)
        found["plain"] = exported(network, folder / "plain.tflite")
    return found


def test_a_file_is_nearer_to_its_network(files: dict[str, ExportReport]) -> None:
    scaled, plain = (files[name].comparison for name in ("scaled", "plain"))
    assert scaled.kl_divergence is not None
    assert plain.kl_divergence is not None
    assert scaled.kl_divergence < 0.7 * plain.kl_divergence
    assert scaled.mean_error < plain.mean_error


def test_bytes_are_the_same_each_time(network: keras.Model, files: dict[str, ExportReport], tmp_path: Path) -> None:
    again = exported(network, tmp_path / "again.tflite")
    assert again.path.read_bytes() == files["scaled"].path.read_bytes()


@pytest.mark.slow
def test_layers_that_stay_float_get_what_the_scaled_ones_give(network: keras.Model, tmp_path: Path) -> None:
    seen = drawn_samples(64, 1)
    report = exported(network, tmp_path / "float.tflite", keep_float="*", check=seen)
    assert report.comparison.max_error < 1e-4
    some = exported(network, tmp_path / "some.tflite", keep_float=["depthwise0", "hidden"], check=seen)
    assert some.comparison.kl_divergence is not None
    assert some.comparison.kl_divergence < 0.02


def own_factors(network: keras.Model) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """Return the prepared network, and the factors of its channels."""
    said = from_model(network)
    ready = deployable(said, whole=True)
    values = list(calibration_values(said, drawn_samples(64, 1), ready).values())
    return deployable(said, whole=True), equalize(ready, values)


def test_factors_are_read_off_a_file(network: keras.Model, files: dict[str, ExportReport]) -> None:
    ready, factors = own_factors(network)
    assert len(factors) == 6
    found = output_factors(files["scaled"].path.read_bytes(), ready)
    for name, each in factors.items():
        np.testing.assert_allclose(found[name], each, rtol=2e-3)
    assert output_factors(files["plain"].path.read_bytes(), ready) == {}


def tensors(path: Path, pictures: np.ndarray) -> dict[str, np.ndarray]:
    """Return the real values of the tensors of a file, by their names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    rows: dict[str, list[np.ndarray]] = {}
    for picture in pictures:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
        interpreter.invoke()
        for each in interpreter.get_tensor_details():
            scale, zero = each["quantization"]
            if scale and each["name"] and each["shape"].size in (2, 4) and each["shape"][0] == 1:
                rows.setdefault(each["name"], []).append((interpreter.get_tensor(each["index"]) - float(zero)) * scale)
    return {name: np.concatenate(found) for name, found in rows.items()}


def test_the_report_of_layers_compares_at_the_networks_own_scale(
    network: keras.Model, files: dict[str, ExportReport]
) -> None:
    check = drawn_samples(16, 2)
    found = layer_errors(network, files["scaled"].path, check)
    _, factors = own_factors(network)
    inputs = from_model(network).prepare(check.images)
    file = tensors(files["scaled"].path, inputs)
    for name in ("stem", "depthwise0", "pointwise0", "depthwise1", "pointwise1", "hidden"):
        [seen] = [each for each in found.layers if each.layer == name and each.tensor in file]
        layer = network.get_layer(name)
        behind = network.layers[network.layers.index(layer) + 1]  # its ReLU6
        right = keras.Model(network.input, behind.output).predict(inputs, verbose=0)
        [factor] = [each for step, each in factors.items() if step.rpartition(".")[0] == name]
        difference = file[seen.tensor] / factor - right
        assert seen.snr == pytest.approx(10 * np.log10(np.sum(right**2) / np.sum(difference**2)), abs=1e-3), name
        assert seen.snr is not None
        assert seen.snr > 15


def test_layers_err_less_than_without(network: keras.Model, files: dict[str, ExportReport]) -> None:
    def ratios(errors: LayerErrors) -> dict[str, float]:
        return {each.layer: np.inf if each.snr is None else each.snr for each in errors.layers}

    check = drawn_samples(32, 2)
    scaled, plain = (ratios(layer_errors(network, files[name].path, check)) for name in ("scaled", "plain"))
    assert scaled.keys() == plain.keys()
    assert scaled["logits"] > plain["logits"] + 3
