"""`.tflite` files, run by LiteRT; neither TensorFlow nor Keras is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.tensors import InputTensor, OutputTensor, names_of, restored
from sepzoo.inference.tflite_description import describe
from sepzoo.inference.tflite_interpreter import open_interpreter
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import quiet
from sepzoo.support.types import Arrays, DType, Json

_IDENTIFIER = slice(4, 8), b"TFL3"
_PIXELS = np.arange(256)
_HALF_STEP = 0.51


@dataclasses.dataclass(frozen=True)
class Quantization:
    """How a tensor's integers stand for real numbers: `real = (integer - zero_point) * scale`; scale 0: not at all."""

    scale: float
    zero_point: int
    dtype: DType

    @property
    def real_dtype(self) -> str:
        """The type of the numbers that are meant."""
        return "float32" if self.scale else str(np.dtype(self.dtype))

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
        """Return what each pixel value 0..255 becomes in each channel of the input, (256, channels).

        Where the normalized pixels fall on the integers but for half a step, the pixels themselves are the integers
        (for int8 less 128): rounding -1 … 1 in 255 steps would hit ties, and merge pairs of neighbouring values.
        """
        normalized = preprocessing.normalize(np.repeat(_PIXELS[:, None], channels, axis=1))
        as_they_are = np.repeat((_PIXELS + np.iinfo(self.dtype).min)[:, None], channels, axis=1)
        distance = np.abs(normalized / self.scale + self.zero_point - as_they_are).max()
        return as_they_are.astype(self.dtype) if distance < _HALF_STEP else self.quantize(normalized)


