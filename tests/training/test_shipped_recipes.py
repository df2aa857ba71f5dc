"""Each shipped recipe is replayed for two steps at a small size, on TFDS's mock data where it asks for a TFDS set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
import tensorflow
import tensorflow_datasets as tfds

from sepzoo.training import Recipe, fit, list_recipes
from sepzoo.training.networks import build_networks, starting_point
from sepzoo.training.sources import open_sources

NARROW = {
    "cifar10_bsconv": ("model.name=cifar_mobilenetv1_w1d8_bsconvu",),
    "cifar10_fast": ("model.name=cifar_mobilenetv1_w1d8_bsconvu",),
    "cifar10_hybrid": ("model.arguments.width=0.125",),
    "cifar10_short": ("model.name=cifar_mobilenetv1_w1d8_bsconvu",),
    "cifar100_bsconv": ("model.name=cifar_mobilenetv1_w1d8_bsconvu",),
    "digits": ("model.arguments.alpha=0.125", "data.train=train[:1%]", "data.validation=test[:2%]"),
    "dogs_bsconv": ("model.arguments.alpha=0.125", "model.image_size=32"),
    "finetune": ("model.arguments.alpha=0.125", "model.image_size=32", "weights=null"),
    "imagenet_bsconv": ("model.arguments.alpha=0.125", "model.image_size=32"),
    "imagenet_darknet": ("model.arguments.alpha=0.125", "model.image_size=64"),
    "imagenet_mobilenet_v1": ("model.arguments.alpha=0.125", "model.image_size=32"),
    "imagenet_mobilenet_v2": ("model.arguments.alpha=0.125", "model.image_size=32"),
    "imagenet_mobilenet_v3": ("model.arguments.alpha=0.125", "model.image_size=32"),
    "keywords_dscnn": ("model.arguments.channels=8", "model.arguments.units=1"),
    "keywords_matchboxnet": ("model.name=matchboxnet_1x1x8",),
    "imagenet_xception": ("model.arguments.alpha=0.0625", "model.image_size=71"),
    "series_inceptiontime": ("model.arguments.channels=4", "model.arguments.modules=1"),
}
"""What makes each network small; the recipe's name stands for a new one to be added here."""


SERIES = "GunPoint_TRAIN.ts"
SPLITS = {"imagenet2012": ("train", "validation"), "tf_flowers": ("train",)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TFDS folder of the sets that recipes name, with ten of TFDS's mock examples in each split."""
    folder = tmp_path_factory.mktemp("tfds")
    (folder / SERIES).write_text("@classLabel true a b\n@data\n" + "1,2,3:a\n3,2,1:b\n" * 5)
    for name in sorted({Recipe.load(each).data.name for each in list_recipes()} - {"digits", SERIES}):
        splits = SPLITS.get(name, ("train", "test"))
        with tfds.testing.mock_data(num_examples=10, policy=tfds.testing.MockPolicy.USE_CODE):
            builder = tfds.builder(name)
            mocked = {split: tfds.load(name, split=split).map(_with_sorted_boxes).cache() for split in splits}
            for examples in mocked.values():
                assert len(list(examples)) == 10  # they are made while they are read
        tfds.dataset_builders.store_as_tfds_dataset(
            name, str(builder.version), data_dir=folder, split_datasets=mocked, features=builder.info.features
        )
    return folder


def _with_sorted_boxes(example: dict[str, tensorflow.Tensor]) -> dict[str, tensorflow.Tensor]:
    """Return an example as it can be written: a mock box may end before it begins."""
    if "objects" not in example:
        return example
    corners = tensorflow.sort(tensorflow.reshape(example["objects"]["bbox"], (-1, 2, 2)), axis=1)
    return {**example, "objects": {"bbox": tensorflow.reshape(corners, (-1, 4))}}


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Two steps of a large graph are done before it is compiled."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`:UserWarning")
@pytest.mark.filterwarnings("default::sepzoo.data.ChangedClipWarning")  # mock clips are short
@pytest.mark.parametrize("name", list_recipes())
def test_a_shipped_recipe_trains(name: str, prepared: Path, tmp_path: Path) -> None:
    short = ["epochs=1", "batch_size=5", f"data.data_dir={prepared}", *NARROW[name]]
    if Recipe.load(name).data.name == SERIES:
        short.append(f"data.name={prepared / SERIES}")
    if Recipe.load(name).schedule.kind == "step":
        short += ["schedule.milestones=[1]"]
    recipe = Recipe.load(name).with_overrides(short)
    start = starting_point(recipe.model, recipe.data)
    sources = open_sources(recipe.data, start.input_shape, start.preprocessing, augmentation=recipe.augmentation)
    keras.utils.set_random_seed(recipe.seed)
    networks = build_networks(recipe.model, start, sources.train.class_names)
    [record] = fit(networks, sources, recipe, tmp_path, quiet=True)
    assert math.isfinite(record.loss)
    assert math.isfinite(record.val_loss)
    assert record.learning_rate == pytest.approx(recipe.optimizer.learning_rate, rel=0.9)
    assert (tmp_path / "last.keras").is_file()


def test_each_shipped_recipe_is_replayed() -> None:
    assert sorted(NARROW) == list_recipes()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("imagenet_xception", {"kind": "sgd", "learning_rate": 0.045, "momentum": 0.9, "weight_decay": 1e-5}),
        ("imagenet_mobilenet_v2", {"kind": "rmsprop", "learning_rate": 0.045, "rho": 0.9, "weight_decay": 4e-5}),
        ("imagenet_mobilenet_v3", {"kind": "rmsprop", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-5}),
        ("cifar10_hybrid", {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
        ("imagenet_darknet", {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4}),
    ],
)
def test_what_papers_state_is_in_their_recipes(name: str, settings: dict[str, object]) -> None:
    recipe = Recipe.load(name)
    assert {key: getattr(recipe.optimizer, key) for key in settings} == settings
    assert "nknown" in recipe.description or "not in our notes" in recipe.description


def test_one_setting_for_both_sets_of_cifar() -> None:
    ten, hundred = (Recipe.load(name).what_decides() for name in ("cifar10_bsconv", "cifar100_bsconv"))
    assert {key for key in ten if ten[key] != hundred[key]} == {"data"}
