"""Labels and preprocessing, as the command line takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sepzoo.cli.description import Description, parse_preprocessing, read_labels
from sepzoo.records.preprocessing import CAFFE, ZERO_TO_ONE, Preprocessing
from sepzoo.support.errors import SepzooError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("zero_to_one", ZERO_TO_ONE),
        ("as_they_are", Preprocessing(mean=(0.0,), std=(1.0,))),
        ("resnet50", CAFFE),
        ("resnet18", ZERO_TO_ONE),
        ("cifar_mobilenetv1_w3d8", ZERO_TO_ONE),
        ("mean=0, std=255", ZERO_TO_ONE),
        ("caffe,channel_order=rgb", Preprocessing(mean=CAFFE.mean, std=(1.0,), channel_order="rgb")),
        ("std=[1,2,3],mean=[4, 5, 6.5]", Preprocessing(mean=(4, 5, 6.5), std=(1, 2, 3))),
        (
            "minus_one_to_one,crop_fraction=1,interpolation=bicubic",
            Preprocessing(crop_fraction=1, interpolation="bicubic"),
        ),
    ],
)
def test_names_and_fields(text: str | None, expected: Preprocessing | None) -> None:
    assert parse_preprocessing(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mobilnet_v1", "unknown preprocessing 'mobilnet_v1'. Did you mean mobilenet_v1, "),
        ("", "unknown preprocessing ''. "),
        ("caffe,zero_to_one", "expected one name, then fields as key=value. Received: --preprocessing caffe,zero_to_o"),
        ("mean=1", "expected a name, or both mean and std. Received: --preprocessing mean=1. Write for example zero_"),
        ("caffe,crop=1", "unknown field of --preprocessing 'crop'. Did you mean crop_fraction?"),
        ("mean=grey,std=1", "expected mean as one number, or one a channel. Received: mean=('grey',)."),
        ("mean=0,std=[]", "expected std as one number, or one a channel. Received: std=()."),
        ("mean=0,std=0", "expected a positive std. Received: std=(0,)."),
        ("caffe,crop_fraction=half", "expected a crop_fraction in (0, 1]. Received: crop_fraction=half."),
        ("caffe,interpolation=cubic", "unknown interpolation 'cubic'. Did you mean bicubic?"),
        ("caffe,channel_order=grb", "unknown channel order 'grb'. Did you mean "),
    ],
)
def test_nonsense_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(SepzooError) as error:
        parse_preprocessing(text)
    assert str(error.value).startswith(message)


def test_labels_are_lines(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("no person\n\n person \n", encoding="utf-8")
    assert read_labels(tmp_path / "labels.txt") == ("no person", "person")
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(SepzooError, match=r"labels\.txt, which is no UTF-8 text\.$"):
        read_labels(tmp_path / "labels.txt")


def test_labels_alone_do_not_make_up_a_preprocessing(tmp_path: Path) -> None:
    import keras

    from sepzoo.artifact.model_file import metadata_of

    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)], name="m")
    (tmp_path / "labels.txt").write_text("a\nb\n")
    with pytest.raises(
        SepzooError, match=r"how pixels become its input\. .* \(on the command line: --preprocessing; as_they_are, "
    ):
        Description.of(tmp_path / "labels.txt", None).attach(model)
    assert metadata_of(model) is None
    Description.of(tmp_path / "labels.txt", "zero_to_one").attach(model)
    told = metadata_of(model)
    assert told is not None
    assert (told.name, told.labels, told.preprocessing) == ("m", ("a", "b"), ZERO_TO_ONE)
