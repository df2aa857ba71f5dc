"""What a configuration names: parts of a model, and nothing else of Keras."""

from __future__ import annotations

import pytest

from sepzoo.artifact.inspection.configuration import search


@pytest.mark.parametrize(
    "module",
    [
        "keras.optimizers",
        "keras.src.optimizers.adam",
        "keras.src.backend.torch.optimizers.torch_adam",  # what a model is compiled with that PyTorch trained
        "keras.src.backend.jax.optimizers.jax_adam",
        "keras.src.layers.core.dense",
        "keras.metrics",
    ],
)
def test_parts_of_a_model(module: str) -> None:
    assert not search({"module": module, "class_name": "Adam", "config": {"name": "adam"}}).runs_code


@pytest.mark.parametrize(
    "module",
    [
        "keras.utils",
        "keras.src.backend.torch.core",
        "keras.src.backend.torch",
        "keras.src.backend",
        "keras.backend.optimizers",
        "keras.src.saving.saving_lib",
        "keras.config",
    ],
)
def test_other_parts_of_keras(module: str) -> None:
    found = search({"module": module, "class_name": "function", "config": "anything"})
    assert found.runs_code == [f"{module}.anything, which is no part of a model"]
