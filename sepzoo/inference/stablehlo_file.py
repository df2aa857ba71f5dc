"""Functions of StableHLO in a folder that `sepzoo.export.stablehlo` wrote, run by JAX without Keras."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from sepzoo.artifact.inspection.stablehlo import ABOUT as ABOUT
from sepzoo.artifact.inspection.stablehlo import FUNCTION, WEIGHTS, read_about
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.member import read_member
from sepzoo.inference.tensors import InputTensor, OutputTensor, names_of, restored
from sepzoo.records.metadata import MEMBER, Metadata
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.packages import require_installed
from sepzoo.support.types import Arrays, Json


@dataclasses.dataclass(frozen=True)
class XlaCost:
    """What XLA's own analysis says of one sample, on the machine that wrote the file.

    Attributes:
        flops: floating-point operations; a multiply-accumulate is two.
        bytes: that are read and written between fused operations.
        fusions: instructions of the compiled program that compute several operators at once, whose values in between
            are never written; None where a file of an earlier version doesn't say.
        macs: multiply-accumulates that `sepzoo.analysis.profile` counts; None where nobody asked.
    """

    flops: int
    bytes: int
    fusions: int | None = None
    macs: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class StablehloClassifier(Classifier):
    """A function of StableHLO behind the face that all files share.

    Attributes:
        function: takes inputs by their names in the file, and returns outputs by theirs.
        arguments, results: these names, in the order of `input_tensors` and `output_tensors`.
        cost: for one sample, by XLA.
    """

    function: Callable[..., Mapping[str, Json]]
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    cost: XlaCost

    def run(self, tensor: Arrays) -> Arrays:
        """Return the outputs, float32 (n, *output_shape); each new n is compiled first."""
        given = self._in_order(tensor)
        if not len(given[0]):  # which JAX's open sizes don't include
            return self._by_name(np.zeros((0, *each.shape), np.float32) for each in self.output_tensors)
        try:
            outputs = self.function(**dict(zip(self.arguments, given, strict=True)))
        except Exception as error:
            raise SepzooError(f"{self.name}: JAX cannot run this function ({first_line(error)}).") from error
        return self._by_name(np.asarray(outputs[name], np.float32) for name in self.results)


def read(path: Path, threads: int) -> StablehloClassifier:
    """Open a folder with `model.stablehlo`; see `sepzoo.inference.open`."""
    del threads  # XLA decides
    require_installed(str(path), ["jax"], "jax")
    import jax
    from jax import export

    expected = "a StableHLO model"
    metadata = read_member(path / MEMBER, path, expected) or Metadata(path.resolve().name, preprocessing=None)
    try:
        about = read_about(path)
        exported = export.deserialize(bytearray((path / FUNCTION).read_bytes()))
        arguments, inputs = jax.tree_util.tree_unflatten(exported.in_tree, exported.in_avals)
        outputs = jax.tree_util.tree_unflatten(exported.out_tree, exported.out_avals)
        weights = []
        if arguments:
            with np.load(path / WEIGHTS, allow_pickle=False) as file:
                weights = [{name: file[name] for name in file.files}]
        call = jax.jit(exported.call)
        shapes = {name: tuple(map(int, each.shape[1:])) for name, each in (*inputs.items(), *outputs.items())}
        fusions = about.get("fusions")
        cost = XlaCost(int(about["flops"]), int(about["bytes"]), None if fusions is None else int(fusions))
        operators = {str(name): int(count) for name, count in about["operators"].items()}
    except Exception as error:  # whatever a damaged folder makes JAX raise
        raise SepzooError(f"{path}: expected {expected}. Received: a damaged one ({first_line(error)}).") from error
    sources = restored({name: name for name in inputs}, names_of(metadata.several))
    targets = restored({name: name for name in outputs}, names_of(metadata.outputs or ()))
    ends = {output.name: output.end for output in metadata.outputs or ()}
    return StablehloClassifier(
        metadata=metadata,
        input_tensors=tuple(
            InputTensor(name, shapes[own], np.dtype(inputs[own].dtype).name) for name, own in sources.items()
        ),
        output_tensors=tuple(
            OutputTensor(name, shapes[own], ends.get(name if len(targets) > 1 else None, "other"))
            for name, own in targets.items()
        ),
        operators=operators,
        function=lambda **given: call(*weights, **given),
        arguments=tuple(sources.values()),
        results=tuple(targets.values()),
        cost=cost,
    )
