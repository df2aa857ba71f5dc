"""What a model costs: parameters, multiply-accumulates and activation bytes, of the whole and of each layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.analysis.profiling import LayerProfile, Profile, profile

__all__ = ["LayerProfile", "Profile", "profile"]

__getattr__ = lazy_names(__name__, {"LayerProfile": "profiling", "Profile": "profiling", "profile": "profiling"})
