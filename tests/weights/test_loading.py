"""Loading weights: by name, all or nothing, from every format."""

from __future__ import annotations

import hashlib

import h5py
import keras
import numpy as np
import pytest

from sepzoo.applications import build, load_weights
from sepzoo.artifact.model_file import save
from sepzoo.records.family import WeightFile
from sepzoo.support.errors import SepzooError
from sepzoo.weights import imagenet
from sepzoo.weights.reading import named_arrays

SMALL = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 4}


@pytest.fixture(scope="module")
def trained():
    """Stand-in for a trained network: every variable with values of its own."""
    keras.utils.set_random_seed(1)
    model = build("mobilenet_v1", **SMALL)
    generator = np.random.default_rng(1)
    for variable in model.weights:
        variable.assign(generator.uniform(0.5, 1.5, variable.shape))
    return model


@pytest.fixture
def fresh():
    return build("mobilenet_v1", **SMALL)


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.get_weights(), other.get_weights(), strict=True))


@pytest.mark.parametrize("form", ["keras", "weights.h5", "npz", "mapping"])
def test_our_own_formats(trained, fresh, tmp_path, form):
    source = tmp_path / f"model.{form}"
    if form == "keras":
        save(trained, source)
    elif form == "weights.h5":
        trained.save_weights(source)
    elif form == "npz":
        np.savez(source, **named_arrays(trained))
    else:
        source = named_arrays(trained)
    report = load_weights(fresh, source)
    assert equal(fresh, trained)
    assert len(report.matched) == len(trained.weights)
    assert (report.kept, report.unused) == ((), ())


def test_what_does_not_fit_leaves_the_model_as_it_was(trained, fresh):
    arrays = named_arrays(trained)
    before = fresh.get_weights()
    wrong = dict(arrays)
    del wrong["stem/kernel"]
    wrong["stem_bn/gamma"] = np.zeros(3)
    wrong["elsewhere/kernel"] = np.zeros(3)
    with pytest.raises(SepzooError) as raised:
        load_weights(fresh, wrong, origin="sepzoo")
    assert "not in the source: stem/kernel" in str(raised.value)
    assert "in the source alone: elsewhere/kernel" in str(raised.value)
    assert "stem_bn/gamma has (3,), expected (8,)" in str(raised.value)
    assert "Nothing was loaded." in str(raised.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, fresh.get_weights(), strict=True))


def test_another_number_of_classes_keeps_the_new_classifier(trained):
    model = build("mobilenet_v1", **{**SMALL, "classes": 7})
    classifier = [np.asarray(w) for w in model.get_layer("logits").weights]
    report = load_weights(model, named_arrays(trained), new_head=True)
    assert sorted(report.kept) == ["logits/bias", "logits/kernel"]
    assert all(np.array_equal(a, b) for a, b in zip(classifier, model.get_layer("logits").get_weights(), strict=True))
    np.testing.assert_array_equal(model.get_layer("stem").get_weights()[0], trained.get_layer("stem").get_weights()[0])


def test_a_headless_network_leaves_the_files_classifier_out(trained, tmp_path, caplog):
    path = save(trained, tmp_path / "trained.keras")
    model = build("mobilenet_v1", **SMALL, include_top=False, weights=path)
    np.testing.assert_array_equal(model.get_layer("stem").get_weights()[0], trained.get_layer("stem").get_weights()[0])
    assert "2 of the file are not used: logits/kernel, logits/bias" in caplog.text


def test_a_headless_network_still_refuses_foreign_layers(trained):
    arrays = {**named_arrays(trained), "elsewhere/kernel": np.zeros(3)}
    with pytest.raises(SepzooError, match="in the source alone: "):
        load_weights(build("mobilenet_v1", **SMALL, include_top=False), arrays, new_head=True)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("missing.h5", None, "which does not exist"),
        ("damaged.h5", b"not an hdf5 file", "the file is damaged or another thing than its name says"),
        ("damaged.npz", b"PK\x03\x04 cut off", "the file is damaged or another thing than its name says"),
        ("weights.pkl", b"", "expected a weight file (.h5, .keras, .npz"),
        ("weights.pkl", b"\x80\x04.", "weights.pkl, a file of another kind."),
        ("weights.npy", b"\x93NUMPY\x01\x00", "weights.npy, one array without a name. Save arrays by name:"),
    ],
)
def test_files_that_cannot_be_read(fresh, tmp_path, name, content, text):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SepzooError) as raised:
        load_weights(fresh, path)
    assert text in str(raised.value)
    assert name in str(raised.value)


