"""Kernels and samples as matrices: decompositions, regressions, budgets. NumPy alone."""
