"""`.tflite` files, run by LiteRT; neither TensorFlow nor Keras is imported."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.tflite_description import describe
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import quiet
from sepzoo.support.types import DType, Json

_IDENTIFIER = slice(4, 8), b"TFL3"
_PIXELS = np.arange(256)
_HALF_STEP = 0.51


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How a tensor's integers stand for real numbers: `real = (integer - zero_point) * scale`; scale 0: not at all."""

    scale: float
    zero_point: int
    dtype: DType

    def quantize(self, values: np.ndarray) -> np.ndarray:
        """Return real numbers as the tensor's integers, cut to its type's range."""
        limits = np.iinfo(self.dtype)
        return np.clip(np.round(values / self.scale + self.zero_point), limits.min, limits.max).astype(self.dtype)

    def dequantize(self, values: np.ndarray) -> np.ndarray:
        """Return the tensor's integers as float32; a float tensor comes back as it is."""
        if not self.scale:
            return values.astype(np.float32)
        return (values.astype(np.float32) - self.zero_point) * np.float32(self.scale)

    def pixel_table(self, preprocessing: Preprocessing, channels: int) -> np.ndarray:
        """Return what each pixel value 0..255 becomes, (256, channels).

        Where the normalized pixels fall on the integers but for half a step, the pixels themselves are the integers
        (for int8 less 128): rounding -1 … 1 in 255 steps would hit ties, and merge pairs of neighbouring values.
        """
        normalized = preprocessing.normalize(np.repeat(_PIXELS[:, None], channels, axis=1))
        as_they_are = np.repeat((_PIXELS + np.iinfo(self.dtype).min)[:, None], channels, axis=1)
        distance = np.abs(normalized / self.scale + self.zero_point - as_they_are).max()
        return as_they_are.astype(self.dtype) if distance < _HALF_STEP else self.quantize(normalized)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TfliteClassifier(Classifier):
    """A `.tflite` file behind the face that all files share.

    Attributes:
        input_quantization, output_quantization: of its input and output.
        interpreter: LiteRT's, holding the file.
    """

    input_quantization: Quantization
    output_quantization: Quantization
    interpreter: Interpreter

    def prepare(self, pixels: np.ndarray) -> np.ndarray:
        """Return the pixels as the file's input: normalized, and quantized where the input is."""
        preprocessing = self.require_preprocessing()
        if not self.input_quantization.scale:
            return self.encode(preprocessing.normalize(pixels))
        channels = np.arange(pixels.shape[-1])
        return self.input_quantization.pixel_table(preprocessing, len(channels))[pixels, channels]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return real numbers as the file's input: quantized where the input is."""
        quantization = self.input_quantization
        return quantization.quantize(values) if quantization.scale else values.astype(quantization.dtype)

    def run(self, tensor: np.ndarray) -> np.ndarray:
        """Return the outputs, dequantized, float32 (n, *output_shape); a fixed batch runs that many at a time."""
        try:
            self._fit_batch(len(tensor))
            return self.output_quantization.dequantize(self._run(tensor))
        except (RuntimeError, ValueError) as error:  # ValueError: an output of another shape than the file says
            raise SepzooError(f"{self.name}: LiteRT cannot run this file ({first_line(error)}).") from error

    def _run(self, tensor: np.ndarray) -> np.ndarray:
        source, target = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        batch = int(source["shape"][0])
        outputs = []
        for start in range(0, len(tensor), batch):
            chunk = tensor[start : start + batch]
            rest = np.zeros((batch - len(chunk), *chunk.shape[1:]), chunk.dtype)
            self.interpreter.set_tensor(source["index"], np.concatenate([chunk, rest]) if len(rest) else chunk)
            self.interpreter.invoke()
            raw = self.interpreter.get_tensor(target["index"]).reshape(batch, *self.output_shape)
            outputs.append(raw[: len(chunk)])
        return np.concatenate(outputs)

    def _fit_batch(self, count: int) -> None:
        """Give an input whose batch is free the batch that comes."""
        details = self.interpreter.get_input_details()[0]
        if details["shape_signature"][0] == -1 and details["shape"][0] != count:
            self.interpreter.resize_tensor_input(details["index"], (count, *details["shape"][1:]))
            with quiet():
                self.interpreter.allocate_tensors()


def read(path: Path, threads: int) -> TfliteClassifier:
    """Open a `.tflite` file; see `sepzoo.inference.open`."""
    content = path.read_bytes()
    place, identifier = _IDENTIFIER
    if content[place] != identifier:
        raise SepzooError(f"{path}: expected a TFLite file. Received: another thing, or a damaged file.")
    try:
        interpreter = _interpreter(content, threads)
        description = describe(content)
    except Exception as error:  # a damaged file makes the runtime and the FlatBuffers reader raise almost anything
        raise SepzooError(f"{path}: expected a TFLite file. Received: a damaged one ({first_line(error)}).") from error
    source, target = _one(path, "input", interpreter), _one(path, "output", interpreter)
    quantization = _quantization(source)
    preprocessing = (
        None if description.features else description.preprocessing or _pixels_as_they_are(source, quantization)
    )
    return TfliteClassifier(
        metadata=Metadata(
            name=description.name or path.stem,
            labels=description.labels,
            preprocessing=preprocessing,
            features=description.features,
            outputs=description.outputs,
        ),
        input_shape=tuple(int(size) for size in source["shape"][1:]),
        output_shape=tuple(int(size) for size in target["shape"][1:]),
        end=description.end,
        output_name=str(target["name"]),
        operators=description.operators,
        input_quantization=quantization,
        output_quantization=_quantization(target),
        interpreter=interpreter,
    )


def _interpreter(content: bytes, threads: int) -> Interpreter:
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    return interpreter


def _one(path: Path, side: str, interpreter: Interpreter) -> dict[str, Json]:
    details = interpreter.get_input_details() if side == "input" else interpreter.get_output_details()
    if len(details) != 1:
        raise SepzooError(f"{path}: expected a model of one {side}. Received: {len(details)} of them.")
    return details[0]


def _quantization(details: dict[str, Json]) -> Quantization:
    scale, zero_point = details["quantization"]
    return Quantization(float(scale), int(zero_point), details["dtype"])


def _pixels_as_they_are(details: dict[str, Json], quantization: Quantization) -> Preprocessing | None:
    """Return the normalization under which uint8 images go in as they are: so such a file is meant if it is silent."""
    if len(details["shape"]) != 4 or quantization.dtype != np.uint8 or not quantization.scale:
        return None
    return Preprocessing(mean=(float(quantization.zero_point),), std=(1 / quantization.scale,))
