"""A `.tflite` file as a page that runs it in a browser: one file, with the runtime, the model and all that it says."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from importlib import resources
from pathlib import Path

import numpy as np

from sepzoo.inference.classifier import Classifier
from sepzoo.inference.tflite_file import TfliteClassifier, read_content
from sepzoo.records.metadata import Metadata
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Json

RUNTIME = "@litertjs/core"
_PLACE = re.compile(r"@([a-z]+)@")
_WITH_OPACITY = 4


def require_pictures(classifier: Classifier) -> None:
    """See that a network says what a picture shows.

    Raises:
        SepzooError: it takes or gives something else, or several.
    """
    tensors, outputs = classifier.input_tensors, classifier.outputs
    received = None
    if len(tensors) > 1 or len(outputs) > 1:
        received = "has several inputs or outputs"
    elif not tensors[0].is_picture or classifier.metadata.features is not None:
        received = "takes no picture"
    elif tensors[0].shape[-1] == _WITH_OPACITY:
        received = "takes opacity too, which no browser hands over unchanged"
    elif classifier.preprocessing is None:
        received = "does not say how pixels become its input"
    elif not outputs[0].scores:
        received = "gives no class scores"
    if received:
        raise SepzooError(
            "browser: expected a network that takes one picture and gives class scores. Received: "
            f"{classifier.name!r}, which {received}. Export tflite:float32."
        )


def page_of(content: bytes, metadata: Metadata) -> bytes:
    """Return the page of a `.tflite` file.

    Args:
        content: the file, its metadata inside, which takes one picture at a time.
        metadata: what it says.
    """
    file = read_content(content, Path(metadata.name))
    about = json.loads(_asset("runtime", "about.json"))
    height, width, channels = file.input_shape
    licence = about["packages"][RUNTIME]
    parts = {
        "title": html.escape(metadata.name),
        "about": html.escape(
            f"{file.classes:,} classes from {width} x {height} pixels, {'grey' if channels == 1 else 'in colour'}; "
            f"{len(content) / 1024:,.0f} KiB. Written by sepzoo. Runs on LiteRT.js {licence['version']} "
            f"({licence['license']})."
        ),
        "network": _in_script(_network(file, metadata)),
        "model": base64.b64encode(content).decode(),
        "style": _text("page.css"),
        "pixels": _text("pixels.js"),
        "page": _text("page.js"),
        "licence": html.escape(_text("runtime", "LICENSE")),
        "wasm": base64.b64encode(_asset("runtime", "runtime.wasm.gz")).decode(),
        "runtime": _text("runtime", "runtime.js"),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _text("page.html")).encode(errors="backslashreplace")


def _network(file: TfliteClassifier, metadata: Metadata) -> dict[str, Json]:
    """Return what the page must know of the network: how pixels become its input, and its output probabilities."""
    preprocessing = file.metadata.require_preprocessing()
    height, width, channels = file.input_shape
    values = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None, None], (256, 1, 1, channels))
    table = np.ascontiguousarray(file.prepare(values).reshape(256, channels))
    quantization = file.output_quantization
    return {
        "labels": None if metadata.labels is None else list(metadata.labels),
        "height": height,
        "width": width,
        "channels": channels,
        "crop_fraction": preprocessing.crop_fraction,
        "interpolation": preprocessing.interpolation,
        "order": preprocessing.in_order(np.arange(channels)).tolist(),
        "dtype": table.dtype.name,
        "table": base64.b64encode(table.astype(table.dtype.newbyteorder("<")).tobytes()).decode(),
        "output": {
            "kind": file.outputs[0].kind,
            "scale": quantization.scale,
            "zero_point": quantization.zero_point,
        },
    }


def _in_script(fields: dict[str, Json]) -> str:
    """Return JSON that a page may hold within a script: no label can end it."""
    return json.dumps(fields).replace("<", "\\u003c")


def _asset(*names: str) -> bytes:
    return resources.files("sepzoo.export").joinpath("page", *names).read_bytes()


@functools.cache
def _text(*names: str) -> str:
    return _asset(*names).decode()
