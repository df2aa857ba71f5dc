"""Training speed of a grouped 3 x 3 convolution: Keras's own against ours, which takes it apart.

`python benchmarks/grouped.py` prints, for each case, milliseconds for the output and both gradients: the median and the
quartiles of five runs that take turns, and their ratio.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from timing import in_turns, ratio, spread, training_step

from sepzoo.layers.grouped import GroupedConv2D

CASES = ((32, 32, 64, 4), (32, 16, 128, 8), (32, 16, 128, 32), (32, 8, 256, 64))  # batch, size, channels, groups
RUNS = 5


def main() -> None:
    """Print the table."""
    print(f"{'batch size channels groups':28}{'Keras, ms':>24}{'ours, ms':>24}{'ratio':>8}")
    for batch, size, channels, groups in CASES:
        x = tf.constant(np.random.default_rng(0).normal(size=(batch, size, size, channels)).astype("float32"))
        layers = [cls(channels, 3, groups=groups, padding="same") for cls in (keras.layers.Conv2D, GroupedConv2D)]
        for layer in layers:
            layer.build(x.shape)
        builtin, ours = in_turns([training_step(layer, x, [layer.kernel]) for layer in layers], RUNS)
        case = f"{batch} {size} {channels} {groups}"
        print(f"{case:28}{spread(builtin, 1):>24}{spread(ours, 1):>24}{ratio(builtin, ours):>8.1f}", flush=True)


if __name__ == "__main__":
    main()
