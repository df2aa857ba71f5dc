"""Whole-model files of Keras 2, read without Keras's own reader: its layers are built anew from an explicit list."""
