"""Learning from a trained network: its answers, and outputs within it, are targets beside the labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from sepzoo.artifact.model_file import load
from sepzoo.inference.evaluation import match_classes
from sepzoo.inference.keras_model import from_model
from sepzoo.layers.graph import maker, origin
from sepzoo.layers.scope_names import give_scopes
from sepzoo.layers.twins import builtin_class
from sepzoo.records.inputs import Features, Preparation
from sepzoo.records.sound import Sound
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Layer, Tensor
from sepzoo.training.heads import Head, head_of
from sepzoo.training.networks import Networks
from sepzoo.training.recipe_sections import TeacherSection


def with_teacher(networks: Networks, section: TeacherSection) -> keras.Model:
    """Return the training network in one graph with its teacher, whose penalties pull the one towards the other.

    Args:
        networks: of the student; its training network shares layers and weights with what is returned.
        section: which teacher, and how.

    Raises:
        SepzooError: no such file, another input or other classes than the student's, a head other than softmax, or
            blocks that the two have not in common.
    """
    path = Path(section.file)
    best = path / "best.keras"
    teacher = load(best if best.is_file() else path)
    student = networks.training
    heads = [head_of(networks.inference, student), head_of(teacher)]
    if {head.kind for head in heads} != {"softmax"}:
        raise SepzooError(
            f"{section.file}: expected a teacher and a student that choose one of several classes. Received: "
            f"{heads[1].kind} and {heads[0].kind}."
        )
    classifier, own = from_model(teacher), from_model(networks.inference)
    ours = own.require_preparation()
    seen = [_seen(each) for each in (ours, classifier.sound or classifier.preprocessing or ours)]
    if teacher.input_shape[1:] != student.input_shape[1:] or seen[0] != seen[1]:
        raise SepzooError(
            f"{section.file}: expected a teacher that takes what {student.name} does, {student.input_shape[1:]} "
            f"with {seen[0]}. Received: {teacher.input_shape[1:]} with {seen[1]}."
        )
    order, _ = match_classes(classifier, own.require_labels())
    teacher.trainable = False
    blocks = _blocks(section, student, teacher)
    lessons = keras.Model(teacher.inputs[0], [teacher.outputs[0], *(teacher.get_layer(name).output for name in blocks)])
    give_scopes(lessons)
    outputs = [student.outputs[0], *(student.get_layer(name).output for name in blocks)]
    lesson = Lesson(lessons, section, heads=heads, order=order, name="lesson")
    return keras.Model(student.inputs[0], lesson([*outputs, *student.inputs]))


def _seen(preparation: Preparation) -> str:
    """Return what decides the numbers that a network gets, in words."""
    if isinstance(preparation, Features):
        return "features as they are"
    if isinstance(preparation, Sound):
        return ", ".join(f"{name}={value}" for name, value in preparation.to_dict().items())
    return f"mean {preparation.mean} and deviation {preparation.std}"


def rewritten_blocks(student: keras.Model, teacher: keras.Model) -> tuple[str, ...]:
    """Return the layers where two graphs come together again: both have them, and not what comes before.

    Example:
        >>> def network(*names):
        ...     dense = [keras.layers.Dense(4, name=name) for name in names]
        ...     return keras.Sequential([keras.Input((4,)), *dense])
        >>> rewritten_blocks(network("a", "b1", "b2", "c"), network("a", "b", "c"))
        ('c',)
    """
    common = {
        layer.name
        for layer in student.layers
        if layer.name in {other.name for other in teacher.layers} and _alike(layer, teacher.get_layer(layer.name))
    }
    return tuple(
        layer.name
        for layer in student.layers
        if layer.name in common and not _sources(layer) | _sources(teacher.get_layer(layer.name)) <= common
    )


def _alike(one: Layer, other: Layer) -> bool:
    shapes = [[tuple(weight.shape) for weight in layer.weights] for layer in (one, other)]
    return builtin_class(one) is builtin_class(other) and shapes[0] == shapes[1]


def _sources(layer: Layer) -> set[str]:
    """Return the names of what a layer's inputs come from, but for the model's own input."""
    makers = [maker(tensor) for output in keras.tree.flatten(layer.output) for tensor in origin(output).inputs]
    return {each.name for each in makers if not isinstance(each, keras.layers.InputLayer)}


def _blocks(section: TeacherSection, student: keras.Model, teacher: keras.Model) -> tuple[str, ...]:
    if section.blocks is None or not section.block_weight:
        return ()
    known = [layer.name for layer in student.layers if layer.name in {other.name for other in teacher.layers}]
    names = rewritten_blocks(student, teacher) if section.blocks == "rewritten" else section.blocks
    if not names:
        raise SepzooError(
            f"{section.file}: expected a teacher of which the student was made by surgery, for blocks=rewritten. "
            f"Received: {teacher.name} and {student.name}, between which no layer was replaced. Name layers instead."
        )
    for name in names:
        if name not in known:
            raise unknown("layer of both networks", name, known)
        shapes = [model.get_layer(name).output.shape for model in (student, teacher)]
        if shapes[0] != shapes[1]:
            raise SepzooError(
                f"expected outputs of one shape in both networks. Received: {name}, {shapes[1][1:]} in the teacher and "
                f"{shapes[0][1:]} in the student. Name other blocks."
            )
    return names


class Lesson(keras.layers.Layer):
    """Passes the student's answer on, and adds penalties for its distance to the teacher's.

    It takes a list: the student's answer, its blocks, and the images. The teacher is run in inference, which a nested
    model of a graph in training would not be, and is no part of the graph: no variable of it is trained or kept.

    Args:
        teacher: gives its answer and blocks.
        section: temperature and weights.
        heads: of student and teacher.
        order: the teacher's output for each of the student's.
        arguments: of a Keras layer.
    """

    def __init__(
        self,
        teacher: keras.Model,
        section: TeacherSection,
        *,
        heads: Sequence[Head],
        order: np.ndarray,
        **arguments: Any,
    ) -> None:
        super().__init__(autocast=False, **arguments)
        self._taught = lambda images: keras.tree.flatten(teacher(images, training=False))  # a function is not tracked
        self._section = section
        self._logits = [head.logits for head in heads]
        self._order = order.tolist()

    def call(self, tensors: list[Tensor]) -> Tensor:
        """Return the student's answer."""
        *tensors, images = tensors
        wanted, section = self._taught(images), self._section
        student, teacher = (
            self._softened(answer, logits) for answer, logits in zip((tensors[0], wanted[0]), self._logits, strict=True)
        )
        teacher = ops.take(teacher, self._order, axis=-1)
        teacher = teacher - ops.logsumexp(teacher, axis=-1, keepdims=True)
        divergence = ops.mean(ops.sum(ops.exp(teacher) * (teacher - student), axis=-1))
        self.add_loss(section.weight * section.temperature**2 * divergence)
        for ours, theirs in zip(tensors[1:], wanted[1:], strict=True):
            ours, theirs = ops.cast(ours, "float32"), ops.cast(theirs, "float32")
            scale = ops.mean(ops.square(theirs)) + keras.config.epsilon()
            self.add_loss(section.block_weight / (len(tensors) - 1) * ops.mean(ops.square(ours - theirs)) / scale)
        return tensors[0]

    def compute_output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the shape of the student's answer."""
        return shapes[0]

    def _softened(self, answer: Tensor, logits: bool) -> Tensor:
        """Return logarithms of probabilities at the temperature, of logits or of probabilities."""
        answer = ops.cast(answer, "float32")
        if not logits:
            answer = ops.log(ops.maximum(answer, keras.config.epsilon()))
        return ops.log_softmax(answer / self._section.temperature, axis=-1)