@dataclasses.dataclass(frozen=True)
class FileTensor:
    """An input or output of a `.tflite` file.

    Attributes:
        name: as the file's signature, else its tensor, has it.
        number: of its tensor.
        shape: of one sample.
        quantization: how its integers are meant.
        key: as the file's signature has it.
    """

    name: str
    number: int
    shape: tuple[int, ...]
    quantization: Quantization
    key: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class TfliteClassifier(Classifier):
    """A `.tflite` file behind the face that all files share.

    Attributes:
        sources, targets: its inputs and outputs, in the order of `input_tensors` and `output_tensors`.
        interpreter: LiteRT's, holding the file.
        signatures: number of samples at a time -> name of the signature that takes them.
        signature: that runs; None: the first graph.
    """

    sources: tuple[FileTensor, ...]
    targets: tuple[FileTensor, ...]
    interpreter: Interpreter
    signatures: Mapping[int, str] = dataclasses.field(default_factory=dict)
    signature: str | None = None

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Numbers of samples that the file takes at a time, a signature each; empty where none says it."""
        return tuple(self.signatures)

    def of_batch(self, size: int) -> TfliteClassifier:
        """Return the same file, run by the signature that takes so many samples at a time.

        Raises:
            SepzooError: there is none.
        """
        if size not in self.signatures:
            raise SepzooError(
                f"expected one of the numbers of samples that {self.name} takes at a time: "
                f"{', '.join(map(str, self.signatures)) or 'none is said'}. Received: {size}."
            )
        return dataclasses.replace(self, signature=self.signatures[size])

    @property
    def input_quantization(self) -> Quantization:
        """Of the first input."""
        return self.sources[0].quantization

    @property
    def output_quantization(self) -> Quantization:
        """Of the first output."""
        return self.targets[0].quantization

    def prepare(self, pixels: np.ndarray, name: str | None = None) -> np.ndarray:
        """Return the pixels as the file's input: normalized, and quantized where the input is."""
        preprocessing = self.said_of(name).require_preprocessing()
        quantization = self._quantization_of(name)
        if not quantization.scale:
            return self.encode(preprocessing.normalize(pixels), name)
        channels = np.arange(pixels.shape[-1])
        return quantization.pixel_table(preprocessing, len(channels))[preprocessing.in_order(pixels), channels]

    def encode(self, values: np.ndarray, name: str | None = None) -> np.ndarray:
        """Return real numbers as the file's input: quantized where the input is."""
        quantization = self._quantization_of(name)
        return quantization.quantize(values) if quantization.scale else values.astype(quantization.dtype)

    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs, dequantized, float32 (n, *output_shape); a fixed batch runs that many at a time."""
        given = self._in_order(tensor)
        try:
            batch = self._fit_batch(len(given[0]))
            chunks = [
                self._run([array[start : start + batch] for array in given], batch)
                for start in range(0, len(given[0]), batch)
            ]
        except (RuntimeError, ValueError) as error:  # ValueError: an output of another shape than the file says
            raise SepzooError(f"{self.name}: LiteRT cannot run this file ({first_line(error)}).") from error
        return self._by_name(
            target.quantization.dequantize(np.concatenate(parts))
            for target, parts in zip(self.targets, zip(*chunks, strict=True), strict=True)
        )

    def _run(self, given: list[np.ndarray], batch: int) -> list[np.ndarray]:
        """Return the raw outputs for up to `batch` samples; what is lacking is filled with zeros, and cut off again."""
        count = len(given[0])
        whole = [
            np.concatenate([array, np.zeros((batch - count, *array.shape[1:]), array.dtype)])
            if count < batch
            else array
            for array in given
        ]
        if self.signature is not None:
            named = {source.key: array for source, array in zip(self.sources, whole, strict=True)}
            found = self.interpreter.get_signature_runner(self.signature)(**named)
            return [np.array(found[target.key]).reshape(batch, *target.shape)[:count] for target in self.targets]
        for source, array in zip(self.sources, whole, strict=True):
            self.interpreter.set_tensor(source.number, array)
        self.interpreter.invoke()
        return [
            self.interpreter.get_tensor(target.number).reshape(batch, *target.shape)[:count] for target in self.targets
        ]

    def _fit_batch(self, count: int) -> int:
        """Return how many samples run at a time, once inputs whose batch is free have been given that batch."""
        if self.signature is not None:
            return next(size for size, name in self.signatures.items() if name == self.signature)
        details = self.interpreter.get_input_details()
        fixed = {int(each["shape"][0]) for each in details if each["shape_signature"][0] != -1}
        batch = min(fixed) if fixed else count
        free = [each for each in details if each["shape_signature"][0] == -1 and each["shape"][0] != batch]
        for each in free:
            self.interpreter.resize_tensor_input(each["index"], (batch, *each["shape"][1:]))
        if free:
            with quiet():
                self.interpreter.allocate_tensors()
        return batch

    def _quantization_of(self, name: str | None) -> Quantization:
        return self.sources[self.input_tensors.index(self.input_of(name))].quantization


def read(path: Path, threads: int) -> TfliteClassifier:
    """Open a `.tflite` file; see `sepzoo.inference.open`."""
    return read_content(path.read_bytes(), path, threads)


def read_content(content: bytes, path: Path, threads: int = 1, *, keep_all: bool = False) -> TfliteClassifier:
    """Open the bytes of a `.tflite` file.

    Args:
        content: the bytes.
        path: where they are from, for errors and as a name.
        threads: that LiteRT may use.
        keep_all: whether all tensors can be looked at after a run.

    Raises:
        SepzooError: they are another thing, or damaged.
    """
    place, identifier = _IDENTIFIER
    if content[place] != identifier:
        raise SepzooError(f"{path}: expected a TFLite file. Received: another thing, or a damaged file.")
    try:
        interpreter = open_interpreter(content, threads, keep_all=keep_all)
        description = describe(content)
    except Exception as error:  # a damaged file makes the runtime and the FlatBuffers reader raise almost anything
        raise SepzooError(f"{path}: expected a TFLite file. Received: a damaged one ({first_line(error)}).") from error
    inputs = _tensors(
        path, "input", restored(description.inputs, names_of(description.several)), interpreter, description.inputs
    )
    ends = restored(description.ends, names_of(description.outputs or ()))
    numbers, keys = ({name: number for name, (number, _end) in each.items()} for each in (ends, description.ends))
    outputs = _tensors(path, "output", numbers, interpreter, keys)
    metadata = Metadata(
        name=description.name or path.stem,
        labels=description.labels,
        preprocessing=description.preprocessing,
        features=description.features,
        outputs=description.outputs,
        several=description.several,
    )
    return TfliteClassifier(
        metadata=_as_they_are(metadata, inputs),
        input_tensors=tuple(InputTensor(each.name, each.shape, each.quantization.real_dtype) for each in inputs),
        output_tensors=tuple(
            OutputTensor(each.name, each.shape, end)
            for each, (_number, end) in zip(outputs, ends.values(), strict=True)
        ),
        operators=description.operators,
        operator_versions=description.operator_versions,
        signatures=description.signatures,
        sources=inputs,
        targets=outputs,
        interpreter=interpreter,
    )


def _tensors(
    path: Path, side: str, names: Mapping[str, int], interpreter: Interpreter, keys: Mapping[str, int]
) -> tuple[FileTensor, ...]:
    """Return the inputs or outputs of a file; one alone is called as its tensor is.

    Args:
        path: of the file.
        side: "input" or "output".
        names: under which they are offered -> numbers of their tensors.
        interpreter: holds the file.
        keys: names that the file's signature has for them -> the same numbers.
    """
    listed = interpreter.get_input_details() if side == "input" else interpreter.get_output_details()
    details: dict[int, dict[str, Json]] = {int(each["index"]): each for each in listed}
    if not names:
        raise SepzooError(f"{path}: expected a model of one {side} or more. Received: one without.")
    found = []
    for name, number in names.items():
        shape = tuple(int(size) for size in details[number]["shape"])
        if not shape:
            raise SepzooError(f"{path}: expected an {side} of one row a sample. Received: {name!r}, a number alone.")
        title = name if len(names) > 1 else str(details[number]["name"])
        scale, zero_point = details[number]["quantization"]
        quantization = Quantization(float(scale), int(zero_point), details[number]["dtype"])
        key = next((key for key, of in keys.items() if of == number), "")
        found.append(FileTensor(title, number, shape[1:], quantization, key))
    return tuple(found)


def _as_they_are(metadata: Metadata, inputs: Sequence[FileTensor]) -> Metadata:
    """Return a record in which inputs of uint8 take pixels as they are, where the file says nothing: so it is meant."""
    meant = {each.name: found for each in inputs if (found := _pixels_as_they_are(each)) is not None}
    if not meant or metadata.inputs is not None:
        return metadata
    if len(inputs) == 1:
        return metadata.updated(preprocessing=meant[inputs[0].name])
    said = names_of(metadata.several)
    return metadata.updated(preprocessing={name: found for name, found in meant.items() if name not in said})


def _pixels_as_they_are(tensor: FileTensor) -> Preprocessing | None:
    quantization = tensor.quantization
    if len(tensor.shape) != 3 or quantization.dtype != np.uint8 or not quantization.scale:
        return None
    return Preprocessing(mean=(float(quantization.zero_point),), std=(1 / quantization.scale,))
