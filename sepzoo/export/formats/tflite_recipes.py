"""Recipes of ai-edge-quantizer, which rounds the weights of a float `.tflite` file as TensorFlow's converter doesn't.

Google's AI Edge Quantizer (https://github.com/google-ai-edge/ai-edge-quantizer) takes a rule for each kind of operator.
It keeps running means of the ranges that it sees, which clips; here ranges are the true minimum and maximum.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from unittest import mock

import numpy as np

from sepzoo.export.formats.batches import in_batches
from sepzoo.inference.tflite_signatures import signature_name
from sepzoo.support.types import Tensor


@dataclasses.dataclass(frozen=True)
class Rule:
    """How the operators of one kind are rounded.

    Attributes:
        operator: TFLite's name of the kind, or "*" for all that can be.
        bits: of the weights; None: these operators stay float.
        activation_bits: of the activations; None: they stay float, and weights become float before they are used.
    """

    operator: str
    bits: int | None
    activation_bits: int | None = None


WEIGHTS_INT8 = (Rule("*", 8),)
WEIGHTS_INT4 = (Rule("CONV_2D", 4), Rule("FULLY_CONNECTED", 4))
"""Depthwise kernels stay float: the quantizer has no 4 bits for them, and they are the smallest ones."""
WEIGHTS_INT4_INT8 = (Rule("*", 8), *WEIGHTS_INT4)
INT8_INT4 = (
    Rule("*", 8, 8),
    Rule("CONV_2D", 4, 8),
    Rule("FULLY_CONNECTED", 4, 8),
    Rule("INPUT", None),
    Rule("OUTPUT", None),
)
"""With float inputs and outputs, which every runtime takes."""
TAKEN_WHOLE = 32 * 2**20
"""Bytes of an array up to which the quantizer doesn't take it apart."""


def rounded(
    content: bytes,
    recipe: Collection[Rule],
    samples: Mapping[str, np.ndarray] | None = None,
    *,
    batch_sizes: Collection[int] = (1,),
    float_tensors: Collection[str] = (),
) -> bytes:
    """Return a float file whose operators were rounded by a recipe; a later rule goes before an earlier one.

    Args:
        content: of the float file, without metadata.
        recipe: the rules.
        samples: as the network takes them, by the names of its inputs; rules for activations need them.
        batch_sizes: numbers of samples that the file takes at a time.
        float_tensors: names of tensors; the operators that compute them stay as they are.
    """
    from ai_edge_quantizer import quantizer

    work = quantizer.Quantizer(bytearray(content))
    for rule in recipe:
        if rule.bits is None:
            _keep(work, ".*", rule.operator)
        elif rule.activation_bits is None:
            work.add_weight_only_config(regex=".*", operation_name=_operation(rule.operator), num_bits=rule.bits)
        else:
            work.add_static_config(
                regex=".*",
                operation_name=_operation(rule.operator),
                activation_num_bits=rule.activation_bits,
                weight_num_bits=rule.bits,
            )
    for tensor in float_tensors:
        _keep(work, f"^{re.escape(tensor)};?$", "*")
    # A bias that 32 bits do not hold (of features that are all but zero) is cast all the same; the comparison sees it.
    with warnings.catch_warnings(), np.errstate(invalid="ignore"), _kernels_of_any_size():
        # LiteRT says that to keep all tensors is for debugging; it is what is wanted here.
        warnings.filterwarnings("ignore", r"\s*Warning: Enabling `experimental_preserve_all_tensors`")
        ranges = _ranges(content, work, samples or {}, batch_sizes) if work.need_calibration else None
        return bytes(work.quantize(ranges, enable_progress_report=False).quantized_model)


@contextlib.contextmanager
def _kernels_of_any_size() -> Iterator[None]:
    """Let the quantizer round arrays of more than 32 MiB, whatever their dimensions.

    It takes those apart by rows, and its version 0.10 fails where a row isn't all that a scale is for, as in kernels of
    convolutions. So it gets them as two dimensions, with a scale for each value.
    """
    from ai_edge_quantizer.algorithms.uniform_quantize import uniform_quantize_tensor as module

    whole = module.uniform_quantize

    def by_rows(data: np.ndarray, steps: Tensor, is_blockwise_quant: bool = False) -> np.ndarray:
        if np.ndim(data) <= 2 or data.nbytes <= TAKEN_WHOLE or is_blockwise_quant:
            return whole(data, steps, is_blockwise_quant)
        steps, rows = module.fix_quantization_params_rank(data, steps), (-1, data.shape[-1])
        scale, zero_point = (
            np.broadcast_to(each, data.shape).reshape(rows) for each in (steps.scale, steps.zero_point)
        )
        flat = dataclasses.replace(steps, scale=scale, zero_point=zero_point)
        return whole(data.reshape(rows), flat).reshape(data.shape)

    with mock.patch.object(module, "uniform_quantize", by_rows):
        yield


def _keep(work: Tensor, regex: str, operator: str) -> None:
    work.update_quantization_recipe(regex=regex, operation_name=_operation(operator), algorithm_key="no_quantize")


def _ranges(content: bytes, work: Tensor, samples: Mapping[str, np.ndarray], batch_sizes: Collection[int]) -> Tensor:
    """Return the least and the largest value of each tensor on the samples."""
    from ai_edge_quantizer import calibrator
    from ai_edge_quantizer.utils import qsv_utils

    batches = {signature_name(size): list(in_batches(samples, size)) for size in batch_sizes}
    found = calibrator.Calibrator(bytearray(content), qsv_update_func=qsv_utils.min_max_update)
    found.calibrate(batches, work._recipe_manager)
    return found.get_model_qsvs()


def _operation(name: str) -> Tensor:
    from ai_edge_quantizer import qtyping

    return qtyping.TFLOperationName.ALL_SUPPORTED if name == "*" else qtyping.TFLOperationName(name)
