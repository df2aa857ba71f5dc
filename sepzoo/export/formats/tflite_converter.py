"""TensorFlow's TFLite converter: this module alone knows it, so that another can take its place.

A network as it was prepared is saved once as a SavedModel; each function makes the bytes of a `.tflite` file of it,
without metadata. For integers the network is calibrated once, and its calibrated file rounded in as many ways as are
wanted, in hundredths of a second each.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import keras
import numpy as np

from sepzoo.export.formats.batches import calibrating
from sepzoo.export.formats.saved_functions import save_functions
from sepzoo.export.formats.saved_graph import places_of
from sepzoo.export.formats.tflite_options import Edges
from sepzoo.inference.tflite_signatures import signature_name
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor

Rows: TypeAlias = Mapping[str, np.ndarray]
"""Samples as the network takes them, by the names of its inputs."""

_INTEGERS_16 = ("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8", "TFLITE_BUILTINS")
"""The converter's names of operators whose activations have 16 bits, and of those that compute in floats.

Without the second it refuses a network with PReLU, hard-swish or others that have no 16 bits; where all have, it gives
the same bytes.
"""


def save(model: keras.Model, path: Path, *, batch_sizes: Collection[int] = (1,)) -> None:
    """Write the SavedModel that the functions below read.

    Args:
        model: its inputs and outputs keep their names.
        path: of the folder.
        batch_sizes: numbers of samples that the file takes at a time, a signature each.
    """
    import tensorflow as tf

    functions = {}
    for size in batch_sizes:
        signature = [tf.TensorSpec((size, *given.shape[1:]), given.dtype, name=given.name) for given in model.inputs]
        called = tf.function(functools.partial(_called, model), autograph=False)  # as Keras calls it
        functions[signature_name(size)] = called.get_concrete_function(*signature)
    save_functions(functions, model, path)


def _called(model: keras.Model, *inputs: Tensor) -> dict[str, Tensor]:
    """Return a network's outputs by name."""
    found = model(list(inputs) if len(inputs) > 1 else inputs[0], training=False)
    return found if isinstance(found, dict) else {"output_0": found}


def floats(saved: Path, *, weights: Literal["float32", "float16", "int8"] = "float32") -> bytes:
    """Return a file that computes in floats.

    Args:
        saved: the SavedModel.
        weights: how they are stored. Kernels of less than 1024 elements stay float32 in "int8".
    """
    import tensorflow as tf

    converter = _converter(saved, ["TFLITE_BUILTINS"])
    if weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return _converted(converter)


def calibrated(saved: Path, samples: Rows, network: str, *, batch_sizes: Collection[int] = (1,)) -> bytes:
    """Return a float file in which the range of each tensor stands, for `integers`.

    Args:
        saved: the SavedModel.
        samples: the ranges come from them.
        network: its name, for errors.
        batch_sizes: those that it was saved with.

    Raises:
        SepzooError: the network has a loop.
    """
    converter = _calibrating(saved, ["TFLITE_BUILTINS_INT8"], samples, network, batch_sizes)
    converter._experimental_calibrate_only = True
    return _converted(converter)


def integers(
    calibrated: bytes, *, edges: Edges = "uint8", per_channel: bool = True, float_tensors: Collection[str] = ()
) -> bytes:
    """Return a file that computes in 8-bit integers.

    Args:
        calibrated: what `calibrated` gave.
        edges: the type of its inputs and outputs.
        per_channel: whether each channel of a kernel has a scale of its own.
        float_tensors: names of tensors; the operators that compute them stay as they are.
    """
    import tensorflow as tf
    from tensorflow.lite.python import convert

    dtype = tf.as_dtype("float32" if edges == "float" else edges)
    rounded = convert.mlir_quantize(
        calibrated,
        disable_per_channel=not per_channel,
        input_data_type=dtype,
        output_data_type=dtype,
        denylisted_nodes=set(float_tensors) or None,
    )
    return bytes(convert.deduplicate_readonly_buffers(rounded))


def integers_16(saved: Path, samples: Rows, network: str, *, batch_sizes: Collection[int] = (1,)) -> bytes:
    """Return a file of 16-bit activations, 8-bit weights and float edges; its arguments are those of `calibrated`.

    Operators that TFLite doesn't have for 16 bits compute in floats.
    """
    return _converted(_calibrating(saved, _INTEGERS_16, samples, network, batch_sizes))


def trained(saved: Path, samples: Rows | None, *, edges: Edges = "uint8", batch_sizes: Collection[int] = (1,)) -> bytes:
    """Return a file that computes in 8-bit integers on the steps that stand in its graph.

    Args:
        saved: the SavedModel of a network whose layers round by Keras's `fake_quant_with_min_max_vars`.
        samples: the ranges that do not stand there come from them; None: they stay unknown, and what has one is float.
        edges: the type of its inputs and outputs.
        batch_sizes: those that it was saved with.
    """
    import tensorflow as tf

    converter = _converter(saved, ["TFLITE_BUILTINS" if samples is None else "TFLITE_BUILTINS_INT8"])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if samples is not None:
        converter.representative_dataset = functools.partial(_feeds, samples, batch_sizes)
    dtype = tf.as_dtype("float32" if edges == "float" else edges)
    converter.inference_input_type = converter.inference_output_type = dtype
    return _converted(converter)


def _converter(saved: Path, operators: Sequence[str]) -> Tensor:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.target_spec.supported_ops = [tf.lite.OpsSet[each] for each in operators]
    return converter


def _calibrating(
    saved: Path, operators: Sequence[str], samples: Rows, network: str, batch_sizes: Collection[int]
) -> Tensor:
    import tensorflow as tf

    _require_no_loop(saved, network)
    converter = _converter(saved, operators)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = functools.partial(_feeds, samples, batch_sizes)
    return converter


def _converted(converter: Tensor) -> bytes:
    with warnings.catch_warnings():  # the converter itself uses what TensorFlow warns of, where samples have names
        warnings.filterwarnings("ignore", r"\s*Warning: tf\.lite\.Interpreter is deprecated")
        return bytes(converter.convert())


def _feeds(samples: Rows, batch_sizes: Collection[int]) -> Iterator[Tensor]:
    """Yield what each signature is calibrated on; of one signature with one input the converter wants a list alone."""
    for size in batch_sizes:
        for feed in calibrating(samples, size):
            if len(batch_sizes) > 1:
                yield signature_name(size), feed
            else:
                yield list(feed.values()) if len(feed) == 1 else feed


def _require_no_loop(saved: Path, network: str) -> None:
    """Raise where a saved graph has a loop: the converter ends the process when it calibrates one.

    Raises:
        SepzooError: it has one, from a layer or from a function such as `keras.ops.scan`.
    """
    if places_of(("While", "StatelessWhile"), saved):
        raise SepzooError(
            f"expected a network without a loop to calibrate. Received: {network!r}, which has one. Export "
            "tflite:float16 or tflite:dynamic, or write the loop out."
        )
