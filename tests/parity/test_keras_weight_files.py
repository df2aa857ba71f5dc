"""Official weight files: asked for under the names, addresses and hashes that Keras itself asks for."""

from __future__ import annotations

import keras
import pytest

from sepzoo.applications import build
from sepzoo.support.errors import SepzooError
from sepzoo.weights import imagenet
from tests.applications.test_exact_counts import built

FORMS = [
    ("xception", keras.applications.Xception, {}),
    ("resnet50", keras.applications.ResNet50, {}),
    ("vgg16", keras.applications.VGG16, {}),
    ("vgg19", keras.applications.VGG19, {}),
    *(
        (f"mobilenet_v3_{size}", builder, arguments)
        for size, builder in (
            ("large", keras.applications.MobileNetV3Large),
            ("small", keras.applications.MobileNetV3Small),
        )
        for arguments in ({}, {"alpha": 0.75}, {"minimalistic": True})
    ),
    ("mobilenet_v1", keras.applications.MobileNet, {"alpha": 0.25, "input_shape": (128, 128, 3)}),
    ("mobilenet_v2", keras.applications.MobileNetV2, {"alpha": 0.35, "input_shape": (96, 96, 3)}),
]


class AskedError(Exception):
    """Raised in place of a download."""


@pytest.fixture
def asked(monkeypatch):
    """What was to be downloaded: name, address, hash."""
    downloads = []

    def recorded(name, origin, *, cache_subdir, file_hash=None, hash_algorithm="auto"):
        assert cache_subdir == "models"
        assert hash_algorithm in ("auto", "md5")
        downloads.append((name, origin, file_hash))
        raise AskedError("no download in a test")

    monkeypatch.setattr(imagenet, "download", recorded)
    monkeypatch.setattr(keras.utils, "get_file", recorded)
    monkeypatch.setattr(keras.src.utils.file_utils, "get_file", recorded)
    return downloads


@pytest.mark.slow
@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(("name", "builder", "arguments"), FORMS)
@pytest.mark.filterwarnings("ignore:.*weights for input shape.*:UserWarning")
def test_the_same_file(asked, name, builder, arguments, include_top):
    with pytest.raises(AskedError), keras.StatelessScope(initialize_variables=False):
        builder(weights="imagenet", include_top=include_top, **arguments)
    keras.utils.clear_session(free_memory=False)
    with pytest.raises(SepzooError, match=r"cannot download .* no download in a test"):
        built(name, weights="imagenet", include_top=include_top, **arguments)
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("xception", {"conv": "bsconv_u"}),
        ("xception", {"residual": False}),
        ("vgg16", {"alpha": 0.5}),
        ("vgg16", {"hidden": 16}),
        ("mobilenet_v3_large", {"alpha": 0.5}),
        ("mobilenet_v3_small", {"alpha": 0.75, "minimalistic": True}),
        ("mobilenetv3_small_w1", {}),
    ],
)
def test_no_file_is_asked_for_where_none_exists(asked, name, arguments):
    with pytest.raises(SepzooError, match=r"no ImageNet weights exist for this form of .* Those that do: "):
        built(name, weights="imagenet", **arguments)
    assert asked == []


def test_a_new_classifier_on_a_trained_hidden_layer_needs_the_whole_file(asked):
    for name in ("mobilenet_v3_small", "xception"):
        with pytest.raises(SepzooError, match="cannot download"):
            build(name, weights="imagenet", classes=5)
    assert [file.endswith(("no_top_v2.h5", "notop.h5")) for file, _, _ in asked] == [False, True]
