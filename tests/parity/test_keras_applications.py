"""Keras's own test for applications, as it ships in the wheel, on our builders: its five cases that need no network.

Its module is run once more with our builders in the place of Keras's, so the cases are Keras's own, word for word.
"""

from __future__ import annotations

import importlib.util

import keras
import pytest

from sepzoo.applications import build

OURS = {  # Keras's module and builder: our name
    ("mobilenet", "MobileNet"): "mobilenet_v1",
    ("mobilenet_v2", "MobileNetV2"): "mobilenet_v2",
    ("mobilenet_v3", "MobileNetV3Small"): "mobilenet_v3_small",
    ("mobilenet_v3", "MobileNetV3Large"): "mobilenet_v3_large",
    ("resnet", "ResNet50"): "resnet50",
    ("vgg16", "VGG16"): "vgg16",
    ("vgg19", "VGG19"): "vgg19",
    ("xception", "Xception"): "xception",
}
CASES = (
    "application_notop_variable_input_channels",
    "application_notop_custom_input_shape",
    "application_notop_custom_input_tensor",
    "application_pooling",
    "application_classifier_activation",
)
built: list[str] = []


def _of_ours(builder, name):
    """Return our builder under the name of Keras's."""

    def build_ours(**arguments):
        built.append(name)
        return build(name, **arguments)

    build_ours.__name__ = builder.__name__
    return build_ours


@pytest.fixture(scope="module")
def kerass_test(pytestconfig):
    """Keras's test class, made anew upon our builders."""
    pytestconfig.addinivalue_line("markers", "requires_trainable_backend: Keras's own")
    spec = importlib.util.find_spec("keras.src.applications.applications_test")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for (module_name, builder_name), name in OURS.items():
            place = importlib.import_module(f"keras.src.applications.{module_name}")
            patch.setattr(place, builder_name, _of_ours(getattr(place, builder_name), name))
        spec.loader.exec_module(module)
    return module.ApplicationsTest


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("builder", [builder for _, builder in OURS])
def test_kerass_own_case(kerass_test, builder, case):
    assert keras.config.image_data_format() == "channels_last"
    del built[:]
    kerass_test(f"test_{case}_{builder}_channels_last").debug()
    assert set(built) == {name for (_, theirs), name in OURS.items() if theirs == builder}
