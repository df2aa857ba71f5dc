"""`.safetensors` read by hand: every type of number, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.support.errors import SepzooError
from sepzoo.weights.reading import named_arrays
from sepzoo.weights.safetensors_file import read_safetensors
from tests.extras import needed


def written(path, header, body=b"", length=None):
    """Write a file of a header, as JSON or as bytes, and a body."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + body)
    return path


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def saved(path, arrays):
    """Write float32 arrays as other programs do."""
    header, body = {"__metadata__": {"format": "np"}}, b""
    for name, array in arrays.items():
        data = array.astype("<f4").tobytes()
        header[name] = entry("F32", list(array.shape), len(body), len(body) + len(data))
        body += data
    return written(path, header, body)


@pytest.mark.parametrize(("dtype", "numpy"), [("F64", "<f8"), ("F32", "<f4"), ("F16", "<f2"), ("I64", "<i8")])
def test_numbers_of_every_type(tmp_path, dtype, numpy):
    values = np.arange(-3, 3, dtype=numpy).reshape(2, 3)
    path = written(tmp_path / "a.safetensors", {"a": entry(dtype, [2, 3], 0, values.nbytes)}, values.tobytes())
    found = read_safetensors(path)["a"]
    assert found.dtype == numpy
    np.testing.assert_array_equal(found, values)


def test_bfloat16_becomes_float32(tmp_path):
    values = np.array([1.0, -2.5, 3.140625, 0.0, 2.0**100], "<f4")  # each fits bfloat16
    upper_half = values.view("<u4") >> 16
    path = written(tmp_path / "a.safetensors", {"a": entry("BF16", [5], 0, 10)}, upper_half.astype("<u2").tobytes())
    found = read_safetensors(path)["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values)


def test_scalars_empty_arrays_and_any_order(tmp_path):
    header = {"second": entry("I64", [], 8, 16), "first": entry("F32", [2], 0, 8), "none": entry("F32", [0, 3], 16, 16)}
    body = np.array([1.5, 2.5], "<f4").tobytes() + np.array(7, "<i8").tobytes()
    arrays = read_safetensors(written(tmp_path / "a.safetensors", header, body))
    assert arrays["second"] == 7
    assert arrays["first"].tolist() == [1.5, 2.5]
    assert arrays["none"].shape == (0, 3)


def test_the_safetensors_package_writes_the_same(tmp_path):
    package = needed("safetensors.numpy", "parity")
    arrays = {"a": np.arange(6, dtype="f4").reshape(2, 3), "b": np.array([2**40], "i8"), "c": np.ones(3, "f2")}
    package.save_file(arrays, tmp_path / "a.safetensors")
    found = read_safetensors(tmp_path / "a.safetensors")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_network_takes_its_weights_from_a_file(tmp_path):
    model, other = build("cifar_resnet8"), build("cifar_resnet8")
    path = saved(tmp_path / "weights.safetensors", named_arrays(model))
    assert len(load_weights(other, path).matched) == len(model.weights)
    images = np.random.default_rng(0).random((2, 32, 32, 3), "float32")
    np.testing.assert_array_equal(model(images), other(images))


@pytest.mark.parametrize(
    ("header", "body", "length", "reason"),
    [
        (b"", b"", 2**60, "its header is longer than the file"),
        (b"{", b"", 2, "its header is longer than the file"),
        (b"{'a'}", b"", None, "its header is no JSON"),
        (b"\xff\xfe", b"", None, "its header is no JSON"),
        (b"[" * 100_000, b"", None, "its header is no JSON"),
        (b"[]", b"", None, "its header names no arrays"),
        ({"a": [1]}, b"", None, "it describes 'a' otherwise than by dtype, shape and data_offsets"),
        ({"a": {"dtype": "F32", "shape": [1]}}, b"", None, "it describes 'a' otherwise than by"),
        ({"a": {"dtype": "F32", "shape": [1], "data_offsets": 4}}, b"", None, "it describes 'a' otherwise than by"),
        (
            {"a": entry("F8", [1], 0, 1)},
            b"0",
            None,
            "'a' is of type F8, of which only F64, F32, F16, BF16, I64 are read",
        ),
        ({"a": entry("F32", [2], 0, 4)}, b"0000", None, "'a' has bytes 0 to 4, which do not hold F32 of shape [2]"),
        ({"a": entry("F32", [1], 0, 4)}, b"000", None, "'a' has bytes 0 to 4, which do not hold F32 of shape [1]"),
        ({"a": entry("F32", [-1], 4, 0)}, b"0000", None, "'a' has bytes 4 to 0, which do not hold F32 of shape [-1]"),
        ({"a": entry("F32", ["1"], 0, 4)}, b"0000", None, "'a' has bytes 0 to 4, which do not hold F32 of shape ['1']"),
        ({"a": entry("F32", [1], True, 4)}, b"0000", None, "'a' has bytes True to 4"),
        (
            {"a": entry("F32", [1], 4, 8)},
            b"00000000",
            None,
            "its arrays overlap, or leave bytes between or behind them",
        ),
        (
            {"a": entry("F32", [1], 0, 4)},
            b"00000000",
            None,
            "its arrays overlap, or leave bytes between or behind them",
        ),
        (
            {"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)},
            b"0000",
            None,
            "its arrays overlap, or leave bytes between or behind them",
        ),
    ],
)
def test_nonsense_is_refused_with_its_reason(tmp_path, header, body, length, reason):
    path = written(tmp_path / "weights.safetensors", header, body, length)
    with pytest.raises(SepzooError) as error:
        load_weights(build("cifar_resnet8"), path)
    assert str(error.value).startswith(f"{path}: the file is damaged or another thing than its name says ({reason}")


@pytest.mark.parametrize("content", [b"", b"1234567", b"{}" + bytes(6)])
def test_files_that_are_no_safetensors(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(SepzooError, match=r"its header is longer than the file|an empty file"):
        load_weights(build("cifar_resnet8"), path)


def test_a_file_of_nothing(tmp_path):
    with pytest.raises(SepzooError, match=r"expected named arrays\. The file holds none"):
        load_weights(build("cifar_resnet8"), written(tmp_path / "weights.safetensors", {"__metadata__": {}}))
