"""Pictures of what analysis found, as PNG files."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np

from sepzoo.analysis.correlations import KernelCorrelations
from sepzoo.analysis.profiling import Profile
from sepzoo.layers.graph import layers_of
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.figure_file import figure_file

PathLike = str | os.PathLike[str]


def plot_kernel_correlations(correlations: KernelCorrelations, path: PathLike) -> Path:
    """Write a picture of the shares of all layers: along depth and across kernels, centred and not, and by chance.

    Example:
        >>> import tempfile
        >>> from sepzoo.analysis import kernel_correlations
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> plot_kernel_correlations(kernel_correlations(model), tempfile.mkdtemp() + "/shares.png").exists()
        True
    """
    panels = [
        (field, title, [layer for layer in correlations.layers if getattr(layer, field) is not None])
        for field, title in (("along_depth", "along depth (intra-kernel)"), ("across_kernels", "across kernels"))
    ]
    panels = [panel for panel in panels if panel[2]] or panels[:1]  # depthwise layers have nothing across kernels
    widths = [max(len(layers), 5) for _field, _title, layers in panels]
    with figure_file(path, size=(max(6.0, 0.24 * sum(widths) + 3), 5.5)) as figure:
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False, width_ratios=widths)
        for axes, (field, title, layers) in zip(grid[0], panels, strict=True):
            for name, label, style in (
                (field, "mean left in (blueprint)", "o-"),
                (f"{field}_centred", "centred (PCA)", "s-"),
                (f"chance_{field}", "by chance", "k.:"),
            ):
                shares = [np.nan if (share := getattr(layer, name)) is None else share for layer in layers]
                axes.plot(range(len(layers)), shares, style, label=label)
            axes.set(title=title, ylim=(0, 1.02), xlim=(-0.5, len(layers) - 0.5))
            axes.set_xticks(range(len(layers)), [layer.layer for layer in layers], rotation=90, fontsize=7)
            axes.grid(alpha=0.3)
        grid[0][0].set_ylabel("share of the first component")
        figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        figure.suptitle(correlations.model)
    return Path(path)


def plot_kernels(model: keras.Model, layer: str, path: PathLike, *, filters: int = 6, slices: int = 12) -> Path:
    """Write a picture of some filters of a convolution: the blueprint on the left, then the slices along depth.

    Rows are the filters of the largest norm, the largest first. A row shows the filter's slices of the largest norm,
    the largest first, each under the number of its input channel. The blueprint is as strong as in the slice that holds
    most of it. All pictures have one scale, which stands on the right.

    Args:
        model: functional or Sequential.
        layer: name of a `Conv2D`; in a nested model "model/layer".
        path: of the PNG file.
        filters: how many rows.
        slices: how many slices a row.

    Raises:
        SepzooError: no such layer, or one without a k x k kernel over several channels.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> plot_kernels(model, "conv", tempfile.mkdtemp() + "/kernels.png").exists()
        True
    """
    kernel = _kernel(model, layer)
    chosen = np.argsort(-np.sum(kernel**2, axis=(0, 1, 2)))[:filters]
    columns = min(slices, kernel.shape[2])
    blueprints = [_blueprint(kernel[..., number]) for number in chosen]
    reach = float(max(np.abs(kernel[..., chosen]).max(), *(np.abs(each).max() for each in blueprints))) or 1.0
    with figure_file(path, size=(0.65 * (columns + 1) + 2.5, 0.85 * len(chosen) + 1.4)) as figure:
        grid = figure.subplots(len(chosen), columns + 1, squeeze=False)
        for row, number, blueprint in zip(grid, chosen, blueprints, strict=True):
            one = kernel[..., number]
            strongest = np.argsort(-np.linalg.norm(one, axis=(0, 1)))[:columns]
            for axes, pixels in zip(row, [blueprint, *(one[..., channel] for channel in strongest)], strict=True):
                image = axes.imshow(pixels, cmap="RdBu", vmin=-reach, vmax=reach)
                axes.set(xticks=[], yticks=[])
            for axes, channel in zip(row[1:], strongest, strict=True):
                axes.set_xlabel(f"channel {channel}", fontsize=6, labelpad=2)
            row[0].set_ylabel(f"filter {number}", fontsize=7)
        for axes, title in zip(
            grid[0], ["blueprint", *(f"slice {rank}" for rank in range(1, columns + 1))], strict=True
        ):
            axes.set_title(title, fontsize=7)
        figure.colorbar(image, ax=grid, label="weight", shrink=0.8, pad=0.01)
        figure.suptitle(f"{model.name}: {layer}", fontsize=9)
        figure.supxlabel("filters from the top and slices from the left, the largest norm first", fontsize=7)
    return Path(path)


def plot_costs(profile: Profile, path: PathLike) -> Path:
    """Write a picture of the multiply-accumulates and parameters of each layer that multiplies.

    Example:
        >>> import tempfile
        >>> from sepzoo.analysis import profile
        >>> model = keras.Sequential([keras.Input((8, 8, 16)), keras.layers.Conv2D(32, 3, name="conv")])
        >>> plot_costs(profile(model), tempfile.mkdtemp() + "/costs.png").exists()
        True
    """
    layers = [layer for layer in profile.layers if layer.macs]
    with figure_file(path, size=(9.0, max(2.5, 0.18 * len(layers) + 1.2))) as figure:
        for axes, field in zip(figure.subplots(1, 2, sharey=True), ("macs", "params"), strict=True):
            axes.barh([layer.name for layer in layers], [getattr(layer, field) for layer in layers])
            axes.set(xlabel={"macs": "multiply-accumulates", "params": "parameters"}[field])
            axes.tick_params(axis="y", labelsize=7)
            axes.locator_params(axis="x", nbins=4)
            axes.grid(axis="x", alpha=0.3)
        axes.invert_yaxis()
        figure.suptitle(profile.name)
    return Path(path)


def _kernel(model: keras.Model, name: str) -> np.ndarray:
    """Return the kernel of a convolution: (height, width, inputs, filters)."""
    layers = dict(layers_of(model))
    if name not in layers:
        raise unknown("layer", name, layers)
    kernel = getattr(layers[name], "kernel", None)
    if kernel is None or len(kernel.shape) != 4 or kernel.shape[0] * kernel.shape[1] == 1 or kernel.shape[2] == 1:
        raise SepzooError(
            f"expected a layer with k x k kernels over several channels. Received: {name!r} "
            f"({type(layers[name]).__name__}). `kernel_correlations` lists them."
        )
    return np.asarray(keras.ops.convert_to_numpy(kernel), "float64")


def _blueprint(one: np.ndarray) -> np.ndarray:
    """Return the k x k picture that explains most of a filter, as the slice that holds most of it has it."""
    height, width, depth = one.shape
    u, s, vt = np.linalg.svd(one.reshape(height * width, depth), full_matrices=False)
    strength = s[0] * np.abs(vt[0]).max() * (np.sign(vt[0].sum()) or 1.0)
    return (u[:, 0] * strength).reshape(height, width)
