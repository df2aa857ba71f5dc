"""Keras's own convolutions by their kind, those over series first, then over images, then over volumes.

Surgery asks for exactly these classes where a subclass may compute something else.
"""

from __future__ import annotations

import keras

from sepzoo.support.types import LayerClass

CONVOLUTIONS: tuple[LayerClass, ...] = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
CONVOLUTIONS_1D_2D = CONVOLUTIONS[:2]
DEPTHWISE: tuple[LayerClass, ...] = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
SEPARABLE: tuple[LayerClass, ...] = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
