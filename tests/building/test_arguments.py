"""Whatever is given as an argument: a network, or one line that says what is expected."""

from __future__ import annotations

import inspect
import random

import numpy as np
import pytest

from sepzoo.applications import build, card
from sepzoo.artifact.model_file import metadata_of
from sepzoo.building import build as building
from sepzoo.catalog.families import FAMILIES
from sepzoo.layers.conventions import Conventions
from sepzoo.support.arguments import checked, declared, field_types
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import is_one_line
from sepzoo.weights import imagenet
from tests.small import SMALL


class Odd:
    """A value whose text would steer a terminal, and that equals nothing."""

    __hash__ = None

    def __repr__(self):
        return "Odd\n\x1b[2J"

    def __eq__(self, other):
        raise RuntimeError


WRONG = [
    "x", "", float("nan"), float("inf"), -float("inf"), -1, -0.5, 10**400, [], [1], [1, "x"], {}, {"a": 1}, object(),
    b"1", np.zeros(2), np.float32("nan"), (True,) * 4, True, None, 1e30, ("a\nb",),
    10**9, -(10**400), np.int64(-1), np.bool_(True), np.array([1, 2]), complex(1, 1), range(5), (10**9,) * 5, Odd(),
    set(), object, len, "\x1b[2J",
]  # fmt: skip
TAKEN_BY_ALL = ("weights", "input_shape", "classes", "include_top", "pooling", "conv", "conv_options", "model_name")


def refusal(make):
    """Return the text of the error that a call ends in, None where it ends well; any other exception is a fault."""
    try:
        make()
    except SepzooError as error:
        return str(error)
    return None


def names_of(family):
    return [*field_types(family.arguments), *field_types(Conventions)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_defaults_and_listed_names_are_legal(family):
    for values in [vars(family.arguments()), *(spec.arguments for spec in family.listed)]:
        own = {name: value for name, value in values.items() if name in field_types(family.arguments)}
        assert vars(declared(family.arguments, own, of=family.name)).items() >= own.items()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_argument_is_described(family):
    assert set(card(family.listed[0].name).takes) == set(field_types(family.arguments))
    text = inspect.getdoc(family.arguments)  # without the indentation, which Python takes off itself since 3.13
    assert all(f"\n    {name}: " in text for name in field_types(family.arguments))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_wrong_values_are_refused_in_one_line(family):
    """Those that the declared type takes, such as None or True, are legal here or there; all others are refused."""
    name, arguments = SMALL[family.name]
    types = {**field_types(family.arguments), **field_types(Conventions)}
    for argument, hint in types.items():
        for value in WRONG:
            try:
                checked(value, hint, name=argument)
            except SepzooError:
                with pytest.raises(SepzooError) as raised:
                    build(name, **{**arguments, argument: value})
                assert is_one_line(str(raised.value))
                assert argument in str(raised.value)
                assert len(str(raised.value)) < 600


@pytest.mark.slow
@pytest.mark.parametrize("argument", TAKEN_BY_ALL)
def test_wrong_values_of_what_all_families_take(argument):
    refused = 0
    for value in WRONG:
        text = refusal(lambda value=value: build("cifar_resnet20", **{"units": 1, argument: value}))
        refused += text is not None
        assert is_one_line(text or "")
    assert refused >= len(WRONG) - 6


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_random_legal_and_illegal_values_end_in_a_network_or_in_one_line(family):
    draw = random.Random(family.name)
    name, arguments = SMALL[family.name]
    for _ in range(20):
        given = {
            argument: draw.choice([*WRONG, 0, 1, 2, 3, 4, 0.01, 0.3, (1, 2, 2, 2, 2), (2,) * 5, (1,) * 4, "relu"])
            for argument in draw.sample(names_of(family), 2)
        }
        if any(isinstance(value, int) and value > 4 for value in given.values()):
            continue
        text = refusal(lambda given=given: build(name, **{**arguments, **given}))
        assert is_one_line(text or "")


def test_a_value_has_the_form_of_its_type():
    vgg = next(family for family in FAMILIES if family.name == "vgg")
    given = declared(vgg.arguments, {"alpha": np.int64(1), "hidden": np.int32(8)}, of="vgg")
    assert (type(given.alpha), type(given.hidden)) == (float, int)


def test_a_second_name_is_no_argument():
    with pytest.raises(SepzooError, match="unknown argument of vgg: 'name'"):
        build("vgg16", name="x")
    assert build(name="cifar_resnet20", units=1).name == "cifar_resnet20"


@pytest.mark.parametrize("activation", ["sofmax", 5, "", {"class_name": "x"}])
def test_an_unknown_activation_of_the_classifier(activation):
    with pytest.raises(SepzooError, match="classifier_activation"):
        build("cifar_resnet20", units=1, classifier_activation=activation)


@pytest.mark.parametrize(("kind", "options"), [("bsconv_s", {"p": "x"}), ("bsconv_s", {"p": float("nan")}),
    ("separable", {"terms": 1.5}), ("inception", {"segments": "x"}), ("resnext", {"batch_norm": 1}),
    ("hybrid", {"activation": "rely"}), ("bsconv_s", {"orthonormal": -1})])  # fmt: skip
def test_options_of_a_kind_are_checked_too(kind, options):
    with pytest.raises(SepzooError, match=f"kind '{kind}'"):
        build("cifar_resnet20", units=1, conv=kind, conv_options=options)


def test_sizes_that_do_not_go_together():
    with pytest.raises(SepzooError, match="sizes do not go together") as raised:
        build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), stem_strides=32)
    assert "\n" not in str(raised.value)


