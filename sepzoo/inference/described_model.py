"""What is known of an opened model before it is run: what it takes, what it gives, and whether that fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Self

from sepzoo.inference.metadata_checks import check_inputs, fitted, said_of
from sepzoo.inference.said_outputs import check_outputs, classes_of, outputs_of, score_position
from sepzoo.inference.tensors import InputTensor, OutputTensor
from sepzoo.records.inputs import Features, Preparation
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import End, Output, Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DescribedModel:
    """A model, its inputs and outputs, and what is said of them.

    Attributes:
        metadata: name, labels, what it takes and gives, as the file or the caller says.
        input_shape: of one sample: (height, width, channels) of an image, or that of an array of features; () of a
            network of several inputs.
        output_shape: of what it gives for one sample; of several outputs that of the one with class scores, () where
            not exactly one has them.
        end: what its graph does last, to the same output.
        output_name: of that output, as `--output-kind OUTPUT=KIND` may say it; None where it has none.
        operators: operator name -> how often it stands in the file; empty where the format has none.
        input_tensors, output_tensors: all its inputs and outputs.
    """

    metadata: Metadata
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    end: End = "other"
    output_name: str | None = None
    operators: Mapping[str, int] = dataclasses.field(default_factory=dict)
    operator_versions: Mapping[str, int] = dataclasses.field(default_factory=dict)
    input_tensors: tuple[InputTensor, ...] = ()
    output_tensors: tuple[OutputTensor, ...] = ()

    def __post_init__(self) -> None:
        inputs = self.input_tensors or (InputTensor(None, self.input_shape),)
        outputs = self.output_tensors or (OutputTensor(self.output_name, self.output_shape, self.end),)
        metadata = fitted(self.metadata, inputs)
        check_outputs(metadata, outputs)
        for each in inputs:
            check_inputs(said_of(metadata, each, len(inputs)), each.shape)
        scores = [each for each, output in zip(outputs, outputs_of(metadata, outputs), strict=True) if output.scores]
        shown = outputs[0] if len(outputs) == 1 else scores[0] if len(scores) == 1 else OutputTensor(None, ())
        derived = {
            "metadata": metadata,
            "input_tensors": inputs,
            "output_tensors": outputs,
            "input_shape": inputs[0].shape if len(inputs) == 1 else (),
            "output_shape": shown.shape,
            "end": shown.end,
            "output_name": shown.name,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """Of the network."""
        return self.metadata.name

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The classes' names in the order of the outputs, or None where the file has none."""
        return self.metadata.labels

    @property
    def preprocessing(self) -> Preprocessing | None:
        """From pixels to the input, or None where the file does not say, or takes features."""
        return self.metadata.preprocessing

    @property
    def sound(self) -> Sound | None:
        """How clips of sound become the input, or None where it takes no features of sound."""
        return self.metadata.sound

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What each output gives: as was said, else as its graph shows for certain, else values."""
        return outputs_of(self.metadata, self.output_tensors)

    @property
    def output(self) -> Output:
        """What it gives; of several outputs, the one of class scores.

        Raises:
            SepzooError: not exactly one of several outputs gives class scores.
        """
        return self.outputs[0] if len(self.output_tensors) == 1 else self.require_scores()

    @property
    def classes(self) -> int:
        """How many classes it tells apart; of what gives no class scores, how many numbers or channels it gives."""
        return classes_of(self.output, OutputTensor(None, self.output_shape))

    @property
    def from_logits(self) -> bool:
        """Whether the network ends before its softmax; then `predict` applies it."""
        return self.output.kind == "logits"

    def updated(
        self,
        *,
        labels: Sequence[str] | None = None,
        preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
        features: Features | Mapping[str, Features] | None = None,
        outputs: Said = None,
    ) -> Self:
        """Return the classifier with what the caller says instead of what the file says; what is None stays.

        Of several inputs or outputs it is said by their names: `outputs={"class": "softmax", "pose": "values"}`.

        Raises:
            SepzooError: what is said does not fit the network.
        """
        said = self.metadata.updated(labels=labels, preprocessing=preprocessing, features=features, outputs=outputs)
        return dataclasses.replace(self, metadata=said)

    def require_scores(self) -> Output:
        """Return the output, which samples can be classified by; of several outputs the one that gives class scores.

        Raises:
            SepzooError: it is values or a map, or several outputs give class scores.
        """
        return self.outputs[score_position(self.name, self.outputs, self.output_tensors)]

    def require_one_input(self) -> InputTensor:
        """Return the input.

        Raises:
            SepzooError: there are several.
        """
        if len(self.input_tensors) == 1:
            return self.input_tensors[0]
        raise SepzooError(
            f"{self.name}: expected a model of one input. Received: one of {len(self.input_tensors)}, "
            f"{', '.join(str(each.name) for each in self.input_tensors)}. Give it an .npz file with an array for each, "
            "by these names."
        )

    def require_pictures(self) -> InputTensor:
        """Return the input, which pictures can be given.

        Raises:
            SepzooError: there are several, or it has no height, width and 1, 3 or 4 channels.
        """
        tensor = self.require_one_input()
        if tensor.is_picture and self.metadata.features is None:
            return tensor
        raise SepzooError(
            f"{self.name}: expected a model of pictures, of 1, 3 or 4 channels. Received: one that takes arrays of "
            f"shape {tensor.shape}. Give it such arrays, as an .npy or .npz file (on the command line: sepzoo predict, "
            "--data)."
        )

    def require_labels(self) -> tuple[str, ...]:
        """Return the labels.

        Raises:
            SepzooError: the file has none.
        """
        if self.labels is None:
            raise SepzooError(
                f"{self.name}: expected a file with labels. Received: one without. Export it again with labels, or "
                "open it with labels=[...] (on the command line: --labels)."
            )
        return self.labels

    def require_preprocessing(self) -> Preprocessing:
        """Return the preprocessing.

        Raises:
            SepzooError: the file has none, or there are several inputs.
        """
        self.require_one_input()
        return self.metadata.require_preprocessing()

    def require_preparation(self) -> Preparation:
        """Return what makes the one input of pixels or of clips of sound, or the features that it takes as they are.

        Raises:
            SepzooError: nobody said, or there are several inputs.
        """
        return self.sound or self.metadata.features or self.require_preprocessing()

    def input_of(self, name: str | None) -> InputTensor:
        """Return the input of a name; where there is one, that one."""
        return next((each for each in self.input_tensors if each.name == name), self.input_tensors[0])

    def said_of(self, name: str | None) -> Metadata:
        """Return what is said of an input, as the record of a model that has no other."""
        return said_of(self.metadata, self.input_of(name), len(self.input_tensors))
