"""What is in a model's file, read without Keras and without loading it; and whether it may be loaded.

Example:
    >>> import tempfile, numpy
    >>> from sepzoo.artifact import inspection
    >>> numpy.savez(tempfile.gettempdir() + "/sepzoo_example.npz", kernel=numpy.zeros((3, 4), "float32"))
    >>> inspection.inspect(tempfile.gettempdir() + "/sepzoo_example.npz").arrays
    (Array(name='kernel', shape=(3, 4), dtype='float32', bytes=48),)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sepzoo.support.lazy import lazy_names

if TYPE_CHECKING:
    from sepzoo.artifact.inspection.checking import asked_ahead, check, inspect, one_child, unchecked
    from sepzoo.artifact.inspection.records import Array, Inspection, Layer, Member

__all__ = ["Array", "Inspection", "Layer", "Member", "asked_ahead", "check", "inspect", "one_child", "unchecked"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(("asked_ahead", "check", "inspect", "one_child", "unchecked"), f"{__name__}.checking"),
        **dict.fromkeys(("Array", "Inspection", "Layer", "Member"), f"{__name__}.records"),
    },
)
