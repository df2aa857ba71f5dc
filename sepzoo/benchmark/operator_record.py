"""One operator of a TFLite file, as far as its time depends on it: name, settings, shapes and types, no weights."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

Role = Literal["input", "constant", "variable"]
Option = bool | int | float | str | tuple[int, ...]

WHOLE = ("int32", "int64")


@dataclasses.dataclass(frozen=True)
class OperatorTensor:
    """What an operator takes or gives.

    Attributes:
        shape: with the batch.
        dtype: of its values, as TFLite names it in small letters: "float32", "int8", "int4".
        role: of what the operator takes: whether it comes at run time, stands in the file, or is kept between runs.
        scales: how many the quantized values have: 0 for real numbers, 1, or one for each channel.
        axis: of the channels that have a scale each.
        values: of a tensor of whole numbers that decides what is computed, such as the axes of a mean.

    Example:
        >>> print(OperatorTensor((1, 8, 8, 3), "int8", scales=1))
        int8*1[1,8,8,3]
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    role: Role = "input"
    scales: int = 0
    axis: int = 0
    values: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """That it takes; two values of four bits share one."""
        return -(-self.size * bits(self.dtype) // 8)

    def __str__(self) -> str:
        role = "" if self.role == "input" else f"{self.role} "
        scales = f"*{self.scales}" if self.scales else ""
        axis = f"@{self.axis}" if self.scales > 1 else ""
        values = "" if self.values is None else f"={','.join(map(str, self.values))}"
        return f"{role}{self.dtype}{scales}{axis}[{','.join(map(str, self.shape))}]{values}"


@dataclasses.dataclass(frozen=True)
class Operator:
    """One operator: those of equal records take equally long. `make_operator` and `read_operators` give them.

    Attributes:
        name: as TFLite has it, such as "CONV_2D".
        inputs: what it takes; None stands for one that is left out, such as a bias.
        outputs: what it gives.
        options: its settings that are not TFLite's default, by name, sorted.
        option_type: TFLite's name of the table of these, such as "Conv2DOptions"; empty where it has none.

    Example:
        >>> from sepzoo.benchmark import make_operator
        >>> print(make_operator("conv", (1, 8, 8, 3), filters=4, kernel_size=3))
        CONV_2D(float32[1,8,8,3], constant float32[4,3,3,3], constant float32[4]) -> float32[1,8,8,4]; strideH=1, strideW=1
    """  # noqa: E501  (the record is one line)

    name: str
    inputs: tuple[OperatorTensor | None, ...]
    outputs: tuple[OperatorTensor, ...]
    options: tuple[tuple[str, Option], ...] = ()
    option_type: str = ""

    @property
    def given(self) -> tuple[OperatorTensor, ...]:
        """The inputs that come at run time."""
        return tuple(each for each in self.inputs if each is not None and each.role == "input")

    @property
    def constants(self) -> tuple[OperatorTensor, ...]:
        """The inputs that stand in the file: weights, biases, axes."""
        return tuple(each for each in self.inputs if each is not None and each.role == "constant")

    @property
    def dtype(self) -> str:
        """The type of what it gives."""
        return self.outputs[0].dtype if self.outputs else ""

    @property
    def weights(self) -> int:
        """Bytes of what stands in the file."""
        return sum(each.bytes for each in self.constants)

    @property
    def bytes(self) -> int:
        """That it reads and writes, each once: inputs, weights, outputs."""
        return sum(each.bytes for each in (*self.given, *self.constants, *self.outputs))

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a convolution or a product of matrices; 0 of other operators."""
        if self.name not in _MATRIX_OPERATORS:
            return 0
        weights = self.inputs[1]
        assert weights is not None
        if self.name == "DEPTHWISE_CONV_2D":
            return self.outputs[0].size * math.prod(weights.shape[1:3])
        if self.name == "TRANSPOSE_CONV":
            taken = self.inputs[2]
            assert taken is not None
            return taken.size * weights.shape[0] * math.prod(weights.shape[1:3])
        if self.name == "BATCH_MATMUL":
            adjoint = dict(self.options).get("adjY", False)
            return self.outputs[0].size * weights.shape[-1 if adjoint else -2]
        return self.outputs[0].size * math.prod(weights.shape[1:])

    @property
    def key(self) -> str:
        """The whole record as text: what a table of measured times finds it by."""
        return str(self)

    def __str__(self) -> str:
        taken = ", ".join("none" if each is None else str(each) for each in self.inputs)
        options = f"; {', '.join(f'{name}={_text(value)}' for name, value in self.options)}" if self.options else ""
        return f"{self.name}({taken}) -> {', '.join(map(str, self.outputs))}{options}"


_MATRIX_OPERATORS = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "BATCH_MATMUL"}


def bits(dtype: str) -> int:
    """Return how many bits a value of a type has.

    Example:
        >>> bits("float32"), bits("int4"), bits("bool")
        (32, 4, 8)
    """
    return int("".join(each for each in dtype if each.isdigit()) or 8)


def _text(value: Option) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
