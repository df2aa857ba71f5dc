"""What a model costs and how its kernels correlate, of the whole and of each layer, as tables, CSV and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.analysis.correlations import KernelCorrelations, LayerCorrelation, kernel_correlations
    from sepzoo.analysis.costs_file import costs_to_csv
    from sepzoo.analysis.plots import plot_costs, plot_kernel_correlations, plot_kernels
    from sepzoo.analysis.profiling import LayerProfile, Profile, profile

__all__ = [
    "KernelCorrelations",
    "LayerCorrelation",
    "LayerProfile",
    "Profile",
    "costs_to_csv",
    "kernel_correlations",
    "plot_costs",
    "plot_kernel_correlations",
    "plot_kernels",
    "profile",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "KernelCorrelations": "sepzoo.analysis.correlations",
        "LayerCorrelation": "sepzoo.analysis.correlations",
        "LayerProfile": "sepzoo.analysis.profiling",
        "Profile": "sepzoo.analysis.profiling",
        "costs_to_csv": "sepzoo.analysis.costs_file",
        "kernel_correlations": "sepzoo.analysis.correlations",
        "plot_costs": "sepzoo.analysis.plots",
        "plot_kernel_correlations": "sepzoo.analysis.plots",
        "plot_kernels": "sepzoo.analysis.plots",
        "profile": "sepzoo.analysis.profiling",
    },
)
