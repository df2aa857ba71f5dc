from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sepzoo.support.errors import SepzooError
from sepzoo.training import Recipe, list_recipes

SMALL = """
name: small
model: {name: mobilenet_v1, image_size: 32}
data: {name: digits}
optimizer: {learning_rate: 0.1}
epochs: 2
"""


def small(text: str = "") -> Recipe:
    return Recipe.from_yaml(SMALL + text)


@pytest.mark.parametrize("name", list_recipes())
def test_shipped_recipes_say_what_they_are(name: str) -> None:
    recipe = Recipe.load(name)
    assert recipe.name == name
    assert recipe.command.startswith(f"sepzoo train {name}")
    for text in (recipe.description, recipe.cost, recipe.expected):
        assert len(text) > 10
    assert recipe.versions is None


@pytest.mark.parametrize("name", list_recipes())
def test_what_is_written_is_read_again(name: str, tmp_path: Path) -> None:
    file = tmp_path / "copy.yaml"
    file.write_text(Recipe.load(name).to_yaml())
    assert Recipe.load(file) == Recipe.load(name)


def test_the_bsconv_recipe_is_that_of_the_authors_program() -> None:
    recipe = Recipe.load("cifar10_bsconv")
    assert (recipe.epochs, recipe.batch_size, recipe.label_smoothing, recipe.ema) == (200, 128, 0, 0)
    optimizer, schedule = recipe.optimizer, recipe.schedule
    assert (optimizer.kind, optimizer.learning_rate, optimizer.momentum, optimizer.nesterov) == ("sgd", 0.1, 0.9, False)
    assert (optimizer.weight_decay, optimizer.decayed) == (1e-4, "all")
    assert (schedule.kind, schedule.milestones, schedule.factor) == ("step", (100, 150, 180), 0.1)
    assert (recipe.augmentation.padding, recipe.augmentation.flip, recipe.augmentation.brightness) == (4, True, 0)


def test_defaults() -> None:
    recipe = small()
    assert (recipe.batch_size, recipe.seed, recipe.data.held_out) == (128, 0, 20)
    assert recipe.model.image_size == (32, 32)
    assert recipe.schedule.kind == "constant"


def test_an_image_size_may_be_two_numbers() -> None:
    assert small().with_overrides(["model.image_size=[48, 64]"]).model.image_size == (48, 64)


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("epochs=3", "epochs", 3),
        ("data=photos/flowers", "data.name", "photos/flowers"),
        ("data=2024", "data.name", "2024"),
        ("data=2024-01-01", "data.name", "2024-01-01"),
        ("weights=imagenet", "model.weights", "imagenet"),
        ("weights=null", "model.weights", None),
        ("model=xception", "model.name", "xception"),
        ("optimizer.learning_rate=1e-3", "optimizer.learning_rate", 1e-3),
        ("model.arguments.alpha=5e-1", "model.arguments.alpha", 0.5),
        ("model.arguments.conv=bsconv_u", "model.arguments.conv", "bsconv_u"),
        ("model.arguments.strides=[1, 2]", "model.arguments.strides", [1, 2]),
        ("augmentation.flip=true", "augmentation.flip", True),
        ("data.train=train[20%:]", "data.train", "train[20%:]"),
        ("export=[tflite:int8, xla]", "export", ("tflite:int8", "xla")),
        ("description=a=b", "description", "a=b"),
    ],
)
def test_overrides(override: str, path: str, value: object) -> None:
    found: object = small().with_overrides([override])
    for part in path.split("."):
        found = found[part] if isinstance(found, dict) else getattr(found, part)
    assert found == value


def test_overrides_leave_the_rest_and_the_original() -> None:
    recipe = small()
    changed = recipe.with_overrides(["epochs=9", "schedule={kind: step, milestones: [3, 6]}"])
    assert (recipe.epochs, changed.epochs) == (2, 9)
    assert changed.schedule.milestones == (3, 6)
    assert changed.data == recipe.data


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("epoch=3", "recipe small: unknown key 'epoch'. Did you mean epochs?"),
        ("optimizer.lr=3", "unknown key 'optimizer.lr'. Known: optimizer.kind, optimizer.learning_rate,"),
        ("optimiser.momentum=0", "unknown key 'optimiser'. Did you mean optimizer?"),
        ("learning_rate=0.1", "unknown key 'learning_rate'. Did you mean optimizer.learning_rate?"),
        ("schedule.warmup=1", "unknown key 'schedule.warmup'. Did you mean schedule.warmup_epochs?"),
        (
            "model.arguments.weights=a.h5",
            "for model.arguments no argument weights, which model.weights says. Received: ",
        ),
        ("model.arguments={classes: 5}", "for model.arguments no argument classes, which the data decides. Received: "),
        (
            "model.arguments.classifier_activation=null",
            "no argument classifier_activation, since training takes logits",
        ),
        ("model.arguments.input_shape=[8, 8, 3]", "no argument input_shape, which model.image_size and model.channels"),
        ("epochs=0", "expected for epochs greater than or equal to 1. Received: epochs=0."),
        (
            "epochs=many",
            "expected for epochs a valid integer, unable to parse string as an integer. Received: epochs='many'.",
        ),
        (
            "optimizer.kind=lion",
            "expected for optimizer.kind 'sgd', 'rmsprop', 'adamw' or 'muon'. Received: optimizer.kind='lion'.",
        ),
        ("schedule.kind=step", "expected for schedule rising milestones with kind=step, and none with another kind."),
        ("schedule.milestones=[3]", "expected for schedule rising milestones with kind=step"),
        ("model.channels=2", "expected for model.channels 1, 3 or 4. Received: model.channels=2."),
        ("epochs", "expected an override as key=value, such as epochs=3. Received: 'epochs'."),
        ("=3", "expected an override as key=value"),
        ("epochs.all=3", "expected a section before the last dot. Received: 'epochs.all=3', epochs is none."),
    ],
)
def test_bad_overrides_are_one_clear_line(override: str, text: str) -> None:
    with pytest.raises(SepzooError) as caught:
        small().with_overrides([override])
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_keys_are_named() -> None:
    with pytest.raises(SepzooError, match=r"recipe: expected a value for data. Received: none."):
        Recipe.from_yaml(SMALL.replace("data: {name: digits}", ""))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "mine.yaml: expected YAML. Received: while parsing"),
        ("- a", "mine.yaml: expected a recipe: keys with values. Received: list."),
        ("", "mine.yaml: expected a recipe: keys with values. Received: NoneType."),
        (SMALL + "epoch: 3", "mine.yaml: unknown key 'epoch'. Did you mean epochs?"),
    ],
)
def test_bad_files_are_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SepzooError) as caught:
        Recipe.load(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_recipes_are_answered_with_near_ones(tmp_path: Path) -> None:
    with pytest.raises(SepzooError, match=r"unknown recipe 'digit'. Did you mean digits\?"):
        Recipe.load("digit")
    with pytest.raises(SepzooError, match=r"expected a recipe file. Received: .*gone.yaml, which does not exist."):
        Recipe.load(tmp_path / "gone.yaml")


def test_yaml_is_plain() -> None:
    fields = yaml.safe_load(small().to_yaml())
    assert fields["model"] == {
        "name": "mobilenet_v1",
        "arguments": {},
        "weights": None,
        "trained": "all",
        "head": "softmax",
        "classifier": "own",
        "image_size": [32, 32],
        "channels": 3,
        "sound": {},
        "steps": None,
    }
