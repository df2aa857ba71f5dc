"""What a model's outputs are: as was said, else as its graph shows for certain, else values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from sepzoo.inference.tensors import OutputTensor
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import KINDS, Output, check_names, check_output, read_output
from sepzoo.support.errors import SepzooError


def outputs_of(metadata: Metadata, tensors: Sequence[OutputTensor]) -> tuple[Output, ...]:
    """Return the record of each output, with its name where there are several.

    Of several linear outputs with as many numbers as there are labels none can be taken for the logits, nor of one
    beside class scores of that many classes: nobody knows which the labels are of.
    """
    labels = len(metadata.labels or ())
    if len(tensors) == 1:
        (tensor,) = tensors
        return (metadata.outputs[0] if metadata.outputs else read_output(tensor.end, tensor.shape, labels),)
    said = {output.name: output for output in metadata.outputs or ()}
    found = [
        said.get(each.name) or dataclasses.replace(read_output(each.end, each.shape, labels), name=each.name)
        for each in tensors
    ]
    labelled = [
        output.scores and classes_of(output, each) == labels for output, each in zip(found, tensors, strict=True)
    ]
    if sum(labelled) > 1:
        reason = "another output has as many numbers as there are labels, and nobody said what it gives"
        found = [
            Output("values", output.name, reason) if output.kind == "logits" and output.name not in said else output
            for output in found
        ]
    return tuple(found)


def classes_of(output: Output, tensor: OutputTensor) -> int:
    """Return how many classes an output tells apart; of no class scores, how many numbers or channels it gives.

    Example:
        >>> classes_of(Output("sigmoid"), OutputTensor("pair", (1,)))
        2
        >>> classes_of(Output("map"), OutputTensor("segments", (8, 8, 3)))
        3
    """
    size = tensor.shape[-1] if output.kind == "map" else math.prod(tensor.shape)
    return 2 if size == 1 and output.scores else size


def check_outputs(metadata: Metadata, tensors: Sequence[OutputTensor]) -> None:
    """See that what is said of outputs, and the labels, fit them.

    Raises:
        SepzooError: they don't.
    """
    several = len(tensors) > 1
    check_names(metadata.outputs or (), [each.name for each in tensors], metadata.name)
    outputs = outputs_of(metadata, tensors)
    for output, tensor in zip(outputs, tensors, strict=True):
        check_output(output, tensor.end, tensor.shape, titled(metadata.name, "output", tensor.name, several=several))
    counts = [classes_of(output, tensor) for output, tensor in zip(outputs, tensors, strict=True)]
    if metadata.labels is not None and len(metadata.labels) not in counts:
        raise SepzooError(
            f"{metadata.name}: expected as many labels as outputs. Received: {len(metadata.labels)} labels for "
            f"{', '.join(map(str, counts))} outputs."
        )


def score_position(name: str, outputs: Sequence[Output], tensors: Sequence[OutputTensor]) -> int:
    """Return which output samples are classified by: the one that gives class scores.

    Args:
        name: of the model, for errors.
        outputs: their records.
        tensors: the outputs.

    Raises:
        SepzooError: none gives class scores, or several do.
    """
    scores = [position for position, output in enumerate(outputs) if output.scores]
    if len(scores) == 1:
        return scores[0]
    if len(tensors) == 1:
        output = outputs[0]
        advice = (
            "Build a network of the zoo with include_top=True; of another one `sepzoo predict` writes the map"
            if output.kind == "map"
            else f"Say what they are: outputs= (on the command line: --output-kind), one of {', '.join(KINDS)}"
        )
        raise SepzooError(
            f"{name}: expected class scores. Received: outputs of shape {tensors[0].shape}, taken for "
            f"{'a map' if output.kind == 'map' else 'values'} ({output.reason}). {advice}."
        )
    received = ", ".join(f"{output.name}={output.kind}" for output in outputs)
    advice = (
        f"Say that others are values: outputs= (on the command line: --output-kind {outputs[scores[1]].name}=values)"
        if scores
        else f"Say which it is: outputs= (on the command line: --output-kind {outputs[0].name}=logits)"
    )
    raise SepzooError(f"{name}: expected one output of class scores. Received: {received}. {advice}.")


def titled(model: str, side: str, name: str | None, *, several: bool) -> str:
    """Return what errors call an input or an output: the model's name, where there are several with its own behind.

    Example:
        >>> titled("net", "input", "age", several=True), titled("net", "input", "age", several=False)
        ("net, input 'age'", 'net')
    """
    return f"{model}, {side} {name!r}" if several else model
