"""Export to `.tflite`."""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import keras

from sepzoo.data.samples import Samples
from sepzoo.export.formats.float_search import Goal, search
from sepzoo.export.formats.tflite_modes import MODES, Mode, check_options, convert, require_named
from sepzoo.export.formats.tflite_options import LEAST_AGREEMENT, Edges, TfliteOptions
from sepzoo.export.formats.tflite_trained import MODES as TRAINED
from sepzoo.export.formats.tflite_trained import convert_trained, require_all_rounded
from sepzoo.export.layer_comparison import errors_of
from sepzoo.export.layer_comparison_files import SUFFIXES, write_layer_errors
from sepzoo.export.microcontroller import SUFFIX, write_array
from sepzoo.export.pipeline import write
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.export.report import ExportReport
from sepzoo.export.target import Judge, PixelInputs, Target
from sepzoo.export.tflite_metadata import with_metadata
from sepzoo.export.tolerance import Tolerance
from sepzoo.inference.keras_model import KerasClassifier, from_model
from sepzoo.records.inputs import Features
from sepzoo.records.metadata import Metadata
from sepzoo.records.outputs import Said
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError, unknown
from sepzoo.support.types import Arrays

Quantize = Literal[
    "float16",
    "dynamic",
    "int8",
    "int8_float_io",
    "int8_per_tensor",
    "int16x8",
    "weights_int8",
    "weights_int4",
    "weights_int4_int8",
    "int8_int4",
]

_PREFIX = "tflite:"


