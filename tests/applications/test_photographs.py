"""Real weights on real photographs: the accuracy that they are known for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from sepzoo.applications import build, preprocess


@pytest.mark.slow
@pytest.mark.parametrize(
    ("alpha", "file", "top1", "top5"),
    [
        (0.25, "mobilenet_v1_0.25_224_imagenet_keras.h5", 0.564, 0.790),
        (0.75, "mobilenet_v1_0.75_224_imagenet_keras.npz", 0.832, 0.946),
    ],
)
def test_mobilenet_v1_on_500_photographs(shared, alpha, file, top1, top5):
    model = build("mobilenet_v1", alpha=alpha, weights=shared / "weights" / file)
    paths = sorted((shared / "data" / "imagenet_sample" / "images").glob("*.JPEG"))
    labels = np.array([int(path.name.split("_")[0]) for path in paths])
    assert len(paths) == 500
    best = [
        np.argsort(-np.asarray(model(preprocess(model, [np.asarray(Image.open(p).convert("RGB")) for p in batch]))))[
            :, :5
        ]
        for batch in np.array_split(np.array(paths), 10)
    ]
    hits = np.concatenate(best) == labels[:, None]
    assert hits[:, 0].mean() == pytest.approx(top1, abs=0.01)
    assert hits.any(axis=1).mean() == pytest.approx(top5, abs=0.01)
