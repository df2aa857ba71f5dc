"""The names of the targets, with what each is good for and what it needs; neither Keras nor a converter is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.packages import require_installed


@dataclasses.dataclass(frozen=True)
class TargetName:
    """A format that a network can be exported to, as it is listed.

    Attributes:
        name: as `sepzoo export --to` takes it.
        use: what it is and where it serves, in a few words.
        packages: the names by which the optional packages are imported that write it and run it.
        extra: the extra of sepzoo that installs them.

    Example:
        >>> TARGET_NAMES[0]
        TargetName(name='tflite:float32', use=..., packages=(), extra=None)
    """

    name: str
    use: str
    packages: tuple[str, ...] = ()
    extra: str | None = None

    def require_packages(self) -> None:
        """See that what this target needs is installed.

        Raises:
            SepzooError: it isn't; the extra that installs it is named.
        """
        require_installed(self.name, self.packages, self.extra)


_QUANT = (("ai_edge_quantizer",), "quant")

TARGET_NAMES = (
    TargetName("tflite:float32", "the network's own answers, on any device"),
    TargetName("tflite:float16", "weights of half the size, for GPUs and CPUs"),
    TargetName("tflite:dynamic", "8-bit weights, float activations, for CPUs"),
    TargetName("tflite:int8", "8-bit integers throughout, for NPUs, microcontrollers and CPUs"),
    TargetName("tflite:int8_float_io", "the same with float inputs and outputs"),
    TargetName("tflite:int8_per_tensor", "the same with one scale a kernel, for hardware that knows no other"),
    TargetName("tflite:int16x8", "16-bit activations, 8-bit weights, where int8 loses too much"),
    TargetName("tflite:weights_int8", "8-bit weights, float activations, for small downloads", *_QUANT),
    TargetName("tflite:weights_int4", "4-bit weights but for depthwise ones, which stay float", *_QUANT),
    TargetName("tflite:weights_int4_int8", "4-bit weights, depthwise ones 8-bit", *_QUANT),
    TargetName("tflite:int8_int4", "8-bit activations, 4-bit weights, depthwise ones 8-bit", *_QUANT),
    TargetName("xla", "a SavedModel that XLA compiles, for GPU servers"),
    TargetName("xla:cpu", "a SavedModel that XLA compiles, for servers without GPUs"),
    TargetName("stablehlo", "one function for CPUs, GPUs and TPUs, for JAX and other compilers", ("jax",), "jax"),
    TargetName("onnx", "ONNX Runtime and the many programs that read ONNX", ("tf2onnx", "onnxruntime"), "onnx"),
    TargetName("onnx:int8", "8-bit integers in ONNX Runtime", ("tf2onnx", "onnxruntime"), "onnx"),
    TargetName("openvino", "OpenVINO, for Intel's CPUs, GPUs and NPUs", ("openvino",), "openvino"),
    TargetName("openvino:int8", "8-bit integers in OpenVINO", ("openvino", "nncf"), "openvino"),
    TargetName("browser", "one page that names what pictures show, in any browser, without a network"),
    TargetName("browser:int8", "the same with a quarter of the weights' bytes, and faster"),
)
"""Every target in the order of lists; a new one is a row here and a `Target` in its format's file."""

ALL = "all"
"""Instead of targets' names: each is tried, and one that fails is a row of the table that says why."""


def named(name: str) -> TargetName:
    """Return the row of a name.

    Raises:
        KeyError: there is none.
    """
    return {row.name: row for row in TARGET_NAMES}[name]


def check_targets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of targets, each once.

    Raises:
        SepzooError: one is not known; the nearest are offered, and all named.

    Example:
        >>> check_targets(["xla", "xla"])
        ('xla',)
    """
    known = [row.name for row in TARGET_NAMES]
    for name in names:
        if name not in known:
            raise unknown("target", name, known, list_all=True)
    return tuple(dict.fromkeys(names))


def wanted_targets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of targets as `check_targets` does; of `all`, which stands alone, those of all.

    Raises:
        SepzooError: as `check_targets`, or other names beside `all`.

    Example:
        >>> wanted_targets(["all"])[:2]
        ('tflite:float32', 'tflite:float16')
    """
    if ALL not in names:
        return check_targets(names)
    if set(names) != {ALL}:
        raise SepzooError(f"expected {ALL} alone, or names of formats. Received: {','.join(names)}.")
    return tuple(row.name for row in TARGET_NAMES)
