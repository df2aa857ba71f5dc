"""What stands in the graph of a SavedModel that was written on the way to another format."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


def places_of(operators: Collection[str], folder: Path) -> list[tuple[str, str]]:
    """Return where some of TensorFlow's operations stand in the functions of a SavedModel.

    Args:
        operators: their names.
        folder: of the SavedModel.

    Returns:
        The operation and the name of each such node, a path of layers.
    """
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    graphs = SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs
    nodes = [node for each in graphs for function in each.graph_def.library.function for node in function.node_def]
    return [(node.op, node.name) for node in nodes if node.op in operators]
