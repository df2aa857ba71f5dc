"""Depthwise convolution as Pallas kernels, interpreted, against XLA's own; and as far as Triton for a GPU."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from sepzoo.support.errors import SepzooError
from tests.backends import variables
from tests.extras import needed

jax = needed("jax", "jax")

from sepzoo.layers import pallas_depthwise  # noqa: E402
from sepzoo.layers.pallas_depthwise import pallas_depthwise_conv  # noqa: E402

CASES = [  # images, window, multiplier, arguments
    ((2, 9, 7, 5), (3, 3), 1, {"padding": "same"}),
    ((2, 9, 8, 70), (3, 5), 1, {"padding": "same", "strides": (2, 2)}),
    ((1, 11, 12, 3), (3, 3), 2, {"dilation_rate": (2, 3)}),
    ((3, 6, 6, 4), (2, 4), 1, {"strides": (3, 2)}),
]


def xla_s(x: Any, kernel: Any, *, strides: Any = (1, 1), padding: str = "valid", dilation_rate: Any = (1, 1)) -> Any:
    return jax.lax.conv_general_dilated(
        x,
        kernel.reshape(*kernel.shape[:2], 1, -1),
        strides,
        padding.upper(),
        rhs_dilation=dilation_rate,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


def found(convolve: Any, x: Any, kernel: Any, arguments: dict[str, Any]) -> list[np.ndarray]:
    """Return the output and both gradients of the sum of its squares, as 32-bit numbers."""

    def all_three(x: Any, kernel: Any) -> tuple[Any, ...]:
        output, back = jax.vjp(lambda x, kernel: convolve(x, kernel, **arguments), x, kernel)
        return output, *back(2 * output)

    return [np.asarray(each, "float32") for each in jax.jit(all_three)(x, kernel)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "window", "multiplier", "arguments", "dtype"),
    [*((*each, "float32") for each in CASES), (*CASES[0], "bfloat16")],
)
def test_values_and_gradients_are_xla_s(
    shape: tuple[int, ...], window: tuple[int, int], multiplier: int, arguments: dict[str, Any], dtype: str
) -> None:
    random = np.random.default_rng(0)
    x = jax.numpy.asarray(random.normal(size=shape), dtype)
    kernel = jax.numpy.asarray(random.normal(size=(*window, shape[3], multiplier)), dtype)
    exact = [each.astype("float32") for each in (x, kernel)]  # a half's sums are in 32 bits, its results are rounded
    for ours, theirs in zip(
        found(pallas_depthwise_conv, x, kernel, arguments), found(xla_s, *exact, arguments), strict=True
    ):
        np.testing.assert_allclose(
            ours / np.abs(theirs).max(), theirs / np.abs(theirs).max(), atol=1e-5 if dtype == "float32" else 1e-2
        )


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_triton_takes_the_kernels(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forward, the input's gradient and the kernel's: no GPU is needed to get that far."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    given = jax.ShapeDtypeStruct((2, 9, 8, 70), dtype), jax.ShapeDtypeStruct((3, 5, 70, 1), dtype)

    def loss(x: Any, kernel: Any) -> Any:
        return (pallas_depthwise_conv(x, kernel, strides=(2, 2), padding="same").astype("float32") ** 2).sum()

    traced = jax.jit(jax.grad(loss, argnums=(0, 1))).trace(*given)
    assert traced.lower(lowering_platforms=("cuda",)).as_text().count("xla.gpu.triton") == 3


def test_what_can_t_be_counted_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pallas_depthwise, "_COUNTED", 2 * 5 * 5 * 3)
    with pytest.raises(SepzooError, match=r"less than 2³¹ numbers for Pallas kernels\. Received: 2x5x5x3\. Take fewer"):
        pallas_depthwise_conv(np.zeros((2, 5, 5, 3), "float32"), np.zeros((3, 3, 3, 1), "float32"))


PROGRAM = """
import keras, numpy as np
from sepzoo.layers.fast_depthwise import FastDepthwiseConv2D, FastSeparableConv2D
x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype("float32")
for kind, arguments in ((FastDepthwiseConv2D, (3,)), (FastSeparableConv2D, (4, 3))):
    own, ours = (kind(*arguments, strides=2, padding="same", lowering=lowering) for lowering in ("native", "pallas"))
    expected = own(x)
    ours.build(x.shape)
    ours.set_weights(own.get_weights())
    np.testing.assert_allclose(ours(x), expected, atol=1e-5)
    print(type(ours).__name__)
"""


@pytest.mark.slow
def test_layers_with_jax_take_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=variables("jax"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["DepthwiseConv2D", "SeparableConv2D"], done.stderr
