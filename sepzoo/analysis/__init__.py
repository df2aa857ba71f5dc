"""What a model costs and how its kernels correlate, of the whole and of each layer, as tables, CSV and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.analysis.correlations import KernelCorrelations, LayerCorrelation, kernel_correlations
    from sepzoo.analysis.csv_file import costs_to_csv
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

_MODULES = {
    "csv_file": ("costs_to_csv",),
    "correlations": ("KernelCorrelations", "LayerCorrelation", "kernel_correlations"),
    "plots": ("plot_costs", "plot_kernel_correlations", "plot_kernels"),
    "profiling": ("LayerProfile", "Profile", "profile"),
}

__getattr__ = lazy_names(__name__, {name: module for module, names in _MODULES.items() for name in names})
