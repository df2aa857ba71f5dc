"""ONNX files of other programs: what they take and give, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sepzoo import inference
from sepzoo.inference.latency import measure
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from tests.extras import needed

needed("onnxruntime", "onnx")
onnx = needed("onnx", "onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT, UINT8, INT64, STRING = 1, 2, 7, 8
RANDOM = np.random.default_rng(0)
KERNEL, MATRIX = RANDOM.normal(size=(4, 3, 3, 3)).astype("f4"), RANDOM.normal(size=(4, 5)).astype("f4")
BIAS = RANDOM.normal(size=5).astype("f4")


def save(
    path: Path,
    nodes: list[Any],
    *,
    inputs: list[Any],
    outputs: list[Any],
    constants: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write a graph as another program would."""
    arrays = [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, "foreign", inputs, outputs, arrays)
    sets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=sets, ir_version=8, producer_name="pytorch"), path)
    return path


def value(name: str, shape: Any, kind: int = FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def pictures(path: Path, batch: Any = "n", size: int = 8, last: str = "linear") -> Path:
    """Write a classifier of pictures with its channels first, as PyTorch writes them."""
    nodes = [
        helper.make_node("Conv", ["x", "kernel"], ["a"]),
        helper.make_node("GlobalAveragePool", ["a"], ["b"]),
        helper.make_node("Flatten", ["b"], ["c"]),
        helper.make_node("MatMul", ["c", "matrix"], ["d"]),
        helper.make_node("Add", ["d", "bias"], ["e"]),
        *([] if last == "linear" else [helper.make_node(last, ["e"], ["f"])]),
    ]
    inputs, outputs = [value("x", [batch, 3, size, size])], [value("e" if last == "linear" else "f", [batch, 5])]
    constants = {"kernel": KERNEL, "matrix": MATRIX, "bias": BIAS}
    return save(path, nodes, inputs=inputs, outputs=outputs, constants=constants)


def expected(images: np.ndarray) -> np.ndarray:
    """Return what the classifier of pictures gives, by NumPy alone."""
    windows = np.lib.stride_tricks.sliding_window_view(images.astype(np.float64), (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ocij->nhwo", windows, KERNEL).mean(axis=(1, 2)) @ MATRIX + BIAS


@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_channels_first_and_fixed_batches(tmp_path: Path, batch: Any) -> None:
    unit = Preprocessing(mean=(0.0,), std=(255.0,))
    opened = inference.open(
        pictures(tmp_path / "net.onnx", batch), preprocessing=unit, labels=list("abcde"), outputs="logits"
    )
    assert (opened.name, opened.input_shape, opened.end, opened.classes) == ("net", (8, 8, 3), "linear", 5)
    images = RANDOM.integers(0, 256, (6, 8, 8, 3), np.uint8)
    scores = np.exp(expected(images / 255))
    np.testing.assert_allclose(opened.predict(images), scores / scores.sum(axis=1, keepdims=True), atol=1e-5)
    assert opened.top(opened.predict(images[:1]), 1)[0][0].label == "abcde"[int(scores[0].argmax())]
    assert measure(opened, images[0], runs=2).median_ms > 0


@pytest.mark.parametrize(
    ("last", "kind", "size"),
    [("Softmax", "softmax", 5), ("Sigmoid", "multilabel", 5), ("Relu", "values", 5), ("linear", "values", 5)],
)
def test_what_it_gives_is_read_off_its_graph(tmp_path: Path, last: str, kind: str, size: int) -> None:
    opened = inference.open(pictures(tmp_path / "net.onnx", last=last))
    assert (opened.output.kind, opened.output_shape) == (kind, (size,))


def test_linear_scores_as_many_as_labels_are_logits(tmp_path: Path) -> None:
    assert inference.open(pictures(tmp_path / "net.onnx"), labels=list("abcde")).output.kind == "logits"


def test_an_open_output_is_measured(tmp_path: Path) -> None:
    nodes = [helper.make_node("Flatten", ["x"], ["y"])]
    path = save(tmp_path / "net.onnx", nodes, inputs=[value("x", ["n", 2, 3])], outputs=[value("y", ["n", "m"])])
    opened = inference.open(path)
    assert opened.output_shape == (6,)
    given = RANDOM.normal(size=(5, 2, 3)).astype("f4")
    np.testing.assert_array_equal(opened.predict(given), given.reshape(5, 6))


def test_pixels_of_8_bits_are_taken_as_they_are(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=FLOAT),
        helper.make_node("ReduceMean", ["a"], ["y"], axes=[1, 2], keepdims=0),
    ]
    inputs = [value("x", ["n", 8, 8, 3], UINT8)]
    opened = inference.open(save(tmp_path / "net.onnx", nodes, inputs=inputs, outputs=[value("y", ["n", 3])]))
    images = RANDOM.integers(0, 256, (2, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(opened.predict(images), images.mean(axis=(1, 2)), rtol=1e-5)


def external(path: Path) -> None:
    onnx.save(onnx.load(pictures(path)), path, save_as_external_data=True, size_threshold=0, location="weights.bin")


def context(path: Path) -> None:
    node = helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft", ep_cache_context="/etc/hostname")
    save(path, [node], inputs=[value("x", ["n", 3])], outputs=[value("y", ["n", 3])])


def text(path: Path) -> None:
    node = helper.make_node("Identity", ["x"], ["y"])
    save(path, [node], inputs=[value("x", ["n"], STRING)], outputs=[value("y", ["n"], STRING)])


def open_size(path: Path) -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    save(path, [node], inputs=[value("x", ["n", "h", "w", 3])], outputs=[value("y", ["n", "h", "w", 3])])


def wrong_sizes(path: Path) -> None:
    file = onnx.load(pictures(path))
    file.graph.initializer[0].dims[0] = 5
    path.write_bytes(file.SerializeToString())


def bomb(path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["big"]),
        helper.make_node("ReduceSum", ["big"], ["sum"], keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"]),
    ]
    shape = {"shape": np.array([2**16, 2**16], np.int64)}
    save(path, nodes, inputs=[value("x", ["n", 3])], outputs=[value("y", ["n", 3])], constants=shape)


def unknown_operator(path: Path) -> None:
    node = helper.make_node("Launch", ["x"], ["y"], domain="org.example")
    file_inputs, file_outputs = [value("x", ["n", 3])], [value("y", ["n", 3])]
    save(path, [node], inputs=file_inputs, outputs=file_outputs)


def cut(path: Path) -> None:
    content = pictures(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def deep(path: Path) -> None:
    inner = helper.make_graph([helper.make_node("Identity", ["x"], ["z"])], "g", [], [value("z", ["n", 3])])
    for _ in range(25):
        node = helper.make_node("If", ["true"], ["z"], then_branch=inner)
        inner = helper.make_graph([node], "g", [], [value("z", ["n", 3])])
    true = {"true": np.array(True)}
    save(path, list(inner.node), inputs=[value("x", ["n", 3])], outputs=[value("z", ["n", 3])], constants=true)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (external, "expected a file that holds all its values itself. Received: tensor 'kernel' in another file."),
        (context, "expected a file that holds all its values itself. Received: operator EPContext."),
        (text, "(its input 'x' is a tensor(string), no tensor of numbers)"),
        (open_size, "expected an input of fixed size, of one row a sample. Received: 'x' of "),
        (wrong_sizes, "expected an ONNX file. Received: a damaged one (its tensor 'kernel' has 432 bytes for 135 "),
        (bomb, "net.onnx: expected "),
        (unknown_operator, "net.onnx: expected an ONNX file. Received: a damaged one ("),
        (cut, "net.onnx: expected an ONNX file. Received: a damaged one (its protocol buffer is damaged at byte "),
        (deep, "a damaged one (it has graphs inside one another, more than 20)"),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_what_is_refused_in_one_line(tmp_path: Path, write: Callable[[Path], None], said: str) -> None:
    write(tmp_path / "net.onnx")
    with pytest.raises(SepzooError) as caught:
        inference.open(tmp_path / "net.onnx")
    assert str(caught.value).startswith(f"{tmp_path / 'net.onnx'}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_runtime_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pictures(tmp_path / "net.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(SepzooError, match=r"net\.onnx needs onnxruntime\. Received: .* 'sepzoo\[onnx\]'\.$"):
        inference.open(path)
