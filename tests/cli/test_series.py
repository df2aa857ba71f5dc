"""Series on the command line: evaluated, predicted, calibrated on, and padded where the network takes them so."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact.model_file import attach, metadata_of, save
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from tests.cli.conftest import Command

STEPS, CHANNELS, CLASSES = 12, 2, ("up", "down", "flat")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network of series, one that pads them, and the same series in files of each kind."""
    folder = tmp_path_factory.mktemp("series")
    keras.utils.set_random_seed(5)
    network = {"input_shape": (STEPS, CHANNELS), "classes": 3, "modules": 1, "channels": 4, "windows": (4,)}
    for name, padded in (("plain", False), ("padding", True)):
        model = sepzoo.applications.build("inceptiontime", **network)
        for layer in model.layers[-1:]:
            layer.set_weights([4 * weight for weight in layer.get_weights()])
        attach(
            model,
            Metadata(
                name,
                labels=("flat", "up", "down"),
                preprocessing=None,
                features=Features((STEPS, CHANNELS), padded=padded),
            ),
        )
        save(model, folder / f"{name}.keras")
    random = np.random.default_rng(3)
    x, labels = random.normal(size=(40, STEPS, CHANNELS)).astype("float32"), random.integers(0, 3, 40)
    np.savez(folder / "array.npz", inputs=x, labels=(labels + 1) % 3)  # by the network's numbers
    lines = [
        ":".join([",".join(map(str, c)) for c in one.T.tolist()] + [CLASSES[n]])
        for one, n in zip(x, labels, strict=True)
    ]
    header = f"@classLabel true {' '.join(CLASSES)}\n@data\n"
    (folder / "whole.ts").write_text(header + "\n".join(lines))
    (folder / "whole.csv").write_text(
        "\n".join(
            ["series,label,a,b"]
            + [
                f"{i},{CLASSES[n]},{a},{b}"
                for i, (one, n) in enumerate(zip(x, labels, strict=True))
                for a, b in one.tolist()
            ]
        )
    )
    (folder / "short.ts").write_text(header + "1,2:3,4:up\n5:6:down\n")
    return folder


def test_one_accuracy_whatever_the_file(command: Command, files: Path) -> None:
    model = files / "plain.keras"
    with np.load(files / "array.npz") as array:
        found = np.asarray(keras.saving.load_model(model)(array["inputs"])).argmax(1) == array["labels"]
    for name in ("whole.ts", "whole.csv", "array.npz"):
        said = json.loads(command("evaluate", model, "--data", files / name, "--json").out)
        assert (said["count"], said["correct"]) == (40, found.sum())


def test_series_are_predicted_as_arrays_are(command: Command, files: Path) -> None:
    outcomes = [
        command("predict", files / "plain.keras", files / name) for name in ("array.npz", "whole.ts", "whole.csv")
    ]
    assert outcomes[0].code == 0
    assert {outcome.out for outcome in outcomes} == {outcomes[0].out}


@pytest.mark.slow
def test_a_file_is_calibrated_and_checked_on_series(command: Command, files: Path, tmp_path: Path) -> None:
    arguments = ["--to", "tflite:int8", "--data", files / "whole.ts", "--out", tmp_path, "--least-accuracy", "0"]
    done = command("export", files / "padding.keras", *arguments, "--json")
    assert done.code == 0, done.err
    assert "whole.ts" in done.out
    [path] = tmp_path.glob("*.tflite")
    said = command("evaluate", path, "--data", files / "whole.ts")
    assert "on whole.ts: top-1 " in said.out
    assert command("predict", path, files / "short.ts").code == 0  # the file says too that it pads


def test_short_series_are_padded_where_the_network_says_so(command: Command, files: Path) -> None:
    rows = command("predict", files / "padding.keras", files / "short.ts", "--json")
    x = np.zeros((2, STEPS, CHANNELS), "float32")
    x[0, :2], x[1, 0] = [[1, 3], [2, 4]], [5, 6]
    expected = np.asarray(keras.saving.load_model(files / "padding.keras")(x))
    np.testing.assert_allclose(json.loads(rows.out)["outputs"], expected, atol=1e-6)
    refused = command("predict", files / "plain.keras", files / "short.ts")
    assert refused.code == 2
    assert "short.ts: expected series of one length. Received: 1 … 2 steps." in refused.err


def test_a_record_that_pads_goes_with_the_model(files: Path) -> None:
    for name, padded in (("plain", False), ("padding", True)):
        features = metadata_of(sepzoo.artifact.model_file.load(files / f"{name}.keras")).features
        assert features == Features((STEPS, CHANNELS), padded=padded)
        assert ("padded" in features.to_dict()) is padded
    with pytest.raises(sepzoo.SepzooError, match=r"expected series \(steps, channels\), to pad them\. Received: featu"):
        Features((3, 2, 1), padded=True)
