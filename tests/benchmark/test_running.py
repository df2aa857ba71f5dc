"""Several things measured in turns: what comes out, in which order, and what can't be measured."""

from __future__ import annotations

import json
import logging
import statistics
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sepzoo import benchmark
from sepzoo.artifact import model_file
from sepzoo.artifact.inspection.checking import is_trusted
from sepzoo.benchmark import BenchmarkResult, Spread, keep_results, make_operator, operator_file, read_kept_results, run
from sepzoo.benchmark.subject import open_subject
from sepzoo.benchmark.target import Target, as_targets
from sepzoo.support.errors import SepzooError
from tests.extras import needed


def small_model() -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")], name="small")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.tflite` file of one convolution."""
    path = tmp_path_factory.mktemp("files") / "conv.tflite"
    path.write_bytes(operator_file(make_operator("conv", (1, 8, 8, 3), filters=4, kernel_size=3)))
    return path


def result(*turns: tuple[float, ...], **more: Any) -> BenchmarkResult:
    fields: dict[str, Any] = {
        "target": "net", "runtime": "LiteRT 2", "threads": 1, "batch": 2, "first_ms": 9.0, "open_ms": 5.0,
        "peak_memory": 3 << 20, "size": 2048,
    }  # fmt: skip
    return BenchmarkResult(turns=turns, **{**fields, **more})


def test_files_are_measured_in_turns(file: Path, tmp_path: Path) -> None:
    large = tmp_path / "large.tflite"
    large.write_bytes(operator_file(make_operator("dense", (1, 4096), filters=2048)))
    found = run([file, large], batches=(2, 1), turns=3, turn_seconds=0.001)
    assert [(each.target, each.batch) for each in found] == [
        ("conv.tflite", 1), ("large.tflite", 1), ("conv.tflite", 2), ("large.tflite", 2),
    ]  # fmt: skip
    for each in found:
        assert len(each.turns) == 3
        assert 0 < each.least_ms <= each.latency.low <= each.latency.median <= each.p90_ms
        assert each.runtime.startswith("LiteRT 2.")
    assert [each.size for each in found[:2]] == [file.stat().st_size, large.stat().st_size]
    small_peak, large_peak = (each.peak_memory for each in found[:2])
    if small_peak is not None and large_peak is not None:  # Windows doesn't tell
        assert large_peak - small_peak > 4 * 4096 * 2048 / 2


@pytest.mark.parametrize("package", ["bsconv", None])
def test_networks_run_on_batches_of_noise(package: str | None, tmp_path: Path) -> None:
    if package is None:
        target = Target("small", "file", str(model_file.save(small_model(), tmp_path / "small.keras")))
        runtime, shape = f"Keras {keras.__version__}, ", (3, 6, 6, 4)
    else:
        runtime, shape = f"PyTorch {needed('torch', 'parity').__version__}", (3, 10)
        needed(package, "parity")
        target = Target("cifar", "bsconv", "cifar_mobilenetv1_w1d4_bsconvu")
    subject = open_subject(target, threads=1)
    assert subject.runtime.startswith(runtime)
    outputs = subject.prepare(3)()
    assert np.shape(outputs) == shape
    assert np.ptp(outputs, axis=0).max() > 0  # samples differ


