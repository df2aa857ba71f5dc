"""Named sets of conventions, one for each program that others wrote (fields of `sepzoo.layers.Conventions`)."""

from __future__ import annotations

from sepzoo.support.types import Options

BSCONV: Options = {
    "padding": "symmetric",
    "input_batch_norm": True,
    "batch_norm_momentum": 0.9,
    "batch_norm_epsilon": 1e-5,
    "initializers": "bsconv",
}

TIMM: Options = {  # and torchvision; its tf_ models keep Keras's
    "padding": "symmetric",
    "input_batch_norm": False,
    "batch_norm_momentum": 0.9,
    "batch_norm_epsilon": 1e-5,
}
