"""ConvNeXt's layers in `keras.applications` and timm."""

from __future__ import annotations

from collections.abc import Sequence

from sepzoo.weights.names.bottleneck import stage_and_unit

_KERAS = {
    "depthwise": "depthwise_conv",
    "norm": "layernorm",
    "expand": "pointwise_conv_1",
    "project": "pointwise_conv_2",
    "scale": "layer_scale",
}
_TIMM = {"depthwise": "conv_dw", "norm": "norm", "expand": "mlp.fc1", "project": "mlp.fc2", "scale": "gamma"}


def keras_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the layer of `keras.applications.ConvNeXtTiny` and its kin.

    All begin with the network's own name. A `.h5` file says of nested layers the outer one alone.
    """
    names = {"stem": "*_stem|*_stem_conv", "stem_norm": "*_stem|*_stem_layernorm"}
    names |= {"hidden_norm": "*_head_layernorm|layer_normalization*", "predictions": "*_head_dense"}
    for place in places:
        stage, unit = stage_and_unit(place)
        outer = f"*_downsampling_block_{stage - 2}"
        names[f"stage{stage}_downsample"] = f"{outer}|*_downsampling_conv_{stage - 2}"
        names[f"stage{stage}_downsample_norm"] = f"{outer}|*_downsampling_layernorm_{stage - 2}"
        names |= {f"{place}_{ours}": f"*_stage_{stage - 1}_block_{unit - 1}_{part}" for ours, part in _KERAS.items()}
    return names


def timm_names(places: Sequence[str]) -> dict[str, str]:
    """Return, for each of our layers with weights, the module of timm's `convnext_tiny` and its kin."""
    names = {"stem": "stem.0", "stem_norm": "stem.1", "hidden_norm": "head.norm", "predictions": "head.fc"}
    for place in places:
        stage, unit = stage_and_unit(place)
        outer = f"stages.{stage - 1}"
        names[f"stage{stage}_downsample_norm"] = f"{outer}.downsample.0"
        names[f"stage{stage}_downsample"] = f"{outer}.downsample.1"
        names |= {f"{place}_{ours}": f"{outer}.blocks.{unit - 1}.{part}" for ours, part in _TIMM.items()}
    return names
