"""Rewrites that come near to a model's function: fewer multiply-accumulates for an error that is stated."""
