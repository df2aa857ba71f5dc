"""Exact counts of the families whose tables others rebuilt: parameters, trained ones, multiply-accumulates."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from sepzoo.analysis import profile
from tests.applications.test_exact_counts import built

TABLE = Path(os.environ.get("SEPZOO_SHARED", "")) / "reference" / "families_counts.csv"
THEIRS = {  # our name: the table's
    **{f"efficientnet_b{i}": f"EfficientNetB{i}" for i in range(8)},
    **{f"efficientnet_lite{i}": f"tf_efficientnet_lite{i}" for i in range(5)},
    **{f"efficientnet_v2_{size}": f"EfficientNetV2{size.upper()}" for size in ("b0", "b1", "b2", "b3", "s", "m", "l")},
    **{f"convnext_{size}": f"convnext_{size}" for size in ("atto", "femto", "pico", "nano")},
    **{f"convnext_{size}": f"ConvNeXt{size.title()}" for size in ("tiny", "small", "base", "large")},
    **{f"ghostnet_w{width}": f"ghostnet_{width}" for width in ("050", "100", "130")},
    "nasnet_mobile": "NASNetMobile",
    "nasnet_large": "NASNetLarge",
    "ds_cnn_s": "dscnn_S (no bias; BN with gamma)",
    "ds_cnn_m": "dscnn_M_arm (bias; BN without gamma)",
    "ds_cnn_l": "dscnn_L_arm (bias; BN without gamma)",
    "mlperf_tiny_keywords": "dscnn_mlperf_kws",
    "mlperf_tiny_persons": "vww_mlperf_bias",
    "mnasnet_a1": "semnasnet_100",
    "mnasnet_b1": "mnasnet_100",
    "mnasnet_small": "mnasnet_small",
    **{f"mcunet_in{i}": f"mcunet-in{i}" for i in range(5)},
    "mobilenet_v4_small": "mobilenetv4_conv_small",
    "mobilenet_v4_small_w050": "mobilenetv4_conv_small_050",
    "mobilenet_v4_small_w035": "mobilenetv4_conv_small_035",
    "mobilenet_v4_medium": "mobilenetv4_conv_medium",
    "mobilenet_v4_large": "mobilenetv4_conv_large",
    **{f"mobileone_s{i}": f"mobileone_s{i}:unfused" for i in range(5)},
    **{f"mobileone_s{i}_fused": f"mobileone_s{i}:fused" for i in range(5)},
    **{f"matchboxnet_3x{r}x64": f"matchboxnet_3x{r}x64_12cls" for r in (1, 2)},
    **{f"quartznet_{b}x5": f"quartznet_{b}x5 (CTC 29)" for b in (5, 10, 15)},
    **{f"tc_resnet{n}": f"tcresnet{n}" for n in (8, 14)},
    **{f"tc_resnet{n}_w3d2": f"tcresnet{n}_1.5" for n in (8, 14)},
    "inceptiontime": "inceptiontime_GunPoint (1 ch; 2 cls)",
}
WIDTHS = [  # the table's name: ours, and its width
    *((f"semnasnet_{int(100 * alpha):03}", "mnasnet_a1", alpha) for alpha in (0.5, 0.75, 1.4)),
    *((f"mnasnet_{int(100 * alpha):03}", "mnasnet_b1", alpha) for alpha in (0.5, 0.75, 1.4)),
]
SERIES = [  # likewise, with other arguments
    *((f"matchboxnet_3x{r}x64_{n}cls", f"matchboxnet_3x{r}x64", {"classes": n}) for r in (1, 2) for n in (30, 35)),
    *(
        (f"matchboxnet_3x{r}x64_30cls_stride2_conv1", f"matchboxnet_3x{r}x64", {"classes": 30, "stem_strides": 2})
        for r in (1, 2)
    ),
    ("matchboxnet_6x2x64_30cls", "matchboxnet_6x2x64", {"classes": 30}),
    ("inceptiontime_ArrowHead (1 ch; 3 cls)", "inceptiontime", {"input_shape": (251, 1), "classes": 3}),
    ("inceptiontime_BasicMotions (6 ch; 4 cls)", "inceptiontime", {"input_shape": (100, 6), "classes": 4}),
    ("inceptiontime_64 features (30 cls)", "inceptiontime", {"input_shape": (128, 64), "classes": 30}),
    ("inceptiontime_ItalyPowerDemand", "inceptiontime", {"input_shape": (24, 1)}),
]


@pytest.fixture(scope="module")
def rows():
    if not TABLE.is_file():
        pytest.skip("SEPZOO_SHARED names no folder with the counts")
    with TABLE.open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def assert_counts(row, model):
    found = profile(model)
    assert found.params == int(row["params_total"])
    assert found.trainable_params == int(row["trainable"])
    assert found.macs == int(row["macs"])
    assert model.input_shape[1:] == tuple(map(int, row["input_size"].split("x")))


@pytest.mark.parametrize("name", THEIRS)
def test_counts_of_every_name(rows, name):
    assert_counts(rows[THEIRS[name]], built(name))


@pytest.mark.parametrize(("theirs", "name", "alpha"), WIDTHS)
def test_counts_of_widths(rows, theirs, name, alpha):
    assert_counts(rows[theirs], built(name, alpha=alpha))


@pytest.mark.parametrize(("theirs", "name", "arguments"), SERIES)
def test_counts_of_networks_on_series(rows, theirs, name, arguments):
    assert_counts(rows[theirs], built(name, **arguments))
