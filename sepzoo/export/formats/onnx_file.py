"""How a prepared network becomes an `.onnx` file with its record."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from sepzoo.artifact.inspection.onnx_graph import metadata_field
from sepzoo.export.converter_errors import MissingOperatorsError
from sepzoo.export.formats.onnx_layers import traceable
from sepzoo.export.formats.served import signature, with_named_outputs
from sepzoo.export.preparation import Shapes
from sepzoo.export.prepared import Prepared
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.types import OnnxGraph, OnnxNode, Tensor


def convert(prepared: Prepared, path: Path) -> None:
    """Run tf2onnx, and name what it leaves nameless.

    Args:
        prepared: the network.
        path: of the file.

    Raises:
        MissingOperatorsError: ONNX has no operators for what the network computes.
    """
    import onnx

    network = with_named_outputs(traceable(prepared.model))
    with warnings.catch_warnings(), _sparing():
        warnings.simplefilter("ignore")  # tf2onnx was written for an older NumPy
        network.export(path, format="onnx", verbose=False, input_signature=signature(network))
    file = onnx.load(path)
    missing = [(node.op_type, node.name) for node in nodes_of(file.graph) if not _is_known(node)]
    if missing:
        raise MissingOperatorsError(missing)
    file.graph.name = network.name
    for value in (*file.graph.input, *file.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del file.graph.value_info[:]  # which call the batch otherwise
    path.write_bytes(file.SerializeToString(deterministic=True))


@contextlib.contextmanager
def _sparing() -> Iterator[None]:
    """Let tf2onnx simplify a graph in place, beside one copy for the case that it fails.

    It copies the graph before each of some thirty steps, and writes all weights anew after each, neither of which
    gives memory back: of 188 MiB of weights these took 6 GB. They are written once more at the end anyway.
    """
    from tf2onnx import optimizer
    from tf2onnx.graph import Graph

    simplify = optimizer.optimize_graph

    def simplified(graph: Tensor, catch_errors: bool = True, **more: Tensor) -> Tensor:
        with mock.patch.object(Graph, "update_proto", _write_nothing):
            kept = copy.deepcopy(graph)
            try:
                return simplify(graph, catch_errors=False, **more)
            except Exception:
                return simplify(kept, catch_errors, **more)

    with mock.patch.object(optimizer, "optimize_graph", simplified):
        yield


def _write_nothing(*_given: Tensor) -> None:
    """Stand for what writes weights."""


def nodes_of(graph: OnnxGraph) -> Iterator[OnnxNode]:
    """Yield a graph's nodes, and those of the graphs within them."""
    for node in graph.node:
        yield node
        for inner in graphs_in(node):
            yield from nodes_of(inner)


def graphs_in(node: OnnxNode) -> list[OnnxGraph]:
    """Return the graphs within a node, such as the body of a loop."""
    return [inner for attribute in node.attribute for inner in (attribute.g, *attribute.graphs) if inner.node]


def _is_known(node: OnnxNode) -> bool:
    """Return whether ONNX has a node's operator: tf2onnx leaves what it doesn't know as TensorFlow calls it."""
    from onnx import defs

    return bool(node.domain) or defs.has(node.op_type)


def add_metadata(path: Path, metadata: Metadata, shapes: Shapes) -> None:
    """Append a network's record to a file as its `metadata_props` entry `sepzoo.json`."""
    del shapes  # the graph says them
    with path.open("ab") as file:
        file.write(metadata_field(MEMBER, metadata.to_json()))
