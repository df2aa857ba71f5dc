"""What types say where Keras's own can't be imported, or say nothing to a type checker."""

from __future__ import annotations

from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of Keras's backend, or a symbolic one while a model is built."""

Variable: TypeAlias = Any
"""A `keras.Variable`."""

Layer: TypeAlias = Any
"""A `keras.layers.Layer`."""

Operation: TypeAlias = Any
"""What stands in a model's graph: a layer, a nested model, or a function of `keras.ops`."""

Initializer: TypeAlias = Any
"""What `keras.initializers.get` takes: a name, a configuration, an object, None."""

Regularizer: TypeAlias = Any
"""What `keras.regularizers.get` takes."""

Constraint: TypeAlias = Any
"""What `keras.constraints.get` takes."""

Activation: TypeAlias = Any
"""What `keras.activations.get` takes."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` returns and `from_config` takes."""

Json: TypeAlias = Any
"""What a JSON or YAML text holds, not yet validated."""

TfdsBuilder: TypeAlias = Any
"""A `tensorflow_datasets.core.DatasetBuilder`."""

TfDataset: TypeAlias = Any
"""A `tf.data.Dataset`."""

Optimizer: TypeAlias = Any
"""A `keras.optimizers.Optimizer`."""