def _add_metadata(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    path.write_bytes(with_metadata(path.read_bytes(), metadata, shapes))


def _search(prepared: Prepared, judge: Judge, *, target: Target, mode: Mode, options: TfliteOptions) -> Target:
    """Return the target whose files keep those layers float that must be."""
    plain = dataclasses.replace(options, edges="float") if mode.edges_vary else options
    goal = Goal(
        LEAST_AGREEMENT if options.agreement is None and options.max_drop is None else options.agreement,
        options.max_drop,
        target.tolerance.relative_error,
    )
    found = search(
        make=functools.partial(mode.make, prepared, options),
        probe=functools.partial(mode.make, prepared, plain),
        judge=judge,
        operators=mode.operators(prepared, options),
        values=prepared.values or {},
        goal=goal,
        exact=mode.exact(prepared, options),
    )
    written = functools.partial(convert, mode=mode, options=options, float_tensors=found)
    return dataclasses.replace(target, convert=written, search=None)


def _finished(
    report: ExportReport, model: KerasClassifier, samples: Samples, *, options: TfliteOptions
) -> ExportReport:
    """Return the report of a file with what was written beside it."""
    if options.c_array:
        report = dataclasses.replace(report, microcontroller=write_array(report.path))
    if options.layer_report:
        errors = errors_of(model, report.path, samples)
        write_layer_errors(errors)
        report = dataclasses.replace(report, layers=errors)
    return report


def _trained(target: Target, mode: Mode, options: TfliteOptions) -> Target:
    """Return the target that writes a network which learned the steps of its integers."""
    return dataclasses.replace(
        target,
        convert=functools.partial(convert_trained, mode=mode, options=options),
        takes=functools.partial(require_all_rounded, options=options),
        keeps_steps=True,
        calibrated=False,
        rounds_from=None,
    )


def _pixels(mode: Mode, options: TfliteOptions) -> PixelInputs:
    """Return how files of a mode take pixels: those with float edges as uint8, which they cast."""
    edges = options.edges or mode.edges
    if not mode.calibrated or edges == "float":
        return PixelInputs(rounds=mode.calibrated)
    return PixelInputs("float32", rounds=True, always=edges == "uint8")


def with_options(target: Target, options: TfliteOptions) -> Target:
    """Return a target of TFLite that writes as the options say; another target comes back as it is.

    Raises:
        SepzooError: its mode has not what was chosen.
    """
    if not target.name.startswith(_PREFIX):
        return target
    mode = MODES[target.mode]
    check_options(mode, options)
    converted = functools.partial(convert, mode=mode, options=options)
    takes = functools.partial(require_named, options=options)
    chosen = dataclasses.replace(target, convert=converted, takes=takes, pixels=_pixels(mode, options))
    beside = (SUFFIX,) * options.c_array + SUFFIXES * options.layer_report
    if beside:
        chosen = dataclasses.replace(chosen, finish=functools.partial(_finished, options=options), beside=beside)
    if mode.name in TRAINED:
        chosen = dataclasses.replace(chosen, trained=_trained(chosen, mode, options))
    if not options.searches:
        return chosen
    return dataclasses.replace(
        chosen,
        search=functools.partial(_search, target=chosen, mode=mode, options=options),
        needs_calibration=True,
    )


def configured(targets: Mapping[str, Target], options: TfliteOptions) -> dict[str, Target]:
    """Return targets by their names, those of TFLite as the options say, as far as the mode of each has it.

    Raises:
        SepzooError: something was chosen that none of them has.
    """
    modes = {name: MODES[target.mode] for name, target in targets.items() if target.name.startswith(_PREFIX)}
    if not modes and options != TfliteOptions():
        raise SepzooError(
            "expected a target of TFLite, such as tflite:int8, to choose edges, float layers, batch sizes or a C array "
            f"of. Received: {', '.join(targets)}."
        )
    edges = any(mode.edges_vary for mode in modes.values())
    floats = any(mode.keeps_float for mode in modes.values())
    found = {}
    for name, target in targets.items():
        own = options
        if edges and name in modes and not modes[name].edges_vary:
            own = dataclasses.replace(own, edges=None)
        if floats and name in modes and not modes[name].keeps_float:
            own = dataclasses.replace(own, keep_float=(), agreement=None, max_drop=None)
        found[name] = with_options(target, own)
    return found


def _target(mode: Mode) -> Target:
    return Target(
        name=f"{_PREFIX}{mode.name}",
        suffix=f"_{mode.name}.tflite",
        convert=functools.partial(convert, mode=mode, options=TfliteOptions()),
        add_metadata=_add_metadata,
        tolerance=mode.tolerance,
        rounds=mode.name != "float32",
        rounds_from=mode.rounds_from,
        rounding=mode.rounding,
        calibrated=mode.calibrated,
    )


TFLITE = tuple(with_options(_target(mode), TfliteOptions()) for mode in MODES.values())
"""The targets of this format."""


def tflite(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Quantize | None = None,
    calibration: Samples | Arrays | None = None,
    check: Samples | Arrays | None = None,
    tolerance: Tolerance | None = None,
    labels: Sequence[str] | None = None,
    preprocessing: Preprocessing | Mapping[str, Preprocessing] | None = None,
    features: Features | Mapping[str, Features] | None = None,
    outputs: Said = None,
    edges: Edges | None = None,
    keep_float: str | Iterable[str] = (),
    agreement: float | None = None,
    max_drop: float | None = None,
    batch_sizes: Iterable[int] = (1,),
    c_array: bool = False,
    layer_report: bool = False,
    embed_preprocessing: bool = False,
    interface: Literal["uint8", "int8", "float32"] | None = None,
    correct_bias: bool = True,
    log: str | os.PathLike[str] | None = None,
) -> ExportReport:
    """Write a model as a `.tflite` file that was run and compared with the model.

    The file takes one sample at a time, or as many as `batch_sizes` says, uses TFLite's own operators only, and
    carries labels and normalization as standard metadata. Several inputs and outputs have their names in its signature;
    each output is compared by its own measure. Class scores become probabilities: logits get their softmax. Which
    outputs are class scores the model says, or its graph shows, or `outputs` says; all others are compared as values.
    The same model and samples give the same bytes.

    Args:
        model: a functional model; it is only read. Where it has several inputs or outputs, samples and what is said
            of them are dictionaries by their names.
        path: of the file, ending in `.tflite`.
        quantize: None: float32. `"float16"`: weights of half the size; `"dynamic"`: 8-bit weights, float activations;
            both for CPUs and GPUs. `"int8"`: 8-bit integers throughout, which NPUs and microcontrollers want;
            `"int8_float_io"`: but for inputs and outputs; `"int8_per_tensor"`: with one scale a kernel, for hardware
            that knows no other. `"int16x8"`: 16-bit activations, 8-bit weights; slow on most machines, and what TFLite
            has no 16 bits for, such as PReLU and hard-swish, stays float.
            `"weights_int8"`, `"weights_int4"` (depthwise kernels stay float), `"weights_int4_int8"` (they get 8 bits):
            weights alone, for small downloads; `"int8_int4"`: 8-bit activations with such weights; these four need
            ai-edge-quantizer (`pip install 'sepzoo[quant]'`).
        calibration: samples like those that the network will see, or an array as the network takes it (pixels where it
            says how these become its input); integers throughout need them to set their ranges.
        check: samples, or an array, to compare on, best labelled ones that are not those of the calibration. None:
            those of the calibration; for float32 random pixels if there are none. The report says which.
        tolerance: beyond it the export is refused. None: of float32 probabilities 1e-4; of the others a share of equal
            top-1 classes and a loss of accuracy; of values a relative error; see `MODES`.
        labels: class names in the order of the outputs, instead of those that the model carries.
        preprocessing: from pixels to the input, instead of that which the model carries.
        features: what the model takes instead of pixels; samples are arrays of it then.
        outputs: what the model gives: "softmax", "logits", "sigmoid", "multilabel", "values" or "map", instead of what
            it says or its graph shows.
        edges: type of the inputs and outputs of `"int8"` and `"int8_per_tensor"`: `"uint8"`, `"int8"` or `"float"`.
            mediapipe and browsers take uint8 and float alone. None: uint8.
        keep_float: names of layers that stay float, or shell patterns such as `"block_1_*"`, of a nested model
            `"model/*"`; what became of a layer goes by its name too. `"auto"`: those that it takes until `agreement` or
            `max_drop` is reached, fewest bytes first; they are chosen on `calibration`, and how many it takes shows on
            `check`. Of modes that round all they can: int8…, weights_….
        agreement: with `"auto"`: least share of the samples on which file and model name the same class. None: 0.98.
        max_drop: with `"auto"`, which it implies: the most top-1 accuracy that the file may lose, as a share.
        batch_sizes: numbers of samples that the file takes at a time: 1 is the signature `serving_default`, 8 is
            `serving_default_batch8`. All share their weights, and each is compared. mediapipe reads no file of several.
        c_array: whether the file is written as a C array too, beside it as `.tflite.c`, for microcontrollers; the
            report has the memory that it takes, measured where `tflite-micro` is installed (`pip install
            'sepzoo[micro]'`).
        layer_report: whether the error of each layer's output is measured on the samples of the check (see
            `layer_errors`), and written beside the file as `.layers.csv`, `.layers.png` and `.layers.json`, which
            Google's Model Explorer lays over the file's graph.
        embed_preprocessing: whether the file takes pixels of 0 … 255 as uint8 (less 128 with edges of int8), and
            normalizes them itself. With edges of uint8 it takes plain pixels in any case.
        interface: the old name of `edges`, with "float32" for "float".
        correct_bias: whether weights make good what rounding does, measured on `calibration`: biases its mean error;
            of kernels each weight goes up or down, not to the nearest, so that what layers give errs least; where
            that is better, ranges of 8-bit activations end where their values err least, not at their extremes.
        log: where the converter's own lines go. None: nowhere; if it fails, into a file beside `path`.

    Raises:
        SepzooError: an unknown mode, no calibration where it is needed, samples that show nothing, an operator that
            TFLite lacks, or a file whose outputs differ too much. Nothing is written then but the log.

    Example:
        >>> import sepzoo, tempfile
        >>> network = sepzoo.applications.build("mobilenet_v1", alpha=0.25, input_shape=(32, 32, 3), classes=2)
        >>> report = tflite(network, tempfile.mkdtemp() + "/small.tflite", labels=["cat", "dog"])
        >>> report.target, report.labels, report.operators["CONV_2D"]
        ('tflite:float32', 2, 15)
    """
    name = quantize or "float32"
    if name not in MODES:
        raise unknown("quantization", name, MODES)
    if interface is not None:
        warnings.warn("interface= is called edges= now, and float32 float", DeprecationWarning, stacklevel=2)
        edges = edges or (("float" if interface == "float32" else interface) if MODES[name].edges_vary else None)
    options = TfliteOptions(
        edges=edges,
        keep_float=keep_float,
        agreement=agreement,
        max_drop=max_drop,
        batch_sizes=batch_sizes,
        c_array=c_array,
        layer_report=layer_report,
    )
    return write(
        from_model(model, labels=labels, preprocessing=preprocessing, features=features, outputs=outputs),
        with_options(_target(MODES[name]), options),
        path,
        calibration=calibration,
        check=check,
        tolerance=tolerance,
        correct_bias=correct_bias,
        embed_preprocessing=embed_preprocessing,
        log=log,
    )
