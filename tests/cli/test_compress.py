from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.artifact import model_file
from sepzoo.records.metadata import Metadata
from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small network for the ten digits."""
    keras.utils.set_random_seed(3)
    x = source = keras.Input((16, 16, 1), name="image")
    for number in (1, 2):
        x = keras.layers.Conv2D(12, 3, use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(keras.layers.BatchNormalization(name=f"bn{number}")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(source, keras.layers.Dense(10, activation="softmax", name="fc")(x), name="small")
    model_file.attach(model, Metadata("small", labels=tuple("0123456789")))
    return model_file.save(model, tmp_path_factory.mktemp("network") / "small.keras")


def test_channels_to_a_budget_fitted_to_digits(command: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.keras"
    arguments = ["--prune-channels", "macs=0.5", "--data", "digits", "--samples", "64", "--out", out]
    outcome = command("compress", network, *arguments)
    assert outcome.code == 0, outcome.err
    assert profile(model_file.load(out)).macs <= 0.5 * profile(model_file.load(network)).macs
    assert model_file.read_metadata(out).labels == tuple("0123456789")
    assert "outputs stay, as its activation 'softmax' looks at all of them" in outcome.out
    assert "batch normalizations with the statistics of the samples: 2" in outcome.out
    assert outcome.out.splitlines()[-1] == f"written to {out}"


def test_ratios_in_json(command: Command, network: Path, tmp_path: Path) -> None:
    settings = "ratios=0.4,multiple_of=4,importance=magnitude"
    outcome = command(
        "compress", network, "--prune-channels", settings, "--keep", "conv1", "--out", tmp_path / "new.keras", "--json"
    )
    report = json.loads(outcome.out)
    assert [(group["layers"], group["channels_after"]) for group in report["groups"]] == [(["conv2"], 8)]
    assert {each["layer"]: each["reason"] for each in report["kept"]}["conv1"] == "they were to be kept"
    assert model_file.load(tmp_path / "new.keras").get_layer("conv2").filters == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "error: expected one of --prune-channels, --prune, --cluster and --qat, or --qat with --prune or --cluster",
        ),
        (
            ["--prune-channels", "macs=0.5", "--qat", "epochs=1"],
            "error: expected one of --prune-channels, --prune, --c",
        ),
        (["--prune", "0.5", "--cluster", "8"], "error: expected one of --prune-channels, --prune, --cluster and --qat"),
        (["--prune", "0.5"], "error: expected --data to train on with --prune. Received: none."),
        (["--cluster", "8"], "error: expected --data to train on with --cluster. Received: none."),
        (
            ["--prune", "half", "--data", "digits"],
            "error: expected sparsity above 0 and below 1, or '2:4'. Received: 'h",
        ),
        (
            ["--prune", "50%", "--data", "digits"],
            "error: expected sparsity above 0 and below 1, or '2:4'. Received: '5",
        ),
        (
            ["--prune", "0.5,epoch=1", "--data", "digits"],
            "error: unknown setting of --prune 'epoch'. Did you mean epoc",
        ),
        (
            ["--prune", "0.5,block_size=4", "--data", "digits"],
            "error: expected block_size as two whole numbers of at l",
        ),
        (
            ["--prune", "0.5,block_size=4:1", "--data", "digits"],
            "error: expected block_size as two whole numbers of at",
        ),
        (
            ["--prune", "0.5,block_size=4x", "--data", "digits"],
            "error: expected block_size such as 4x1. Received: '4x'",
        ),
        (
            ["--cluster", "few", "--data", "digits"],
            "error: expected clusters as a whole number of at least 2. Received",
        ),
        (
            ["--cluster", "8", "--keep", "conv9", "--data", "digits"],
            "error: unknown layer to keep 'conv9'. Did you mea",
        ),
        (["--qat", "epochs=1"], "error: expected --data to train on with --qat. Received: none."),
        (["--qat"], "error: expected --data to train on with --qat. Received: none."),
        (
            ["--qat", "5", "--data", "digits"],
            "error: expected an override as key=value, such as epochs=3. Received: '5'",
        ),
        (["--qat", "few.keras", "--data", "digits"], "error: Got unexpected extra argument(s) (few.keras)"),
        (["--qat", "epoch=1", "--data", "digits"], "error: unknown setting of --qat 'epoch'. Did you mean epochs?"),
        (["--qat", "epochs=many", "--data", "digits"], "error: expected epochs as a whole number of at least 0. Recei"),
        (["--qat", "by=tfmt", "--data", "digits"], "error: unknown library 'tfmt'. Did you mean tfmot?"),
        (["--qat", "batch_size=0", "--data", "digits"], "error: expected batch_size as a whole number of at least 1."),
        (["--qat", "learning_rate=-1", "--data", "digits"], "error: expected learning_rate above 0. Received: -1."),
        (["--prune-channels", "mac=0.5"], "error: unknown setting of --prune-channels 'mac'. Did you mean macs?"),
        (["--prune-channels", "macs=2"], "error: expected a share of the MACs above 0 and up to 1. Received: macs=2."),
        (["--prune-channels", "macs=half"], "error: expected a share of the MACs above 0 and up to 1. Received: macs="),
        (["--prune-channels", "macs=0.001"], "error: expected a share of the MACs that can be reached by channels "),
        (["--prune-channels", "multiple_of=8"], "error: expected macs or ratios, one of them. Received: macs=None"),
        (
            ["--prune-channels", "macs=0.5,ratios=0.5"],
            "error: expected macs or ratios, one of them. Received: macs=0.5",
        ),
        (["--prune-channels", "ratios=1"], "error: expected ratios from 0 up to, not including, 1. Received: ratios=1"),
        (["--prune-channels", "macs=0.5,importance=size"], "error: unknown importance 'size'. Known: magnitude, outp"),
        (["--prune-channels", "macs=0.5,importance=taylor"], "error: expected data= for importance='taylor'. Received"),
        (["--prune-channels", "macs=0.5,most_pruned=all"], "error: expected most_pruned above 0 and below 1. Received"),
        (
            ["--prune-channels", "macs=0.5,refit_layers=perhaps"],
            "error: expected refit_layers as true or false. Receiv",
        ),
        (["--prune-channels", "macs=0.5", "--keep", "conv9"], "error: unknown layer to keep 'conv9'. Did you mean con"),
        (["--prune-channels", "macs=0.5", "--out", "new.h5"], "error: expected a file name that ends in .keras. Recei"),
    ],
)
def test_mistakes(command: Command, network: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = command("compress", network, "--out", tmp_path / "new.keras", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "new.keras").exists()


@pytest.mark.slow
def test_trained_with_rounding_and_exported(command: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "trained.keras"
    arguments = ["--qat", "epochs=2,learning_rate=1e-4", "--data", "digits", "--samples", "64", "--out", out]
    outcome = command("compress", network, *arguments)
    assert outcome.code == 0, outcome.err
    told, _, written = outcome.out.splitlines()
    assert told.startswith("trained on 64 samples of digits train[20%:]; loss before and after each epoch: ")
    assert told.count(",") == 2
    assert written == f"written to {out}"
    assert model_file.read_metadata(out).labels == tuple("0123456789")
    export = ["export", out, "--data", "digits", "--out", tmp_path / "out", "--to"]
    outcome = command(*export, "tflite:int8")
    assert outcome.code == 0, outcome.err
    assert (tmp_path / "out" / "trained_int8.tflite").is_file()
    refused = command(*export, "tflite:int8_float_io,tflite:float32")
    assert refused.code == 2
    assert not (tmp_path / "out" / "trained_int8_float_io.tflite").exists()
    assert "which was trained with the rounding of 8-bit integers. Received: tflite:float32." in refused.err


@pytest.mark.slow
@pytest.mark.parametrize("first", ["option", "model"])
def test_rounding_without_settings_is_three_epochs(command: Command, network: Path, tmp_path: Path, first: str) -> None:
    words = ["--qat", network] if first == "option" else [network, "--qat"]
    outcome = command("compress", *words, "--data", "digits", "--samples", "64", "--out", tmp_path / "trained.keras")
    assert outcome.code == 0, outcome.err
    told = outcome.out.splitlines()[0]
    assert told.startswith("trained on 64 samples of digits train[20%:]; loss before and after each epoch: ")
    assert told.count(",") == 3
    assert (tmp_path / "trained.keras").is_file()


@pytest.mark.nightly
def test_zeros_live_through_the_rounding(command: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "sparse.keras"
    settings = ["--prune", "2:4,epochs=1", "--qat", "epochs=1", "--keep", "fc", "--data", "digits", "--samples", "64"]
    outcome = command("compress", network, *settings, "--out", out)
    assert outcome.code == 0, outcome.err
    assert "648 of 1,296 weights are zero" in outcome.out
    assert "tflite:int8" in outcome.out
    assert "loss before and after each epoch" in outcome.out
    assert outcome.out.splitlines()[-1] == f"written to {out}"
    kernels = {layer.name: layer for layer in model_file.load(out).layers if hasattr(layer, "layer")}
    zeros = {name: int((np.asarray(layer.layer.kernel) == 0).sum()) for name, layer in kernels.items()}
    assert zeros["conv2.1"] == 648


@pytest.mark.nightly
def test_clustered_in_json(command: Command, network: Path, tmp_path: Path) -> None:
    out = tmp_path / "few.keras"
    arguments = ["--cluster", "8,epochs=1,batch_size=16", "--data", "digits", "--samples", "64", "--json"]
    outcome = command("compress", network, *arguments, "--out", out)
    report = json.loads(outcome.out)
    actions = [each["action"] for each in report["changes"]]
    assert actions[:2] == ["its 108 weights have 8 values", "its 1,296 weights have 8 values"]
    assert {each["target"] for each in report["sizes"]} == {"tflite:float32", "tflite:int8"}
    for name in ("conv1", "conv2", "fc"):
        assert len(np.unique(model_file.load(out).get_layer(name).get_weights()[0])) <= 8
