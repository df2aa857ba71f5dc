"""What a scale and a shift of each channel before a ReLU cost in a `.tflite` file, by the operators that can do it.

`python benchmarks/channel_affine.py` prints microseconds of one thread, the fastest of turns of 200 calls, in float32
and in 8 bits: a product and a sum with a number for each channel, with the numbers of a whole row of the image, and a
depthwise convolution of 1 x 1.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from timing import in_turns

SHAPES = ((32, 32, 3), (32, 32, 16), (16, 16, 32), (8, 8, 64), (56, 56, 64), (32, 32, 160))
CALLS, TURNS = 200, 15
Function = Callable[[tf.Tensor], tf.Tensor]


def forms(channels: int, width: int) -> dict[str, Function]:
    """Return the ways, by name."""
    generator = np.random.default_rng(0)
    scale, shift = generator.uniform(0.5, 2, channels), generator.normal(size=channels)
    one, other = (each.astype("float32") for each in (scale, shift))
    rows = [np.tile(each, (width, 1)) for each in (one, other)]

    def depthwise(x: tf.Tensor) -> tf.Tensor:
        mapped = tf.nn.depthwise_conv2d(x, one.reshape(1, 1, -1, 1), [1, 1, 1, 1], "VALID")
        return tf.nn.relu(tf.nn.bias_add(mapped, other))

    return {
        "by channel": lambda x: tf.nn.relu(x * one + other),
        "by row": lambda x: tf.nn.relu(x * rows[0] + rows[1]),
        "depthwise": depthwise,
    }


def samples(shape: tuple[int, ...]) -> Iterator[list[np.ndarray]]:
    """Yield what integers are calibrated on."""
    generator = np.random.default_rng(1)
    for _ in range(20):
        yield [generator.normal(size=(1, *shape)).astype("float32")]


def converted(function: Function, shape: tuple[int, ...], *, integers: bool) -> bytes:
    """Return a file of a function."""
    signature = [tf.TensorSpec((1, *shape), tf.float32)]
    concrete = tf.function(function, input_signature=signature).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    if integers:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = functools.partial(samples, shape)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def timed(content: bytes) -> Callable[[], float]:
    """Return a function that runs a file and gives the microseconds of a call."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()

    def run() -> float:
        start = time.perf_counter()
        for _ in range(CALLS):
            interpreter.invoke()
        return 1e6 * (time.perf_counter() - start) / CALLS

    return run


def main() -> None:
    """Print the table."""
    names = tuple(forms(1, 1))
    print(f"{'values':16}{'type':10}" + "".join(f"{name:>12}" for name in names))
    for shape in SHAPES:
        for kind in ("float32", "int8"):
            files = [converted(form, shape, integers=kind == "int8") for form in forms(shape[-1], shape[-2]).values()]
            least = [min(series) for series in in_turns([timed(file) for file in files], TURNS)]
            cells = "".join(f"{each:>12.1f}" for each in least)
            print(f"{' x '.join(map(str, shape)):16}{kind:10}{cells}", flush=True)


if __name__ == "__main__":
    main()
