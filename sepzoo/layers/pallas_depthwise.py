"""Depthwise convolution for JAX as Triton kernels: forward, and both gradients.

Where there is no GPU the kernels are interpreted, which gives the same values slowly.

Example:
    >>> import jax, numpy as np
    >>> images = np.random.default_rng(0).normal(size=(1, 5, 5, 2)).astype("float32")
    >>> kernel = np.random.default_rng(1).normal(size=(3, 3, 2, 1)).astype("float32")
    >>> ours = pallas_depthwise_conv(images, kernel, padding="same")
    >>> theirs = jax.lax.conv_general_dilated(
    ...     images,
    ...     kernel.reshape(3, 3, 1, 2),
    ...     (1, 1),
    ...     "SAME",
    ...     dimension_numbers=("NHWC", "HWIO", "NHWC"),
    ...     feature_group_count=2,
    ... )
    >>> bool(np.allclose(ours, theirs, atol=1e-5))
    True
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from sepzoo.layers.window_axis import WindowAxis, window_axes
from sepzoo.support.errors import SepzooError

_PLACES = 32
"""Of an image that a program computes at a time; Triton wants powers of two."""

_CHANNELS = 64
"""That a program computes at a time, at most; they are neighbours in memory."""

_PARTS = 256
"""Programs for a block of channels that share the sum of a kernel's gradient, at most."""

_COUNTED = 2**31

Array = Any
Axes = tuple[WindowAxis, WindowAxis]
Meeting = Callable[[WindowAxis, Array, int], tuple[Array, Array]]
"""Which place a tap takes for a place, along an axis, and whether that is one of the image."""


def pallas_depthwise_conv(
    inputs: Array,
    kernel: Array,
    *,
    strides: tuple[int, int] = (1, 1),
    padding: str = "valid",
    dilation_rate: tuple[int, int] = (1, 1),
) -> Array:
    """Return what `keras.ops.depthwise_conv` returns for images in channels last, to rounding.

    Numbers of 16 bits are summed in 32.

    Args:
        inputs: (batch, height, width, channels), all known.
        kernel: (window height, window width, channels, multiplier).
        strides: of height and width.
        padding: "valid" or "same".
        dilation_rate: of height and width.

    Raises:
        SepzooError: images or outputs of 2³¹ numbers or more, which the kernels can't count.
    """
    from jax import numpy as jnp

    inputs, kernel = jnp.asarray(inputs), jnp.asarray(kernel)
    if kernel.shape[3] > 1:
        inputs = jnp.repeat(inputs, kernel.shape[3], axis=-1)
    axes = window_axes(inputs.shape[1:3], kernel.shape[:2], strides, dilation_rate, padding)
    if inputs.size >= _COUNTED:
        raise SepzooError(
            "expected images of less than 2³¹ numbers for Pallas kernels. Received: "
            f"{'x'.join(map(str, inputs.shape))}. Take fewer images at a time, or lowering='native'."
        )
    return _with_gradient(inputs, kernel.reshape(*kernel.shape[:2], -1), axes)


def _with_gradient(inputs: Array, kernel: Array, axes: Axes) -> Array:
    import jax

    @jax.custom_vjp
    def convolve(x: Array, k: Array) -> Array:
        return _sums(x, k, (len(x), axes[0].outputs, axes[1].outputs, x.shape[3]), axes, _met)

    def forward(x: Array, k: Array) -> tuple[Array, tuple[Array, Array]]:
        return convolve(x, k), (x, k)

    def backward(kept: tuple[Array, Array], upstream: Array) -> tuple[Array, Array]:
        x, k = kept
        return _sums(upstream, k, x.shape, axes, _met_from), _kernel_gradient(x, upstream, k, axes)

    convolve.defvjp(forward, backward)
    return convolve(inputs, kernel)


def _met(axis: WindowAxis, place: Array, tap: int) -> tuple[Array, Array]:
    """Return which place of the input a tap meets for an output."""
    found = place * axis.stride + (tap * axis.dilation - axis.before)
    return found, (found >= 0) & (found < axis.size)


def _met_from(axis: WindowAxis, place: Array, tap: int) -> tuple[Array, Array]:
    """Return for which output a tap meets a place of the input."""
    ahead = place + (axis.before - tap * axis.dilation)
    found = ahead // axis.stride
    return found, (ahead >= 0) & (ahead % axis.stride == 0) & (found < axis.outputs)


