"""Pruning and clustering as users call them: the network that comes back, its report, and the process that stays."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact import model_file
from sepzoo.compression import CompressionReport, cluster, prune
from sepzoo.compression.pruning import _schedule
from sepzoo.data import Samples
from tests.export.networks import LABELS, samples, separable

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A network whose batch norms have the statistics of its data."""
    return sepzoo.surgery.recalibrate_batch_norm(separable(), samples(separable(), 200))[0]


@pytest.fixture(scope="module")
def pruned(model: keras.Model) -> tuple[keras.Model, CompressionReport]:
    before = dict(os.environ)
    weights = model.get_weights()
    found = prune(model, samples(model, 96), sparsity=0.4, keep="stem", epochs=6, batch_size=16, learning_rate=3e-3)
    assert dict(os.environ) == before
    for one, other in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    return found


def divergence(model: keras.Model, other: keras.Model) -> float:
    """Return the mean Kullback-Leibler divergence of one model's answers from another's, in nats."""
    inputs = samples(model, 200, seed=5).images / np.float32(127.5) - 1
    wanted, found = (np.asarray(each.predict(inputs, verbose=0), "float64") + 1e-9 for each in (model, other))
    return float((wanted * np.log(wanted / found)).sum(axis=1).mean())


def test_training_makes_good_what_the_zeros_spoil(
    model: keras.Model, pruned: tuple[keras.Model, CompressionReport]
) -> None:
    cut = keras.models.clone_model(model)
    cut.set_weights(model.get_weights())
    for name in ("unit0_pointwise", "unit1_pointwise", "logits"):
        kernel, *others = cut.get_layer(name).get_weights()
        least = np.argsort(np.abs(kernel), axis=None)[: kernel.size - round(0.6 * kernel.size)]
        kernel.ravel()[least] = 0
        cut.get_layer(name).set_weights([kernel, *others])
        assert (pruned[0].get_layer(name).get_weights()[0] == 0).sum() == len(least)
    assert divergence(model, pruned[0]) < 0.6 * divergence(model, cut)


def test_what_comes_back_is_a_plain_network(model: keras.Model, pruned: tuple[keras.Model, CompressionReport]) -> None:
    new = pruned[0]
    assert [(layer.name, type(layer)) for layer in new.layers] == [(layer.name, type(layer)) for layer in model.layers]
    assert {type(layer).__module__.partition(".")[0] for layer in new.layers} == {"keras"}
    assert model_file.metadata_of(new).labels == LABELS
    assert not (new.get_layer("stem").get_weights()[0] == 0).any()


def test_the_report_says_plain_and_deflated_sizes(pruned: tuple[keras.Model, CompressionReport]) -> None:
    report = pruned[1]
    kept = {change.layer: change.skipped for change in report.changes if change.skipped}
    depthwise = "depthwise kernels have few weights, and miss each of them"
    assert kept == {"stem": "it was to be kept", "unit0_depthwise": depthwise, "unit1_depthwise": depthwise}
    kernels = [layer.get_weights()[0] for layer in pruned[0].layers if layer.name.endswith(("pointwise", "logits"))]
    assert (report.weights, report.zeros) == (sum(k.size for k in kernels), sum((k == 0).sum() for k in kernels))
    assert [size.target for size in report.sizes] == ["tflite:float32", "tflite:int8"]
    for size in report.sizes:
        assert size.after == size.before
        assert size.deflated_after < size.deflated_before < size.before
    assert "none computes sparse or clustered files faster" in str(report)
    assert "at half zeros TFLite's sparse format makes an int8 file larger" in str(report)
    assert f"{report.zeros:,} of the {report.weights:,} weights" in str(report)


def test_this_process_keeps_its_keras(pruned: tuple[keras.Model, CompressionReport]) -> None:
    import tensorflow

    assert "TF_USE_LEGACY_KERAS" not in os.environ  # by which children would know; the nightly test starts one
    assert not {"tf_keras", "tensorflow_model_optimization"} & sys.modules.keys()
    assert tensorflow.keras.__version__ == keras.__version__


@pytest.mark.nightly
def test_a_child_of_this_process_has_the_same_keras(pruned: tuple[keras.Model, CompressionReport]) -> None:
    code = "import tensorflow; print(tensorflow.keras.__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == keras.__version__