OTHER = {  # another legal value of each argument
    "depth": 19, "alpha": 0.5, "hidden": 16, "residual": False, "use_bias": False, "strided_conv": 2,
    "depth_multiplier": 2, "activation": "relu", "stem_strides": 1, "strides": (1, 1, 2, 2, 2), "classifier": "dense",
    "divisor": None, "first_expansion": True, "size": "small", "minimalistic": True, "final_squeeze": True,
    "full_head": False, "width": 0.5, "lite": True, "table": "s", "depths": (3, 3, 27, 3), "channels": 192,
    "units": (6, 6, 6), "stem": 96, "batch_norm": True,
    "skip_reduction": True,
    "padding": "same", "input_batch_norm": True, "batch_norm_epsilon": 0.1,
}  # fmt: skip
FREE = {"output_stride", "dropout", "drop_path", "batch_norm_momentum", "initializers", "layer_scale"}
OFFICIAL = [family for family in FAMILIES if family.weights]


@pytest.mark.slow
@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize("family", OFFICIAL, ids=lambda family: family.name)
def test_official_weights_depend_on_every_argument_that_acts_on_them(monkeypatch, family, include_top):
    chosen, said = [], []
    monkeypatch.setattr(imagenet, "_download", lambda file: chosen.append(file) or "file")
    spec = next(spec for spec in family.listed if card(spec.name).weights)

    def files(**arguments):
        del chosen[:]
        values = imagenet.all_arguments(family, {**spec.arguments, **arguments})
        try:
            imagenet.imagenet_weights(family, spec, values, (None, 224, 224, 3), own_form=True, include_top=include_top)
        except SepzooError as error:
            said.append(str(error))
        return [(file.url, file.arguments) for file in chosen]

    usual = files()
    assert len(usual) == 1
    heads = {"hidden", "classifier", "full_head"}
    for name in set(names_of(family)) - FREE:
        first = family.name == "mobilenet_v1"
        other = {**OTHER, "padding": "symmetric" if first else "end", "use_bias": first}[name]
        found = files(**{name: other})
        if name in heads and not include_top:
            assert found == usual
        else:
            assert found != usual
            assert found or f"{name}=" in said[-1]
            assert all(arguments.get(name) == other for _, arguments in found)
    for name in FREE & set(names_of(family)):
        legal = {"output_stride": 8, "dropout": 0.5, "drop_path": 0.5, "batch_norm_momentum": 0.5, "layer_scale": 0.5}
        assert files(**{name: legal.get(name, "bsconv")}) == usual


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", ["vgg16", "resnet50"])
def test_the_preprocessing_has_the_input_s_channels_with_labels_too(monkeypatch, tmp_path, name, channels):
    arguments = {"alpha": 0.0625, "classes": None, "input_shape": (32, 32, channels)}
    arguments |= {"hidden": 8} if name == "vgg16" else {}
    trained = build(name, **{**arguments, "input_shape": (32, 32, 3)})
    path = tmp_path / "weights.npz"
    np.savez(path, **{variable.path: np.asarray(variable) for variable in trained.weights})
    monkeypatch.setattr(building, "imagenet_weights", lambda *args, **kwargs: path)
    monkeypatch.setattr(building, "imagenet_labels", lambda: tuple((f"n{i}", f"class {i}") for i in range(1000)))
    metadata = metadata_of(build(name, **arguments, weights="imagenet"))
    assert metadata.labels[7] == "class 7"
    means = {3: 3, 1: 1, 4: 4}
    assert len(metadata.preprocessing.mean) == means[channels]
    assert metadata.preprocessing.normalize(np.zeros((1, 8, 8, channels))).shape == (1, 8, 8, channels)