def _sums(x: Array, kernel: Array, shape: Sequence[int], axes: Axes, meeting: Meeting) -> Array:
    """Return images of a shape: for each place and channel, the sum over the taps of what they take of `x`."""
    import jax
    from jax import numpy as jnp
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    count, channels = shape[0] * shape[1] * shape[2], shape[3]
    block = _block(channels)

    def program(x_ref: Any, kernel_ref: Any, out_ref: Any) -> None:
        place = pl.program_id(0) * _PLACES + jnp.arange(_PLACES)[:, None]
        channel = pl.program_id(1) * block + jnp.arange(block)[None, :]
        known = (place < count) & (channel < channels)
        total = jnp.zeros((_PLACES, block), jnp.float32)
        for number, taps in enumerate(_taps(axes)):
            taken = _taken(x_ref, x.shape, place, channel, known, shape, axes, taps, meeting)
            weight = triton.load(kernel_ref.at[number * channels + channel], mask=channel < channels, other=0.0)
            total += taken * weight.astype(jnp.float32)
        triton.store(out_ref.at[place * channels + channel], total.astype(x.dtype), mask=known)

    grid = (pl.cdiv(count, _PLACES), pl.cdiv(channels, block))
    size = jax.ShapeDtypeStruct((count * channels,), x.dtype)
    return _compiled(program, grid, size)(x.reshape(-1), kernel.reshape(-1)).reshape(shape)


def _kernel_gradient(x: Array, upstream: Array, kernel: Array, axes: Axes) -> Array:
    """Return the gradient of the kernel: each program sums over its own places, then these sums are added up."""
    import jax
    from jax import numpy as jnp
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    *sizes, channels = upstream.shape
    count, block, taps = sizes[0] * sizes[1] * sizes[2], _block(channels), _taps(axes)
    parts = min(_PARTS, pl.cdiv(count, _PLACES))
    turns = pl.cdiv(count, parts * _PLACES)

    def program(x_ref: Any, upstream_ref: Any, out_ref: Any) -> None:
        part, channel = pl.program_id(0), pl.program_id(1) * block + jnp.arange(block)[None, :]

        def turn(number: Array, sums: tuple[Array, ...]) -> tuple[Array, ...]:
            place = (part * turns + number) * _PLACES + jnp.arange(_PLACES)[:, None]
            known = (place < count) & (channel < channels)
            given = triton.load(upstream_ref.at[place * channels + channel], mask=known, other=0.0).astype(jnp.float32)
            return tuple(
                total
                + (_taken(x_ref, x.shape, place, channel, known, upstream.shape, axes, each, _met) * given).sum(axis=0)
                for total, each in zip(sums, taps, strict=True)
            )

        sums = jax.lax.fori_loop(0, turns, turn, tuple(jnp.zeros(block, jnp.float32) for _ in taps))
        for number, total in enumerate(sums):
            at = (part * len(taps) + number) * channels + channel
            triton.store(out_ref.at[at], total[None, :], mask=channel < channels)

    size = jax.ShapeDtypeStruct((parts * len(taps) * channels,), jnp.float32)
    found = _compiled(program, (parts, pl.cdiv(channels, block)), size)(x.reshape(-1), upstream.reshape(-1))
    return found.reshape(parts, *kernel.shape).sum(axis=0).astype(kernel.dtype)


def _taken(
    ref: Any,
    shape: Sequence[int],
    place: Array,
    channel: Array,
    known: Array,
    places: Sequence[int],
    axes: Axes,
    taps: tuple[int, int],
    meeting: Meeting,
) -> Array:
    """Return what taps take of images of `shape` for places that are numbered through `places`; zero beyond them."""
    from jax.experimental.pallas import triton

    image, line = place // (places[1] * places[2]), place // places[2] % places[1]
    row, above = meeting(axes[0], line, taps[0])
    column, aside = meeting(axes[1], place % places[2], taps[1])
    at = ((image * shape[1] + row) * shape[2] + column) * shape[3] + channel
    return triton.load(ref.at[at], mask=known & above & aside, other=0.0).astype("float32")


def _taps(axes: Axes) -> list[tuple[int, int]]:
    return list(itertools.product(range(axes[0].taps), range(axes[1].taps)))


def _block(channels: int) -> int:
    """Return how many channels a program computes at a time: a power of two."""
    return min(_CHANNELS, 2 ** (channels - 1).bit_length())


def _compiled(program: Callable[..., None], grid: tuple[int, int], out: Array) -> Callable[..., Array]:
    import jax
    from jax.experimental import pallas as pl
    from jax.experimental.pallas import triton

    return pl.pallas_call(
        program,
        out_shape=out,
        grid=grid,
        compiler_params=triton.CompilerParams(num_warps=4),
        interpret=jax.default_backend() != "gpu",
    )
