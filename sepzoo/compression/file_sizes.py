"""How large the files of a network are, as they are and deflated."""

from __future__ import annotations

import tempfile
import zlib
from pathlib import Path

from sepzoo.compression.compression_report import FileSize
from sepzoo.data.samples import Samples
from sepzoo.export.converter_errors import refusal
from sepzoo.export.formats.tflite_modes import MODES
from sepzoo.export.formats.tflite_options import TfliteOptions
from sepzoo.export.preparation import require_calibratable, require_tensorflow
from sepzoo.export.prepared import preparing
from sepzoo.export.preprocessing_inside import embedding_of, with_preprocessing
from sepzoo.export.targets import TARGETS
from sepzoo.inference.keras_model import KerasClassifier
from sepzoo.support.errors import SepzooError
from sepzoo.support.quiet import Log, quiet

_MODES = ("float32", "int8")


def file_sizes(
    before: KerasClassifier, after: KerasClassifier, samples: Samples
) -> tuple[tuple[FileSize, ...], tuple[str, ...]]:
    """Return the sizes of the `.tflite` files of float32 and of int8, without metadata; and why some are missing.

    Args:
        before: the network as it was given, saying what its inputs take.
        after: the new one.
        samples: to calibrate the integers on.
    """
    found, missing = [], []
    for mode in _MODES:
        try:
            (old, old_deflated), (new, new_deflated) = (_size(each, mode, samples) for each in (before, after))
        except SepzooError as error:
            missing.append(f"size of tflite:{mode} not measured: {error}")
        else:
            found.append(FileSize(f"tflite:{mode}", old, old_deflated, new, new_deflated))
    return tuple(found), tuple(missing)


def _size(classifier: KerasClassifier, name: str, samples: Samples) -> tuple[int, int]:
    mode, target = MODES[name], f"tflite:{name}"
    require_tensorflow(target)
    if mode.calibrated:
        require_calibratable(classifier.model, target)
    embedding = embedding_of(TARGETS[target], classifier, asked=False)
    inside = classifier if embedding is None else with_preprocessing(classifier, embedding)
    with tempfile.TemporaryDirectory() as folder, preparing(inside, samples, beside=Path(folder)) as preparations:
        prepared = preparations.of(calibrated=mode.calibrated, rounds_from=mode.rounds_from, rounding=mode.rounding)
        text = Log()
        try:
            with quiet() as text:
                content = mode.make(prepared, TfliteOptions())
        except SepzooError:
            raise
        except Exception as error:  # converters raise their own kinds, RuntimeError, ValueError and more
            raise SepzooError(refusal(classifier.name, error, text.text, target=target)) from error
    return len(content), len(zlib.compress(content, 9))
