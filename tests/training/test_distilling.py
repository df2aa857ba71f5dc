"""What a student learns from its teacher, against NumPy."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import sepzoo
from sepzoo.artifact.model_file import attach, save
from sepzoo.records.metadata import Metadata
from sepzoo.records.preprocessing import MINUS_ONE_TO_ONE, ZERO_TO_ONE, Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.training import Networks, Recipe
from sepzoo.training.distilling import rewritten_blocks, with_teacher
from sepzoo.training.recipe_sections import TeacherSection

NAMES = ("a", "b", "c")


def network(*, softmax: bool = True, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(4, 3, name="conv1"),
        keras.layers.BatchNormalization(name="bn1"),
        keras.layers.ReLU(name="relu1"),
        keras.layers.Conv2D(6, 3, name="conv2"),
        keras.layers.ReLU(name="relu2"),
        keras.layers.GlobalAveragePooling2D(name="pool"),
        keras.layers.Dense(3, activation="softmax" if softmax else None, name="dense"),
    ]
    return keras.Sequential(layers, name="net")


def saved(path: Path, labels: tuple[str, ...] = NAMES, preprocessing: Preprocessing = ZERO_TO_ONE) -> Path:
    return save(attach(network(seed=1), Metadata("teacher", labels, preprocessing)), path / "teacher.keras")


def student(*, softmax: bool = False) -> Networks:
    model = attach(network(softmax=softmax), Metadata("student", NAMES, ZERO_TO_ONE))
    return Networks.of(model, ZERO_TO_ONE)


def log_softmax(values: np.ndarray) -> np.ndarray:
    return values - np.log(np.exp(values).sum(-1, keepdims=True))


@pytest.mark.parametrize("softmax", [True, False])
def test_penalties_are_divergence_and_distance(softmax: bool, tmp_path: Path) -> None:
    path = saved(tmp_path, labels=("b", "c", "a"))
    networks = student(softmax=softmax)
    section = TeacherSection(file=str(path), temperature=3.0, weight=0.25, blocks=("relu1", "relu2"), block_weight=2.0)
    together = with_teacher(networks, section)
    assert len(together.trainable_variables) == len(networks.training.trainable_variables)
    images = np.random.default_rng(0).random((5, 8, 8, 3), "float32")
    answer = together(images, training=False).numpy()
    np.testing.assert_allclose(answer, networks.training(images, training=False).numpy(), rtol=1e-5)
    found = float(sum(together.losses))
    ours, theirs = network(seed=0, softmax=softmax), network(seed=1)
    logits = ours(images).numpy()
    if softmax:
        logits = np.log(logits)
    wanted = log_softmax(np.log(theirs(images).numpy())[:, [2, 0, 1]].astype("float64") / 3)
    given = log_softmax(logits.astype("float64") / 3)
    expected = 0.25 * 9 * (np.exp(wanted) * (wanted - given)).sum(1).mean()
    for name in ("relu1", "relu2"):
        one, other = (
            keras.Model(each.inputs[0], each.get_layer(name).output)(images).numpy() for each in (ours, theirs)
        )
        expected += 2.0 / 2 * ((one - other) ** 2).mean() / (other**2).mean()
    assert found == pytest.approx(expected, rel=1e-4)


def test_blocks_of_a_rewritten_network_are_where_it_comes_back_to_the_old_one() -> None:
    dense = attach(network(), Metadata("net", NAMES, ZERO_TO_ONE))
    decoupled, _ = sepzoo.surgery.decouple(dense, terms=1)
    assert rewritten_blocks(Networks.of(decoupled, ZERO_TO_ONE).training, dense) == ("relu1", "relu2")  # bn1 is folded
    assert rewritten_blocks(dense, dense) == ()


def test_teachers_that_do_not_fit_are_one_line(tmp_path: Path) -> None:
    networks, path = student(), saved(tmp_path)

    def said(**fields: object) -> str:
        with pytest.raises(SepzooError) as caught:
            with_teacher(networks, TeacherSection(file=str(path), **fields))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "unknown layer of both networks 'relu3'. Did you mean relu2, relu1?" in said(blocks=("relu3",))
    assert "between which no layer was replaced. Name layers instead." in said(blocks="rewritten")
    saved(tmp_path, labels=("x", "y", "a"))
    assert "expected data whose classes are labels of teacher" in said()
    saved(tmp_path, preprocessing=MINUS_ONE_TO_ONE)
    assert "expected a teacher that takes what net does, (8, 8, 3) with mean (0.0,)" in said()
    path = tmp_path / "gone.keras"
    assert "gone.keras" in said()


def test_a_teacher_is_named_with_its_whole_path_and_bad_values_are_told_of() -> None:
    recipe = Recipe.load("digits").with_overrides(["teacher={file: old.keras}"])
    assert recipe.resolved().teacher.file == str(Path("old.keras").absolute())
    with pytest.raises(SepzooError, match=r"expected for teacher.temperature greater than 0. Received"):
        recipe.with_overrides(["teacher.temperature=0"])
