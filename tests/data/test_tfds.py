from __future__ import annotations

import numpy as np
import pytest

from sepzoo.data import ArraySource, TfdsSource, choose_splits, open_source, split_names, split_shards, split_sizes
from sepzoo.data.tfds_builder import prepared_builder
from sepzoo.support.errors import SepzooError

pytestmark = pytest.mark.slow  # importing TensorFlow takes most of it


def test_a_prepared_set_opens_with_no_network(tfds_data_dir: str) -> None:
    source = open_source("tfds:tf_flowers", split="val", image_size=(32, 32), data_dir=tfds_data_dir)
    assert isinstance(source, ArraySource)
    assert (len(source), source.name, source.channels) == (369, "tf_flowers val", 3)
    assert set(source.class_names) == {"daisy", "dandelion", "roses", "sunflowers", "tulips"}
    assert set(source.labels) == set(range(5))


def test_what_a_preparation_says_is_not_among_the_results(monkeypatch, tmp_path, capsys) -> None:
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds, "builder", lambda name, data_dir: tfds.testing.DummyDataset(data_dir=data_dir))
    assert prepared_builder("dummy_dataset", str(tmp_path)).info.splits["train"].num_examples == 3
    out, err = capsys.readouterr()
    assert "downloaded and prepared" in err
    assert not out


def test_slices(tfds_data_dir: str) -> None:
    parts = [
        open_source("tf_flowers", split=split, image_size=(8, 8), data_dir=tfds_data_dir)
        for split in ("val[:20%]", "val[20%:]")
    ]
    assert sum(len(part) for part in parts) == 369
    assert split_names("tf_flowers", data_dir=tfds_data_dir) == ("train", "val")


def test_what_does_not_fit_in_memory_is_streamed(tfds_data_dir: str) -> None:
    arguments = {"split": "val", "image_size": (16, 16), "data_dir": tfds_data_dir}
    kept = open_source("tf_flowers", **arguments)
    streamed = open_source("tf_flowers", memory_budget=1000, **arguments)
    assert isinstance(streamed, TfdsSource)
    assert len(streamed) == len(kept)
    np.testing.assert_array_equal(streamed.labels, kept.labels)
    indices = np.array([300, 2, 150])
    np.testing.assert_array_equal(streamed.images(indices), kept.images(indices))
    once, again, other = (list(streamed.shuffled(100, seed=1, epoch=epoch)) for epoch in (0, 0, 1))
    assert [len(labels) for _, labels in once] == [100, 100, 100, 69]
    for one, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(one[0], same[0])
    assert any((one[1] != new[1]).any() for one, new in zip(once, other, strict=True))
    assert sorted(np.concatenate([labels for _, labels in once])) == sorted(kept.labels)


def test_images_of_one_size_need_none_asked(tfds_data_dir: str) -> None:
    source = open_source("cifar10", split="test[:1%]", data_dir=tfds_data_dir)
    assert (len(source), source.image_size, source.channels) == (100, (32, 32), 3)
    with pytest.raises(SepzooError, match=r"expected an image_size for tf_flowers, whose images differ in size"):
        open_source("tf_flowers", split="val", data_dir=tfds_data_dir)


@pytest.mark.parametrize(
    "split", ["val", "val[:20%]", "train[:0%]", "train[:200%]", "train[", "train[:50001]", "test[9:5]"]
)
def test_missing_splits_are_answered_with_those_there_are(tfds_data_dir: str, split: str) -> None:
    with pytest.raises(SepzooError) as caught:
        open_source("cifar10", split=split, data_dir=tfds_data_dir)
    expected = (
        f"expected a split of cifar10: train (50,000), test (10,000), or a slice of one. Received: split={split!r}."
    )
    assert str(caught.value) == expected


def test_near_names_are_offered() -> None:
    with pytest.raises(SepzooError, match=r"unknown data set 'tf_flower'. Did you mean tf_flowers"):
        open_source("tf_flower", image_size=(8, 8))


def test_a_set_that_cannot_be_fetched_is_one_clear_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_datasets as tfds

    def refuse(self, **arguments) -> None:
        raise ConnectionError("no route to host\nsecond line")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    with pytest.raises(SepzooError) as caught:
        open_source("mnist", data_dir=str(tmp_path))
    assert "expected mnist prepared in" in str(caught.value)
    assert "Received: no route to host. Set data_dir (or TFDS_DATA_DIR)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_set_without_labels_is_refused(tfds_data_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder("cifar10", data_dir=tfds_data_dir)
    features = tfds.features.FeaturesDict({"image": tfds.features.Image(), "words": tfds.features.Text()})
    monkeypatch.setattr(type(builder.info), "features", property(lambda _: features))
    with pytest.raises(
        SepzooError, match=r"expected a data set with an image and a class label. Received: cifar10 with"
    ):
        open_source("cifar10", data_dir=tfds_data_dir)


def test_sizes_let_slices_in_percent_and_in_images_be_compared(tfds_data_dir: str) -> None:
    sizes = split_sizes("tf_flowers", data_dir=tfds_data_dir)
    assert {
        name: len(open_source("tf_flowers", split=name, data_dir=tfds_data_dir, image_size=(8, 8))) for name in sizes
    } == sizes
    middle = sizes["train"] // 2
    with pytest.raises(SepzooError, match=rf"which have train\[{round(sizes['train'] * 0.4)}:{middle}\] in common"):
        choose_splits(tuple(sizes), train=f"train[:{middle}]", validation="train[40%:]", sizes=sizes)


def test_shards(tfds_data_dir: str) -> None:
    shards = split_shards("tf_flowers", data_dir=tfds_data_dir)["train"]
    source = open_source("tf_flowers", split="train[:1shard]", data_dir=tfds_data_dir, image_size=(8, 8))
    assert len(source) == shards[0]
    assert sum(shards) == split_sizes("tf_flowers", data_dir=tfds_data_dir)["train"]
