"""Type aliases that say what a value is, where Keras's own types can't be imported or a type checker can't see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of Keras's backend, or a symbolic one while a model is built."""

Tensors: TypeAlias = Any
"""A tensor, or several in a structure: a list, a tuple, a dictionary."""

ArrayLike: TypeAlias = Any
"""What `np.asarray` takes: an array, numbers in lists, a tensor of any backend."""

Arrays: TypeAlias = Any
"""The array of a model's one input or output, or a dictionary of the arrays of its several ones by their names."""

DType: TypeAlias = Any
"""A type of numbers as NumPy names it: `np.uint8`, a `np.dtype`."""

Variable: TypeAlias = Any
"""A `keras.Variable`."""

Model: TypeAlias = Any
"""A `keras.Model`, where Keras is not imported."""

Layer: TypeAlias = Any
"""A `keras.layers.Layer`, with what its class adds."""

LayerClass: TypeAlias = Any
"""A class of layers."""

Operation: TypeAlias = Any
"""What stands in a model's graph: a layer, a nested model, or a function of `keras.ops`."""

Graph: TypeAlias = Any
"""A `keras.Function`, with what Keras keeps to itself."""

Node: TypeAlias = Any
"""Keras's record of one call of an operation."""

Args: TypeAlias = tuple[Any, ...]
"""A call's positional arguments."""

Kwargs: TypeAlias = dict[str, Any]
"""A call's keyword arguments."""

Options: TypeAlias = Mapping[str, Any]
"""Arguments by name, to be read."""

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

TypeHint: TypeAlias = Any
"""A type as an annotation writes it: a class, a union, `Literal[...]`, `Annotated[...]`."""

Hdf5Item: TypeAlias = Any
"""An `h5py.Group` or `h5py.Dataset`."""

Hdf5Id: TypeAlias = Any
"""An `h5py.h5g.GroupID`, `h5py.h5d.DatasetID` or another of h5py's low-level objects."""

TfdsBuilder: TypeAlias = Any
"""A `tensorflow_datasets.core.DatasetBuilder`."""

TfdsFeature: TypeAlias = Any
"""A `tensorflow_datasets.features.FeatureConnector`, what it says of its tensors, or one of these."""

TfModule: TypeAlias = Any
"""What `tf.saved_model.load` returns."""

TfFunction: TypeAlias = Any
"""A `ConcreteFunction` of TensorFlow."""

TfTensor: TypeAlias = Any
"""A symbolic tensor of a TensorFlow graph, or its `TensorSpec`."""

TfDataset: TypeAlias = Any
"""A `tf.data.Dataset`."""

OnnxSession: TypeAlias = Any
"""An `onnxruntime.InferenceSession`."""

OnnxGraph: TypeAlias = Any
"""An `onnx.GraphProto`."""

OnnxNode: TypeAlias = Any
"""An `onnx.NodeProto`."""

OnnxTensor: TypeAlias = Any
"""What ONNX Runtime says of an input or output: `name`, `shape`, `type`."""

OpenvinoModel: TypeAlias = Any
"""An `openvino.Model`, or one that was compiled."""

OpenvinoNode: TypeAlias = Any
"""An operation of an OpenVINO model."""

OpenvinoTensor: TypeAlias = Any
"""An input or output of an OpenVINO model, with its node, shape and type."""

LearningRate: TypeAlias = Any
"""A number, or a `keras.optimizers.schedules.LearningRateSchedule`."""

Optimizer: TypeAlias = Any
"""A `keras.optimizers.Optimizer`."""
