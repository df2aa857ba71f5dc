"""What the process with Keras on JAX runs: a saved network becomes a serialized function of StableHLO.

It is given a `.keras` file of built-in layers, a folder, and whether weights lie beside; of sepzoo it imports nothing.
"""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

PLATFORMS = ("cpu", "cuda", "tpu")
_NUMBER = r"\.\d+$"
"""What the name of a layer was given where it was made ready to leave."""
_FUSION = re.compile(r'^[^"\n]* fusion\(', re.MULTILINE)
"""An instruction of a compiled program that computes several operators at once."""


def main() -> None:
    """Write `model.stablehlo`, with `weights.npz` where it is wanted, and print what XLA says of it as JSON.

    What fails is printed whole, and in the last line with the layer in which it did.
    """
    import keras

    keras.config.disable_traceback_filtering()  # which leaves out where layers are called
    try:
        _write()
    except Exception as error:  # whatever a layer makes JAX raise
        traceback.print_exc()
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        sys.exit(f"{_where(error)}{type(error).__name__}: {reason}")


def _where(error: BaseException) -> str:
    """Return the layer in which an error was raised, if one was."""
    import keras

    called = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
    layers = [each for each in called if isinstance(each, keras.Layer) and not isinstance(each, keras.Model)]
    return f"in layer {re.sub(_NUMBER, '', layers[-1].name)!r}: " if layers else ""


def _write() -> None:
    source, folder, beside = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "beside"
    import jax
    import keras
    import numpy as np
    from jax import export

    model = keras.saving.load_model(source, compile=False)  # in safe mode: no code of a file runs
    trained = [np.asarray(variable.value) for variable in model.trainable_variables]
    others = [np.asarray(variable.value) for variable in model.non_trainable_variables]
    weights = {f"{number:04}": value for number, value in enumerate((*trained, *others))}
    names = [given.name for given in model.inputs]

    def compute(weights: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        values = [weights[name] for name in sorted(weights)]
        given = [inputs[name] for name in names]
        found, _ = model.stateless_call(
            values[: len(trained)], values[len(trained) :], given if len(given) > 1 else given[0], training=False
        )
        return found if isinstance(found, dict) else {"probability": found}

    def inside(**inputs: Any) -> dict[str, Any]:
        return compute(weights, inputs)

    def with_weights(weights: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        return compute(weights, inputs)

    (batch,) = export.symbolic_shape("batch")
    shapes = {given.name: given.shape[1:] for given in model.inputs}
    types = {given.name: np.dtype(given.dtype) for given in model.inputs}

    def specs(count: Any) -> dict[str, Any]:
        return {name: jax.ShapeDtypeStruct((count, *shapes[name]), types[name]) for name in names}

    arrays = {name: jax.ShapeDtypeStruct(value.shape, value.dtype) for name, value in weights.items()}
    function = jax.jit(with_weights if beside else inside)
    exported = export.export(function, platforms=PLATFORMS)(*([arrays] if beside else []), **specs(batch))
    (folder / "model.stablehlo").write_bytes(exported.serialize())
    if beside:
        np.savez(folder / "weights.npz", **weights)  # type: ignore[arg-type]
    lowered = jax.jit(with_weights).lower(arrays, **specs(1))
    operators = Counter(re.findall(r"stablehlo\.(\w+)", lowered.as_text()))
    compiled = lowered.compile()
    cost = compiled.cost_analysis() or {}
    cost = cost[0] if isinstance(cost, list) else cost
    found = {
        "operators": {name: count for name, count in operators.most_common() if name not in ("constant", "return")},
        "flops": int(cost.get("flops", 0)),
        "bytes": int(cost.get("bytes accessed", 0)),
        "fusions": len(_FUSION.findall(compiled.as_text() or "")),
        "platforms": list(exported.platforms),
        "jax": jax.__version__,
        "version": exported.calling_convention_version,
    }
    sys.stdout.write(json.dumps(found) + "\n")
