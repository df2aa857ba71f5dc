"""Rewrites that keep a model's function to rounding."""
