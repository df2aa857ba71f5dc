"""Surgery on the zoo's own networks, with real weights where there are some."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy as to_numpy

from sepzoo import applications
from sepzoo.analysis import profile
from sepzoo.artifact.model_file import metadata_of
from sepzoo.surgery import fold_batch_norm, to_keras

pytestmark = pytest.mark.slow


def test_real_weights_fold_to_the_same_probabilities(shared):
    model = applications.build("mobilenet_v1", alpha=0.25)
    applications.load_weights(model, shared / "weights" / "mobilenet_v1_0.25_224_imagenet_keras.h5", origin="keras")
    photographs = sorted((shared / "data" / "imagenet_sample" / "images").iterdir())[::100]
    preprocessing = metadata_of(model).preprocessing
    images = preprocessing.normalize(np.stack([preprocessing.resize(_read(path), (224, 224)) for path in photographs]))
    folded, report = fold_batch_norm(model)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    assert not any(change.skipped for change in report.changes)
    assert report.macs_after == profile(model).macs == 41_030_272
    assert metadata_of(folded) == metadata_of(model)
    expected = to_numpy(model(images, training=False))
    np.testing.assert_allclose(to_numpy(folded(images, training=False)), expected, atol=1e-5)
    assert expected.max() > 0.1


def _read(path):
    from PIL import Image

    return Image.open(path).convert("RGB")


@pytest.mark.parametrize("name", ["cifar_mobilenetv1_w1d4_bsconvu", "cifar_mobilenetv2_w1d4_bsconvs_p1d6"])
def test_bsconv_networks_expand_into_stock_layers_and_fold(name, randomize, outputs_of):
    model = randomize(applications.build(name, classifier_activation=None))
    for layer in model.layers:  # random signs would let the signal grow with the depth
        if not isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([weight * 0.2 for weight in layer.get_weights()])
    expected = outputs_of(model)[0]
    tolerance = 1e-5 * max(1.0, float(np.abs(expected).max()))
    builtin, report = to_keras(model)
    assert len(report.changes) > 5
    assert "sepzoo" not in json.dumps(builtin.get_config(), default=str)
    assert profile(builtin).layers == profile(model).layers
    np.testing.assert_allclose(outputs_of(builtin)[0], expected, atol=tolerance)
    folded, report = fold_batch_norm(model)
    left = [layer.name for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert left == [change.layer for change in report.changes if change.skipped]
    assert len(left) == 1  # the one at the input, which stands in for normalization
    np.testing.assert_allclose(outputs_of(folded)[0], expected, atol=tolerance)
