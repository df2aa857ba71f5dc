"""Choices drawn by chance, what they are expected to cost, and the files that are really written of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import keras
import numpy as np

import sepzoo
from sepzoo.shrinking.building import build
from sepzoo.shrinking.candidates import Candidate, candidates_of, ways_for
from sepzoo.shrinking.file_bytes import Names, renamed_bytes
from sepzoo.shrinking.known_ways import way_of
from sepzoo.shrinking.memory import Turns, turns_of
from sepzoo.shrinking.network import Network, NetworkLayer, network_of
from sepzoo.shrinking.settings import TECHNIQUES
from sepzoo.shrinking.ways import KEEP
from sepzoo.surgery.walk.model_inputs import ModelInputs

layers = keras.layers


def residual() -> keras.Model:
    x = image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False, name="stem")(x)
    x = layers.ReLU(name="stem_relu")(layers.BatchNormalization(name="stem_norm")(x))
    y = layers.Conv2D(16, 3, padding="same", activation="relu", name="inner")(x)
    x = layers.ReLU()(layers.Add(name="sum")([x, layers.Conv2D(16, 3, padding="same", name="outer")(y)]))
    y = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu", name="down")(x)
    x = layers.Add()([layers.Conv2D(32, 1, strides=2, name="beside")(x), y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="head")(x), name="residual")


def joined() -> keras.Model:
    x = image = keras.Input((12, 12, 3), name="picture")
    x = layers.Conv2D(24, 5, strides=2, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(32, 3, padding="same", activation="relu6", name="second")(x)
    x = layers.Concatenate(name="both")([y, layers.Conv2D(16, 3, padding="same", name="third")(x)])
    x = layers.Conv2D(64, 1, activation="relu", name="mixed")(x)
    x = layers.Flatten(name="flat")(layers.Conv2D(32, (3, 1), activation="relu", name="tall")(x))
    x = layers.Dense(32, activation="relu", name="hidden")(x)
    return keras.Model(image, layers.Dense(4, activation="softmax", name="head")(x), name="joined")


def row() -> keras.Model:
    x = image = keras.Input((16, 16, 3))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same")(x)))
    x = layers.ReLU()(layers.Conv2D(32, 3, strides=2, padding="same")(x))
    x = layers.DepthwiseConv2D(5, padding="same", activation="relu")(x)
    x = layers.Conv2D(32, 5, padding="same", activation="swish")(x)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(64, 3, activation="relu")(x))
    return keras.Model(image, layers.Dense(10, activation="softmax")(x), name="row")


NETWORKS: tuple[Callable[[], keras.Model], ...] = (residual, joined, row)


def with_numbers(model: keras.Model) -> keras.Model:
    """Give layers biases, as a trained network has them: a file stores equal zeros once."""
    random = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.7, 1.3, each.shape) for each in layer.get_weights()])
        elif getattr(layer, "use_bias", False):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(scale=0.1, size=bias.shape)])
    return model


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A way for each layer, of those that have another one, and a level for each group."""

    ways: dict[str, str]
    levels: list[int]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Stands for errors: one way errs less than others, so that it is not left out."""

    way: str

    def error(self, way: str, source: int, target: int) -> float:
        return float(way != self.way)


@dataclasses.dataclass(frozen=True, eq=False)
class Costed:
    """A network whose choices are built, written and predicted."""

    model: keras.Model
    samples: np.ndarray
    integers: bool
    folder: Path

    @classmethod
    def of(cls, body: Callable[[], keras.Model], *, integers: bool, folder: Path) -> Costed:
        keras.utils.set_random_seed(0)
        model = with_numbers(body())
        samples = np.random.default_rng(0).normal(size=(24, *model.input_shape[1:])).astype("float32")
        return cls(model, samples, integers, folder)

    @cached_property
    def network(self) -> Network:
        return network_of(self.model, ModelInputs((self.samples,)))

    @cached_property
    def turns(self) -> Turns:
        return turns_of(self.network)

    @cached_property
    def names(self) -> dict[str, Names]:
        model, rectifiers = self.network.model.name, self.turns.rectifiers
        return {each.name: Names.of(model, each.name, rectifiers.get(each.name)) for each in self.network.layers}

    def drawn(self, seed: int) -> Drawn:
        random = np.random.default_rng(seed)
        share = random.random()
        levels = [
            int(random.integers(len(each.gone))) if random.random() < share else 0 for each in self.network.groups
        ]
        ways = {}
        for each in self.network.layers:
            own = ways_for(each, TECHNIQUES)
            if own and random.random() < share:
                ways[each.name] = str(own[random.integers(len(own))])
        return Drawn(ways, levels)

    def written(self, drawn: Drawn | None = None) -> bytes:
        """Return the file of a choice; of none that of the original."""
        model = self.model
        if drawn is not None:
            model = build(self.network, drawn.ways, drawn.levels, ModelInputs((self.samples,))).model
        path = self.folder / "written.tflite"
        settings = {"quantize": "int8" if self.integers else None, "tolerance": sepzoo.export.Tolerance()}
        sepzoo.export.tflite(model, path, calibration=self.samples, check=self.samples, **settings)
        return path.read_bytes()

    def candidates(self, drawn: Drawn) -> dict[str, Candidate]:
        return {each.name: self._candidate(each, drawn) for each in self.network.layers}

    def bytes(self, drawn: Drawn, original: int) -> int:
        """Return what a file is expected to take, by the size of the original's."""
        kept = self.candidates(Drawn({}, [0] * len(drawn.levels)))
        found = original + renamed_bytes(self.turns.rectifiers)
        own = self.candidates(drawn)
        return found + sum(own[name].bytes - each.bytes for name, each in kept.items())

    def ram(self, drawn: Drawn) -> int:
        """Return the most bytes that are expected to be in memory."""
        own = self.candidates(drawn)
        counted = {name for name, each in own.items() if each.macs}
        moments = self.turns.moments(counted, integers=self.integers)
        return max(each.bytes(drawn.levels) + (own[each.layer].ram_bytes if each.layer else 0) for each in moments)

    def _candidate(self, layer: NetworkLayer, drawn: Drawn) -> Candidate:
        way = drawn.ways.get(layer.name)
        source, target = (0 if number is None else drawn.levels[number] for number in (layer.source, layer.target))
        found = candidates_of(
            self.network,
            layer,
            [] if way is None else [way_of(way)],
            Wanted(way or KEEP),  # type: ignore[arg-type]
            integers=self.integers,
            keeps_input=self.turns.needed_later(layer.name),
            names=self.names[layer.name],
        )
        return next(each for each in found if each.way == (way or KEEP) and each.levels == (source, target))
