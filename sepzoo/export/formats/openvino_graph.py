"""How a prepared network becomes a graph of OpenVINO's."""

from __future__ import annotations

import re

from sepzoo.export.converter_errors import MissingOperatorsError
from sepzoo.export.formats.saved_graph import places_of
from sepzoo.export.formats.served import served_saved_model
from sepzoo.export.prepared import Prepared
from sepzoo.support.types import OpenvinoModel
from sepzoo.support.usage_data import keep_private

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

    source = served_saved_model(prepared)
    try:
        graph = openvino.Core().read_model(str(source))
    except RuntimeError as error:
        missing = _MISSING.search(str(error))
        if missing is None:
            raise
        raise MissingOperatorsError(places_of(missing[1].split(", "), source)) from error
    graph.friendly_name = prepared.model.name
    return graph
