"""Start Keras without TensorFlow's greeting."""

from __future__ import annotations

from sepzoo.support.greeting import start_keras

__all__ = ["start_keras"]
