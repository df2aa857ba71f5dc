"""What a model costs: parameters, multiply-accumulates and activation bytes, of the whole and of each layer."""

from __future__ import annotations

from sepzoo.analysis.profiling import LayerProfile, Profile, profile

__all__ = ["LayerProfile", "Profile", "profile"]
