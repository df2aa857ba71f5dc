from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from sepzoo.analysis import profile
from sepzoo.artifact import model_file
from sepzoo.layers import BSConvS
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import ZERO_TO_ONE
from tests.cli.conftest import Command


@pytest.fixture(scope="session")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small network of dense convolutions for the ten digits."""
    keras.utils.set_random_seed(3)
    x = source = keras.Input((16, 16, 1), name="image")
    for number in (1, 2):
        x = keras.layers.Conv2D(12, 3, padding="same", use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(keras.layers.BatchNormalization(name=f"bn{number}")(x))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(source, keras.layers.Dense(10, activation="softmax", name="fc")(x), name="dense")
    model_file.attach(model, Metadata("dense", labels=tuple("0123456789")))
    return model_file.save(model, tmp_path_factory.mktemp("dense") / "dense.keras")


def answers(path: Path) -> np.ndarray:
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 1)).astype("float32")
    return keras.ops.convert_to_numpy(model_file.load(path)(images))


def test_decoupled_to_a_budget(command: Command, dense: Path, tmp_path: Path) -> None:
    out = tmp_path / "half.keras"
    outcome = command("rewrite", dense, "--decouple", "macs=0.5,order=dw_pw", "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["macs_after"] == profile(model_file.load(out)).macs <= 0.5 * report["macs_before"]
    assert [layer["layer"] for layer in report["layers"]] == ["conv2"]
    assert model_file.read_metadata(out).labels == tuple("0123456789")


def test_fitted_to_real_digits(command: Command, dense: Path, tmp_path: Path) -> None:
    arguments = ["--decouple", "terms=2", "--data", "digits", "--samples", "64", "--keep", "conv1"]
    outcome = command("rewrite", dense, *arguments, "--out", tmp_path / "new.keras")
    assert outcome.code == 0, outcome.err
    assert "output error" in outcome.out
    assert outcome.out.splitlines()[-1] == f"written to {tmp_path / 'new.keras'}"
    assert isinstance(model_file.load(tmp_path / "new.keras").get_layer("conv1"), keras.layers.Conv2D)


def test_what_the_file_does_not_say_is_said_and_stays(command: Command, dense: Path, tmp_path: Path) -> None:
    model = model_file.load(dense)
    mute = tmp_path / "mute.keras"
    keras.models.clone_model(model).save(mute)
    (tmp_path / "labels.txt").write_text("\n".join("abcdefghij"))
    told = ["--labels", tmp_path / "labels.txt", "--preprocessing", "zero_to_one"]
    arguments = ["rewrite", mute, "--decouple", "terms=1", "--data", "digits", "--samples", "8"]
    outcome = command(*arguments, "--out", tmp_path / "told.keras", *told)
    assert outcome.code == 0, outcome.err
    metadata = model_file.read_metadata(tmp_path / "told.keras")
    assert metadata == Metadata("dense", labels=tuple("abcdefghij"), preprocessing=ZERO_TO_ONE)
    outcome = command(*arguments, "--out", tmp_path / "untold.keras")
    assert outcome.code == 2
    assert "(on the command line: --preprocessing; as_they_are, where it normalizes them itself)" in outcome.err


def test_branches_become_one_convolution(command: Command, tmp_path: Path) -> None:
    x = keras.Input((16, 16, 1))
    terms = [keras.layers.Conv2D(4, size, padding="same", name=f"conv{size}")(x) for size in (3, 1)]
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Add(name="add")(terms))
    model_file.save(keras.Model(x, pooled, name="branched"), tmp_path / "branched.keras")
    arguments = ["rewrite", tmp_path / "branched.keras", "--fuse-branches", "--out", tmp_path / "fused.keras", "--json"]
    changes = json.loads(command(*arguments).out)["changes"]
    assert {change["layer"]: change["became"] for change in changes} == {"conv3": [], "conv1": [], "add": ["conv3"]}
    np.testing.assert_allclose(answers(tmp_path / "fused.keras"), answers(tmp_path / "branched.keras"), atol=1e-5)


def test_folded_it_answers_the_same(command: Command, dense: Path, tmp_path: Path) -> None:
    assert command("rewrite", dense, "--fold", "--out", tmp_path / "folded.keras").code == 0
    np.testing.assert_allclose(answers(tmp_path / "folded.keras"), answers(dense), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "p"),
    [(["--replace", "bsconv_s,p=0.5"], 0.5), (["--blueprint", "--p", "0.75", "--data", "digits"], 0.75)],
)
def test_as_another_kind(command: Command, dense: Path, tmp_path: Path, arguments: list[str], p: float) -> None:
    outcome = command("rewrite", dense, *arguments, "--out", tmp_path / "new.keras")
    assert outcome.code == 0, outcome.err
    layer = model_file.load(tmp_path / "new.keras").get_layer("conv2")
    assert isinstance(layer, BSConvS)
    assert layer.factorization.reduce == p
    assert ("statistics of 256 samples" in outcome.out) == ("--data" in arguments)


def test_decompositions_come_before_decoupling(command: Command, dense: Path, tmp_path: Path) -> None:
    arguments = ["--spatial", "1.5", "--decouple", "terms=1", "--out", tmp_path / "new.keras"]
    assert command("rewrite", dense, *arguments).code == 0
    layer = model_file.load(tmp_path / "new.keras").get_layer("conv2_vertical")
    assert type(layer).__name__ == "FactorizedConv2D"


def test_a_network_by_name(command: Command, tmp_path: Path) -> None:
    arguments = ["--set", "classes=3", "--replace", "bsconv_u", "--out", tmp_path / "new.keras"]
    assert command("rewrite", "cifar_resnet20", *arguments).code == 0
    assert model_file.load(tmp_path / "new.keras").output_shape == (None, 3)


def test_kernels_are_named_and_what_gets_no_cheaper_stays(command: Command, tmp_path: Path) -> None:
    stack = [keras.layers.Conv2D(16, (5, 1), name="tall"), keras.layers.Conv2D(1, 3, name="thin")]
    model = keras.Sequential([keras.Input((16, 16, 16)), *stack], name="net")
    model.save(tmp_path / "net.keras")
    arguments = ("rewrite", tmp_path / "net.keras", "--replace", "bsconv_u", "--out", tmp_path / "new.keras")
    assert "nothing was changed" in command(*arguments, "--keep", "thin").out
    outcome = command(*arguments, "--kernel-sizes", "5x1,3X3", "--json")
    actions = {change["layer"]: change["action"] for change in json.loads(outcome.out)["changes"]}
    assert actions == {"tall": "now bsconv_u, with initial weights", "thin": "now bsconv_u, with initial weights"}
    wide = ("--replace", "separable", "--keep", "tall")
    before = command("rewrite", tmp_path / "net.keras", *wide, "--out", tmp_path / "new.keras").out
    assert "kept: it would take" in before
    forced = command("rewrite", tmp_path / "net.keras", *wide, "--any-cost", "--out", tmp_path / "new.keras").out
    assert "more expensive: 1.0" in forced


def test_kernels_over_series_are_named_by_one_number(command: Command, tmp_path: Path) -> None:
    stack = [keras.layers.Conv1D(16, steps, name=f"of{steps}") for steps in (9, 3)]
    keras.Sequential([keras.Input((32, 16)), *stack], name="net").save(tmp_path / "net.keras")
    line = ("rewrite", tmp_path / "net.keras", "--replace", "bsconv_u", "--kernel-sizes", "3x3,9", "--json")
    changes = json.loads(command(*line, "--out", tmp_path / "new.keras").out)["changes"]
    assert [(change["layer"], change["action"] or change["skipped"]) for change in changes] == [
        ("of9", "now bsconv_u, with initial weights"),
        ("of3", "its window is 3"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(
            (["--replace", "bsconv_u", "--kernel-sizes", sizes], "error: expected --kernel-sizes such as 3x3,5x1, of s")
            for sizes in ("3x", "3x3x3", "three")
        ),
        ([], "error: expected something to do. Received: none of --decouple, "),
        (["--decouple", "mac=0.5"], "error: unknown setting of --decouple 'mac'. Did you mean macs?"),
        (["--decouple", "terms=0"], "error: expected at least 1 term. Received: terms=0."),
        (["--decouple", "macs=0.001"], "error: expected a share of the MACs that can be reached, here "),
        (["--replace", "bsconv"], "error: unknown kind of convolution 'bsconv'. Did you mean bsconv_u, bsconv_s?"),
        (["--replace", "bsconv_u", "--blueprint"], "error: expected one of --decouple, --replace and --blueprint."),
        (["--fold", "--keep", "conv9", "--blueprint"], "error: unknown layer to keep 'conv9'. Did you mean conv"),
        (
            ["--fold", "--kernel-sizes", "3x3"],
            "error: expected --kernel-sizes beside --replace. Received: --kernel-sizes",
        ),
        (
            ["--fold", "--any-cost"],
            "error: expected --any-cost beside --replace or --blueprint. Received: --any-cost al",
        ),
        (
            ["--fuse-branches", "--keep", "x"],
            "error: expected --keep beside what replaces layers. Received: --fuse-bra",
        ),
        (["--fold", "--keep", "conv1"], "error: expected --keep beside what replaces layers. Received: --fold alone"),
        (
            ["--decouple", "macs=half"],
            "error: expected a share of the MACs above 0 and up to 1. Received: macs='half'.",
        ),
        (["--decouple", "energy=[1]"], "error: expected an energy above 0 and up to 1. Received: energy=[1]."),
        (["--fold", "--p", "0.5"], "error: expected --p beside --blueprint. Received: --p alone."),
        (["--fold", "--out", "new.h5"], "error: expected a file name that ends in .keras. Received: --out new.h5."),
        (["--fold", "--set", "alpha=1"], "error: expected --weights and --set beside a network's name."),
    ],
)
def test_mistakes(command: Command, dense: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    outcome = command("rewrite", dense, "--out", tmp_path / "new.keras", *arguments)
    assert outcome.code == 2
    assert outcome.err.startswith(message)
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "new.keras").exists()


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--decouple", "macs=0.5,macs=0.6"], "macs"),
        (["--decouple", "macs=0.5,order=dw_pw,macs=0.5"], "macs"),
        (["--replace", "bsconv_s,p=0.5,p=0.25"], "p"),
        (["--fold", "--preprocessing", "mean=0,std=1,mean=0"], "mean"),
        (["--fold", "--preprocessing", "zero_to_one,channel_order=bgr,channel_order=rgb"], "channel_order"),
    ],
)
def test_a_setting_said_twice_is_refused(
    command: Command, dense: Path, tmp_path: Path, arguments: list[str], name: str
) -> None:
    outcome = command("rewrite", dense, *arguments, "--out", tmp_path / "half.keras")
    assert outcome.code == 2
    said = " ".join(arguments[-2:])
    assert outcome.err == f"error: expected {name} once in {said}. Received: it twice. Leave one out.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_network_without_convolutions_is_not_decoupled(command: Command, tmp_path: Path) -> None:
    inputs = keras.Input((8,))
    model_file.save(keras.Model(inputs, keras.layers.Dense(2)(inputs), name="mlp"), tmp_path / "mlp.keras")
    outcome = command("rewrite", tmp_path / "mlp.keras", "--decouple", "macs=0.5", "--out", tmp_path / "half.keras")
    assert outcome.code == 2
    wanted = (
        "error: expected dense k x k convolutions to separate. Received: macs=0.5 for a model that has none. Leave it"
    )
    assert outcome.err.startswith(wanted)
    assert not (tmp_path / "half.keras").exists()
