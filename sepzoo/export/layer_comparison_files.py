"""The errors of a file's layers as files: a table, a picture, and an overlay for Google's Model Explorer."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from sepzoo.export.layer_comparison import LayerError, LayerErrors
from sepzoo.support.atomic import atomic_write
from sepzoo.support.csv_file import write_csv
from sepzoo.support.figure_file import figure_file

SUFFIXES = (".layers.csv", ".layers.png", ".layers.json")
"""What the names of the three files have behind that of the `.tflite` file."""

_WORST, _BEST = "#d73027", "#ffffff"


def write_layer_errors(errors: LayerErrors) -> None:
    """Write all three beside the `.tflite` file.

    Example: `sepzoo export --layer-report` writes them.
    """
    csv, png, node_data = (errors.path.with_name(errors.path.name + suffix) for suffix in SUFFIXES)
    layer_errors_to_csv(errors, csv)
    plot_layer_errors(errors, png)
    layer_errors_to_node_data(errors, node_data)


def layer_errors_to_csv(errors: LayerErrors, path: str | os.PathLike[str]) -> Path:
    """Write one line a layer, the worst first; where nothing differs the ratio is empty.

    Example:
        >>> import tempfile
        >>> found = LayerErrors(Path("net.tflite"), "net", "noise", (LayerError("stem", "CONV_2D", "Relu", 31.5, 0.5),))
        >>> layer_errors_to_csv(found, tempfile.mkdtemp() + "/layers.csv").read_text().splitlines()
        ['layer,operator,tensor,snr,mean_share,place', 'stem,CONV_2D,Relu,31.5,0.5,0']
    """
    header = [field.name for field in dataclasses.fields(LayerError)]
    return write_csv(path, header, map(dataclasses.astuple, errors.layers))


def plot_layer_errors(errors: LayerErrors, path: str | os.PathLike[str]) -> Path:
    """Write a picture: a bar a layer in the order of the file, the ten worst dark; where nothing differs none.

    Example:
        >>> import tempfile
        >>> found = LayerErrors(Path("net.tflite"), "net", "noise", (LayerError("stem", "CONV_2D", "Relu", 31.5, 0.5),))
        >>> plot_layer_errors(found, tempfile.mkdtemp() + "/layers.png").exists()
        True
    """
    layers = sorted(errors.layers, key=lambda each: each.place)
    worst = errors.layers[:10]
    with figure_file(path, size=(8, max(3.0, 0.2 * len(layers) + 1.2))) as figure:
        axes = figure.subplots()
        colours = [_WORST if each in worst else "#9ecae1" for each in layers]
        axes.barh(range(len(layers)), [each.snr or 0 for each in layers], color=colours)
        axes.set_yticks(range(len(layers)), [each.layer for each in layers], fontsize=7)
        axes.set(xlabel="signal-to-noise ratio, dB", ylim=(len(layers) - 0.5, -0.5), title=errors.path.name)
        axes.grid(axis="x", alpha=0.3)
    return Path(path)


def layer_errors_to_node_data(errors: LayerErrors, path: str | os.PathLike[str]) -> Path:
    """Write the ratios as node data of Google's Model Explorer, which colours the file's own graph by them.

    Its keys are the tensors' names, by which Model Explorer finds the operators
    (github.com/google-ai-edge/model-explorer, `GraphNodeData`): open the `.tflite` file there, then this one by "Add
    per-node data". The worst layers are red.

    Example:
        >>> import tempfile
        >>> found = LayerErrors(Path("net.tflite"), "net", "noise", (LayerError("stem", "CONV_2D", "Relu", 31.5, 0.5),))
        >>> json.loads(layer_errors_to_node_data(found, tempfile.mkdtemp() + "/layers.json").read_text())["results"]
        {'Relu': {'value': 31.5}}
    """
    results = {each.tensor: {"value": round(each.snr, 2)} for each in errors.layers if each.snr is not None}
    colours = [{"stop": 0, "bgColor": _WORST}, {"stop": 1, "bgColor": _BEST}]
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"results": results, "gradient": colours}, indent=1), encoding="utf-8")
    return Path(path)