@pytest.mark.nightly
def test_the_file_runs_and_has_the_zeros(pruned: tuple[keras.Model, CompressionReport], tmp_path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    sepzoo.export.tflite(pruned[0], tmp_path / "m.tflite", quantize="int8", calibration=samples(separable(), 100))
    runtime = Interpreter(model_path=str(tmp_path / "m.tflite"))
    shapes = {(8, 1, 1, 8), (4, 8)}
    weights = [each for each in runtime.get_tensor_details() if tuple(each["shape"]) in shapes]
    zeros = sum(int((runtime.get_tensor(each["index"]) == 0).sum()) for each in weights)
    assert zeros >= pruned[1].zeros


@pytest.mark.parametrize("steps", [1, 3, 4, 5, 8, 17, 100, 376, 4001])
@pytest.mark.parametrize("schedule", ["polynomial", "constant"])
def test_a_schedule_ends_with_all_zeros(steps: int, schedule: str) -> None:
    plan, last = _schedule(0.7, schedule, steps)
    turns = range(plan["begin_step"], plan.get("end_step", steps) + 1)
    turns = [step for step in turns if (step - plan["begin_step"]) % plan["frequency"] == 0]
    assert plan.get("target_sparsity", plan.get("final_sparsity")) == 0.7
    assert last in turns
    assert last <= max(steps // 2, 1)
    if plan["kind"] == "polynomial":
        assert turns[-1] == last == plan["end_step"]


def model_of(kind: str) -> keras.Model:
    source = keras.Input((6,), name="x")
    if kind == "lambda":
        return keras.Model(source, keras.layers.Lambda(lambda x: x)(keras.layers.Dense(3)(source)), name="net")
    if kind == "none":
        return keras.Model(source, keras.layers.BatchNormalization()(source), name="net")
    return keras.Model(source, keras.layers.Dense(3, name="dense")(source), name="net")


@pytest.mark.parametrize(
    ("operation", "arguments", "said"),
    [
        (prune, {"sparsity": 1.0}, "expected sparsity above 0 and below 1, or '2:4'. Received: 1.0."),
        (prune, {"sparsity": "1:4"}, "expected sparsity above 0 and below 1, or '2:4'. Received: '1:4'."),
        (prune, {"schedule": "cubic"}, "unknown schedule 'cubic'. Known: constant, polynomial."),
        (prune, {"block_size": (4,)}, "expected block_size as two whole numbers of at least 1. Received: (4,)."),
        (prune, {"block_size": 4}, "expected block_size as two whole numbers of at least 1. Received: 4."),
        (prune, {"block_size": (2, 2), "sparsity": "2:4"}, "expected blocks or the pattern 2:4, one of them. Received"),
        (prune, {"epochs": 0}, "expected epochs as a whole number of at least 1. Received: 0."),
        (prune, {"keep": "dens"}, "unknown layer to keep 'dens'. Did you mean dense?"),
        (
            prune,
            {"keep": "*"},
            "expected a convolution or dense layer to work on. Received: 'net', where dense: it was",
        ),
        (prune, {"targets": "labels"}, "expected labelled samples to train to. Received: normal, without labels. Pass"),
        (prune, {"model": "none"}, "expected a convolution or dense layer to work on. Received: 'net', where none has"),
        (prune, {"model": "lambda"}, "expected layers that another process can load. Received: "),
        (cluster, {"clusters": 1}, "expected clusters as a whole number of at least 2. Received: 1."),
        (
            cluster,
            {"clusters": 30},
            "expected a convolution or dense layer to work on. Received: 'net', where dense: i",
        ),
        (cluster, {"initialization": "random"}, "unknown initialization 'random'. Known: density, kmeans++, linear."),
    ],
)
def test_mistakes_are_told(operation, arguments: dict, said: str) -> None:
    data = Samples(np.random.default_rng(0).normal(size=(32, 6)).astype("float32"), None, origin="normal", seed=0)
    model = model_of(arguments.pop("model", "dense"))
    with pytest.raises(sepzoo.SepzooError) as error:
        operation(model, data, outputs="values", **arguments)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_network_that_no_file_holds_is_pruned_all_the_same() -> None:
    layers = [keras.layers.Conv3D(4, 3, name="conv"), keras.layers.MaxPooling3D(name="pool"), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((6, 6, 6, 2)), *layers, keras.layers.Dense(3, activation="softmax")])
    data = Samples(np.random.default_rng(0).normal(size=(32, 6, 6, 6, 2)).astype("float32"), None, origin="x", seed=0)
    pruned, report = prune(model, data, sparsity=0.5, epochs=1, batch_size=16)
    assert np.mean(pruned.get_layer("conv").kernel == 0) == pytest.approx(0.5, abs=0.01)
    assert "size of tflite:float32 not measured: " in str(report)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_networks_of_mixed_precision(policy: str) -> None:
    keras.utils.set_random_seed(0)
    row = [
        keras.layers.Conv2D(8, 3, activation="relu", name="one", dtype=policy),
        keras.layers.Conv2D(8, 3, activation="relu", name="two", dtype=policy),
        keras.layers.GlobalAveragePooling2D(name="pool", dtype=policy),
        keras.layers.Dense(3, name="head", dtype="float32"),
    ]
    mixed = keras.Sequential([keras.Input((16, 16, 3)), *row])
    arrays = np.random.default_rng(0).normal(size=(32, 16, 16, 3)).astype("float32")
    new, _report = prune(mixed, arrays, sparsity=0.5, epochs=1)
    assert [layer.dtype_policy.name for layer in new.layers] == [layer.dtype_policy.name for layer in mixed.layers]
    assert (new.get_layer("two").get_weights()[0] == 0).mean() == 0.5
    clustered, _report = cluster(mixed, arrays, clusters=4, epochs=1)
    assert len(np.unique(clustered.get_layer("two").get_weights()[0])) == 4
