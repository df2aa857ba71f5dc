"""How a prepared network becomes a graph of OpenVINO's."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from sepzoo.export.converter_errors import MissingOperatorsError
from sepzoo.export.formats.saved_graph import places_of
from sepzoo.export.formats.served import served_saved_model
from sepzoo.export.prepared import Prepared
from sepzoo.support.types import OpenvinoModel
from sepzoo.support.usage_data import keep_private

INDEX_BLOCK = 2**18
"""Bytes of the index of variables in a SavedModel from which on TensorFlow writes it in several blocks, some 5,000
variables: OpenVINO 2026.4 takes the process down where there are two."""
_MISSING = re.compile(r"No conversion rule found for operations: (.+)")


def graph_from(prepared: Prepared) -> OpenvinoModel:
    """Let OpenVINO read a network's SavedModel.

    Args:
        prepared: the network, whose name the graph gets.

    Raises:
        MissingOperatorsError: OpenVINO has no operators for what the network computes.
    """
    keep_private()
    import openvino

    source = _readable(prepared)
    try:
        graph = openvino.Core().read_model(str(source))
    except RuntimeError as error:
        missing = _MISSING.search(str(error))
        if missing is None:
            raise
        raise MissingOperatorsError(places_of(missing[1].split(", "), source)) from error
    graph.friendly_name = prepared.model.name
    return graph


def _readable(prepared: Prepared) -> Path:
    """Return a network's SavedModel, with constants for variables where OpenVINO couldn't find these."""
    source = served_saved_model(prepared)
    if (source / "variables" / "variables.index").stat().st_size < INDEX_BLOCK:
        return source
    return prepared.once("served_constants", functools.partial(_with_constants, source))


def _with_constants(source: Path, path: Path) -> None:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    loaded = tf.saved_model.load(str(source))  # the function refers to its variables, and doesn't keep them
    whole = loaded.signatures["serving_default"]
    constant, names = convert_variables_to_constants_v2(whole), sorted(whole.structured_outputs)
    served = tf.function(lambda **given: dict(zip(names, constant(**given), strict=True)))
    function = served.get_concrete_function(**whole.structured_input_signature[1])
    tf.saved_model.save(tf.Module(), str(path), signatures={"serving_default": function})
