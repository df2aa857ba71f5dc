"""A `.tflite` file of float inputs run on arrays, as it is converted: without metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from sepzoo.inference.tflite_interpreter import open_interpreter
from sepzoo.inference.tflite_signatures import FIRST
from sepzoo.support.progress import counted
from sepzoo.support.types import Json


def outputs_of(content: bytes, values: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return a file's outputs for samples, one sample at a time: real numbers, in the order of their names.

    Args:
        content: the file.
        values: float samples by the names of its inputs; a quantized input gets them rounded as it says.
    """
    answered = one_by_one(open_interpreter(content), values)
    found = list(counted(answered, count_of(values), "samples answered"))
    return [np.concatenate([each[name] for each in found]) for name in sorted(found[0])]


def one_by_one(interpreter: Interpreter, values: Mapping[str, np.ndarray]) -> Iterator[dict[str, np.ndarray]]:
    """Yield a file's outputs for each sample, by their names; its tensors can be looked at meanwhile.

    Args:
        interpreter: that holds the file.
        values: as `outputs_of` takes them.
    """
    run = interpreter.get_signature_runner(FIRST)
    sources, targets = run.get_input_details(), run.get_output_details()
    for number in range(count_of(values)):
        given = {name: _quantized(values[name][number][None], sources[name]) for name in sources}
        yield {name: _real(np.array(found), targets[name]) for name, found in run(**given).items()}


def count_of(values: Mapping[str, np.ndarray]) -> int:
    """Return how many samples there are."""
    return len(next(iter(values.values())))


def _quantized(values: np.ndarray, detail: Json) -> np.ndarray:
    dtype, (scale, zero) = np.dtype(detail["dtype"]), detail["quantization"]
    if not scale:
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.round(values / scale + zero), limits.min, limits.max).astype(dtype)


def _real(values: np.ndarray, detail: Json) -> np.ndarray:
    scale, zero = detail["quantization"]
    return (values.astype(np.float64) - zero) * scale if scale else values.astype(np.float64)