def test_pickled_arrays_are_refused(fresh, tmp_path):
    np.savez(tmp_path / "weights.npz", stem=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SepzooError, match="the file is damaged"):
        load_weights(fresh, tmp_path / "weights.npz")


def test_unknown_origin(fresh, trained):
    with pytest.raises(SepzooError, match=r"unknown origin of weights 'kears'\. Did you mean keras"):
        load_weights(fresh, named_arrays(trained), origin="kears")


def test_the_official_file_loads_by_its_own_names(shared):
    path = shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5"
    model = build("mobilenet_v1", alpha=0.25, weights=path)
    with h5py.File(path) as file:
        kernel = file["model_weights"]["conv_pw_13"]["conv_pw_13/kernel:0"][()]
    np.testing.assert_array_equal(model.get_layer("stage5_unit2_pointwise").get_weights()[0], kernel)
    with pytest.raises(SepzooError, match="Build the network with the arguments that the weights had"):
        build("mobilenet_v1", alpha=0.5, weights=path)


def test_backbone_of_mobilenet_v2_loads(shared):
    path = shared / "weights" / "mobilenet_v2_0.35_224_imagenet_keras_no_top.npz"
    model = build("mobilenet_v2", alpha=0.35, include_top=False, weights=path)
    with np.load(path) as arrays:
        kernel = arrays["block_16_project/kernel"]
    np.testing.assert_array_equal(model.get_layer("stage5_unit4_project").get_weights()[0], kernel)
    assert build("mobilenet_v2", alpha=0.35, classes=3, weights=path).output_shape == (None, 3)


def test_imagenet_weights_that_do_not_exist_are_listed():
    for arguments in ({"alpha": 0.3}, {"conv": "bsconv_u"}):
        with pytest.raises(SepzooError) as raised:
            build("mobilenet_v1", weights="imagenet", **arguments)
        assert "no ImageNet weights exist for this form of mobilenet_v1." in str(raised.value)
        assert "alpha=0.25 at 128, 160, 192, 224 px" in str(raised.value)


def test_without_network_there_is_one_line_and_no_network(monkeypatch):
    def no_network(*args, **kwargs):
        raise Exception("URL fetch failure on …: [Errno -2] Name or service not known")

    monkeypatch.setattr(imagenet, "download", no_network)
    with pytest.raises(SepzooError) as raised:
        build("mobilenet_v1", weights="imagenet")
    assert str(raised.value).startswith("cannot download mobilenet_1_0_224_tf.h5: URL fetch failure")
    assert "\n" not in str(raised.value)


def test_the_official_file_is_chosen_by_width_size_and_head(monkeypatch, tmp_path):
    asked = []

    def recorded(name, url, **kwargs):
        asked.append(name)
        raise Exception("no network")

    monkeypatch.setattr(imagenet, "download", recorded)
    for arguments in (
        {"alpha": 0.5, "input_shape": (160, 160, 3)},
        {"alpha": 0.75, "classes": 5},
        {"include_top": False, "input_shape": (None, None, 3)},
    ):
        with pytest.raises(SepzooError, match="cannot download"):
            build("mobilenet_v1", weights="imagenet", **arguments)
    assert asked == ["mobilenet_5_0_160_tf.h5", "mobilenet_7_5_224_tf_no_top.h5", "mobilenet_1_0_224_tf_no_top.h5"]


def test_a_download_that_changed_is_refused(monkeypatch, tmp_path):
    path = tmp_path / "weights.h5"
    path.write_bytes(b"first")
    monkeypatch.setattr(imagenet, "download", lambda *args, **kwargs: path)
    file = WeightFile({}, 224, True, "https://example.org/weights.h5")
    imagenet._download(file)
    assert (tmp_path / "weights.h5.sha256").read_text().strip() == hashlib.sha256(b"first").hexdigest()
    imagenet._download(file)
    path.write_bytes(b"second")
    with pytest.raises(SepzooError, match="recorded at the first download"):
        imagenet._download(file)