@pytest.mark.parametrize("trust", [False, True])
def test_weights_of_a_named_network_are_trusted_as_files_are(trust: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def build(name: str, **settings: Any) -> keras.Model:
        given.append((is_trusted(), settings))
        return small_model()

    monkeypatch.setattr("sepzoo.applications.build", build)
    open_subject(Target("vgg16", "name", "vgg16", {"weights": "mine.h5"}), threads=1, trust=trust)
    assert given == [(trust, {"weights": "mine.h5"})]


def test_a_name_that_another_package_lacks_is_said() -> None:
    needed("torch", "parity")
    needed("bsconv", "parity")
    with pytest.raises(
        SepzooError, match=r"expected a network of bsconv\. Received: 'lenet' \(Model architecture 'lene"
    ):
        open_subject(Target("bsconv:lenet", "bsconv", "lenet"), threads=1)


class FakeWorker:
    """Answers as a process would, and writes down who was asked what."""

    runtime, open_ms, said = "none", 1.0, ""

    def __init__(self, target: Any, *, threads: int, trust: bool) -> None:
        self.name = target.label[-1]

    def __enter__(self) -> FakeWorker:
        return self

    def __exit__(self, *error: object) -> None:
        FakeWorker.said += f"{self.name}. "

    def first(self, batch: int) -> float:
        FakeWorker.said += f"{self.name}{batch}! "
        return 1.0

    def turn(self, batch: int, seconds: float) -> tuple[float, ...]:
        FakeWorker.said += f"{self.name}{batch} "
        return (1.0,)

    def peak_memory(self) -> None:
        return None


def test_each_has_its_turn_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sepzoo.benchmark.running.Worker", FakeWorker)
    found = run(["mobilenet_v1", "mobilenet_v2"], threads=(2, 1), batches=(4,), turns=2)
    turns = "14! 24! 14 24 14 24 2. 1. "
    assert FakeWorker.said == turns * 2
    assert [(each.threads, each.target) for each in found] == [
        (2, "mobilenet_v1"), (2, "mobilenet_v2"), (1, "mobilenet_v1"), (1, "mobilenet_v2"),
    ]  # fmt: skip


def test_spreads_are_numpy_s_percentiles() -> None:
    values = np.random.default_rng(0).gamma(2, size=37).tolist()
    found = result(tuple(values))
    low, median, high, p90 = np.percentile(values, (25, 50, 75, 90))
    assert found.latency == Spread(pytest.approx(low), pytest.approx(median), pytest.approx(high))
    assert found.p90_ms == pytest.approx(p90)
    assert found.samples_per_second == pytest.approx(2000 / statistics.median(values))
    assert result((4.0,)).latency == Spread(4, 4, 4)
    assert result((4.0,)).p90_ms == 4


def test_a_ratio_is_that_within_a_turn() -> None:
    fast, slow = result((1.0, 5.0), (2.0, 2.5), (4.0,)), result((3.0, 4.0), (6.0,), (12.0, 90.0))
    assert slow.ratio_to(fast) == Spread(3, 3, 3)
    assert fast.ratio_to(slow).median == pytest.approx(1 / 3)


def test_a_table_has_a_row_each_and_ratios_to_the_first() -> None:
    found = [result((1.0,), (2.0,)), result((3.0,), (6.0,), target="other", size=None, peak_memory=None)]
    header, one, other = benchmark.results_table(found).splitlines()
    assert header.split()[:4] == ["target", "runtime", "threads", "batch"]
    assert one.split()[-3:] == ["(1.00", "…", "1.00)"]
    assert one.split("  ")[0] == "net"
    assert "3.00 (3.00 … 3.00)" in other


def test_results_are_written_as_csv_and_drawn(tmp_path: Path) -> None:
    found = [result((1.0, 2.0)), result((3.0, 4.0), batch=4)]
    header, *rows = benchmark.write_results(found, tmp_path / "r.csv").read_text().splitlines()
    assert dict(zip(header.split(","), rows[1].split(","), strict=True))["samples_per_second"] == str(4000 / 3.5)
    assert benchmark.plot_results(found, tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"


def test_the_latest_of_each_is_kept(tmp_path: Path) -> None:
    keep_results([result((1.0,)), result((1.0,), threads=2)], tmp_path)
    path = keep_results([result((7.0,))], tmp_path)
    found = read_kept_results(tmp_path)
    assert [(each["threads"], each["median_ms"]) for each in found] == [(1, 7), (2, 1)]
    assert json.loads(path.read_text())["machine"]["cores"] == benchmark.this_machine().cores


@pytest.mark.parametrize("content", ["{", "[1]", '{"results": [{"target": "a"}]}'])
def test_damaged_results_are_written_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str) -> None:
    path = keep_results([result((1.0,))], tmp_path)
    path.write_text(content)
    with caplog.at_level(logging.WARNING, "sepzoo"):
        assert read_kept_results(tmp_path) == []
    assert "expected results of a benchmark. Received: a damaged file" in caplog.text


@pytest.mark.parametrize(
    ("targets", "settings", "message"),
    [
        ([], None, "expected one target or more. Received: none."),
        (["mobilenet_v9"], None, "unknown model 'mobilenet_v9'."),
        (
            ["no/such.tflite"],
            None,
            "expected a model's file or folder. Received: no/such.tflite, which does not exist.",
        ),
        (["mobilenet_v1", small_model], {"alpha": 0.5}, None),
        ([small_model], {"alpha": 0.5}, "expected settings beside a network's name. Received: alpha for small, built"),
    ],
)
def test_what_is_given_is_looked_at_first(targets: list[Any], settings: Any, message: str | None) -> None:
    given = [each() if callable(each) else each for each in targets]
    if message is None:
        with as_targets(given, settings) as found:
            assert [each.kind for each in found] == ["name", "file"]
            assert Path(found[1].text).is_file()
        assert not Path(found[1].text).exists()
        return
    with pytest.raises(SepzooError) as error, as_targets(given, settings):
        pass
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("name", "value"), [("turns", 0), ("threads", (0,)), ("batches", ())])
def test_numbers_begin_at_one(name: str, value: Any) -> None:
    with pytest.raises(SepzooError) as error:
        run(["mobilenet_v1"], **{name: value})
    assert str(error.value) == f"expected {name} of at least 1. Received: {name}={value}."


def test_a_damaged_file_is_said_by_the_process_that_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(40))
    with pytest.raises(SepzooError, match=r"cut\.tflite: expected a TFLite file\. Received: a damaged one"):
        run([path], turns=1)


def test_a_saved_folder_counts_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(bytes(100))
    (folder / "variables" / "data").write_bytes(bytes(23))
    (tmp_path / "net.xml").write_bytes(bytes(10))
    (tmp_path / "net.bin").write_bytes(bytes(5))
    with as_targets([folder, tmp_path / "net.xml"]) as found:
        assert [each.size for each in found] == [123, 15]


def test_a_model_s_own_file_is_that_of_its_name(tmp_path: Path) -> None:
    path = model_file.save(small_model(), tmp_path / "small.keras")
    with as_targets([path]) as [target]:
        assert (target.label, target.size) == ("small.keras", path.stat().st_size)
