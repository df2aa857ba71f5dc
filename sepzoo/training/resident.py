"""An epoch of a data set that lies on the device: many steps are one call, without the host in between."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping

import keras
import numpy as np
from keras import ops

from sepzoo.data.augment import Augmentation, brightness_tables, first_sides, turned_in
from sepzoo.data.source import MEMORY_BUDGET, Source
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.errors import SepzooError
from sepzoo.support.types import Tensor, Variable
from sepzoo.training.batches import augmentation_for, batch_random, each_class, target_table
from sepzoo.training.devices import require_backend
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.memory import says_which_batch_size
from sepzoo.training.networks import Networks
from sepzoo.training.progress import RunProgress
from sepzoo.training.step_watch import StepWatch
from sepzoo.training.trainee import Trainee

STEPS_PER_CALL = 50
"""Steps in one call, at most. States are kept between calls, so that a run that goes on makes an unbroken one's."""
_READ = 1024
State = tuple[list[Tensor], ...]
"""Values of a model's trained and other variables, of its optimizer's and of its metrics'."""


class ResidentEpochs:
    """Epochs of training images that are put on the device once, by `jax.lax.scan` on the JAX backend.

    Order and random changes are those of `HostEpochs`, image for image: they are drawn before an epoch begins, from the
    same numbers, and carried out in `keras.ops` within the compiled step. The order of a TFDS set that is too large for
    the host's memory is another there, since it is streamed.

    Args:
        trainee: whose model is trained.
        source: of training images.
        networks: of which the input's size and preprocessing are taken.
        settings: how.
        targets: a row for each class of the data.
        weights: of the network's classes; None: all the same.
        progress: which is shown.

    Raises:
        SepzooError: another backend than JAX, changes that Keras's layers make, or images that do not fit.
    """

    def __init__(
        self,
        trainee: Trainee,
        source: Source,
        networks: Networks,
        settings: FitSettings,
        targets: np.ndarray,
        weights: np.ndarray | None,
        progress: RunProgress,
    ) -> None:
        preprocessing = networks.preprocessing
        if not isinstance(preprocessing, Preprocessing):
            raise SepzooError(
                f"expected pictures for on_device. Received: {networks.inference.name}, which takes "
                f"{type(preprocessing).__name__.lower()}. Leave on_device out."
            )
        _check(settings, source)
        self._trainee = trainee
        self._settings = settings
        self._progress = progress
        self._source = source
        self._size = networks.inference.input_shape[1:3]
        augmentation_for(preprocessing, settings)  # which refuses that of sound
        self._free = settings.augmentation.free(source.image_size, self._size)
        table = target_table(source, targets)
        images = np.concatenate([images for images, _ in source.batches(_READ)])
        self._sides = first_sides(images) if settings.augmentation.flip == "alternate" else None
        self._data = {
            "images": ops.convert_to_tensor(images),
            "labels": ops.convert_to_tensor(source.labels.astype(np.int32)),
            "targets": ops.convert_to_tensor(table),
        }
        if weights is not None:
            self._data["weights"] = ops.convert_to_tensor((each_class(table) @ weights).astype(np.float32))
        self._change = functools.partial(
            changed, size=self._size, padding=settings.augmentation.padding, preprocessing=preprocessing
        )
        self._compiled_for: object = None

    def run(self, epoch: int, watch: StepWatch, *, steps: int, done: int) -> Mapping[str, float]:
        """Train an epoch, and return what its metrics measured; as `HostEpochs.run`."""
        model = self._trainee.model
        if self._compiled_for is not self._trainee.optimizer:
            self._compile(model)
        model.reset_metrics()
        watch.begin(model)
        self._progress.begin(epoch + 1, done=done)
        for call in self._calls(epoch, done):
            with says_which_batch_size(self._settings):
                state, losses = self._steps(_values(model), self._data, call)
                values = ops.convert_to_numpy(losses)
            _assign(model, state)
            watch.saw(values.tolist())
            self._progress.advance(len(values))
        return {name: float(value) for name, value in model.get_metrics_result().items()}

    def _compile(self, model: keras.Model) -> None:
        """Let metrics have their variables, and compile the calls anew for the optimizer of the moment."""
        import jax

        # What a first batch would do; sums begin at nothing again with each epoch.
        inputs = ops.zeros((1, *model.input_shape[1:]))
        row = self._data["targets"][:1]
        given = model(inputs, training=False)
        model.compute_loss(x=inputs, y=row, y_pred=given)
        model.compute_metrics(inputs, row, given)

        def step(state: State, data: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> tuple[State, Tensor]:
            labels = ops.take(data["labels"], drawn["order"], axis=0)
            batch = [
                self._change(ops.take(data["images"], drawn["order"], axis=0), drawn),
                ops.take(data["targets"], labels, axis=0),
            ]
            batch += [ops.take(data["weights"], labels, axis=0)] if "weights" in data else []
            logs, state = model.train_step(state, tuple(batch))
            return state, logs["loss"]

        @jax.jit
        def many(state: State, data: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> tuple[State, Tensor]:
            return jax.lax.scan(lambda state, one: step(state, data, one), state, drawn)

        self._steps = many
        self._compiled_for = self._trainee.optimizer

    def _calls(self, epoch: int, done: int) -> Iterator[Mapping[str, np.ndarray]]:
        """Yield what each call needs: arrays of shape (steps, batch, …)."""
        seed, size = self._settings.seed, self._settings.batch_size
        order = self._source.order(seed=seed, epoch=epoch).astype(np.int32)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        turned = None if self._sides is None else turned_in(epoch, self._sides)
        whole = len(order) // size
        at_once = steps_per_call(whole)
        limits = sorted({*range(at_once, whole, at_once), whole, len(batches)})
        for first, end in itertools.pairwise([done, *(limit for limit in limits if limit > done)]):
            drawn = [
                _arrays(
                    self._settings.augmentation, batches[number], self._free, batch_random(seed, epoch, number), turned
                )
                for number in range(first, end)
            ]
            yield {name: np.stack([each[name] for each in drawn]) for name in drawn[0]}


def steps_per_call(steps: int) -> int:
    """Return how many of an epoch's steps one call makes: each length compiles anew, so all have one where they can.

    Example:
        >>> steps_per_call(390), steps_per_call(97)
        (39, 50)
    """
    alike = (count for count in range(STEPS_PER_CALL, STEPS_PER_CALL // 2, -1) if steps % count == 0)
    return next(alike, STEPS_PER_CALL)


def _arrays(
    augmentation: Augmentation,
    order: np.ndarray,
    free: tuple[int, int],
    random: np.random.Generator,
    turned: np.ndarray | None,
) -> dict[str, np.ndarray]:
    draws = augmentation.draw(len(order), free, random, turned=None if turned is None else turned[order])
    found = {"order": order}
    if draws.tops is not None and draws.lefts is not None:
        found |= {"tops": draws.tops.astype(np.int32), "lefts": draws.lefts.astype(np.int32)}
    if draws.mirrored is not None:
        found["mirrored"] = draws.mirrored
    if draws.factors is not None:
        found["tables"] = brightness_tables(draws.factors)
    return found


def changed(
    images: Tensor,
    drawn: Mapping[str, Tensor],
    *,
    size: tuple[int, int],
    padding: int,
    preprocessing: Preprocessing,
) -> Tensor:
    """Return a batch as the network takes it: cropped, mirrored, brightened and normalized, float32.

    Args:
        images: uint8 of shape (n, height, width, channels).
        drawn: `tops`, `lefts`, `mirrored`, `tables` (n, 256), as far as chance has decided them.
        size: (height, width) of a crop.
        padding: black pixels around an image.
        preprocessing: from pixels to the network's input.
    """
    pixels = ops.cast(images, "int32")
    if "tops" in drawn:
        around = (padding, padding)
        pixels = ops.pad(pixels, ((0, 0), around, around, (0, 0)))
        rows = drawn["tops"][:, None] + ops.arange(size[0])
        columns = drawn["lefts"][:, None] + ops.arange(size[1])
        pixels = ops.take_along_axis(pixels, rows[:, :, None, None], axis=1)
        pixels = ops.take_along_axis(pixels, columns[:, None, :, None], axis=2)
    if "mirrored" in drawn:
        pixels = ops.where(drawn["mirrored"][:, None, None, None], ops.flip(pixels, axis=2), pixels)
    if "tables" in drawn:
        shape = ops.shape(pixels)
        flat = ops.reshape(pixels, (shape[0], -1))
        pixels = ops.reshape(ops.take_along_axis(drawn["tables"], flat, axis=1), shape)
    pixels = ops.cast(pixels, "float32")
    order = preprocessing.in_order(np.arange(pixels.shape[-1])).tolist()
    if order != sorted(order):
        pixels = ops.take(pixels, order, axis=-1)
    return (pixels - np.asarray(preprocessing.mean, np.float32)) / np.asarray(preprocessing.std, np.float32)


def _variables(model: keras.Model) -> tuple[list[Variable], ...]:
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )


def _values(model: keras.Model) -> State:
    return tuple([variable.value for variable in several] for several in _variables(model))


def _assign(model: keras.Model, state: State) -> None:
    for several, values in zip(_variables(model), state, strict=True):
        for variable, value in zip(several, values, strict=True):
            variable.assign(value)


def _check(settings: FitSettings, source: Source) -> None:
    require_backend("jax", "on_device")
    augmentation = settings.augmentation
    for name in ("operations", "mixup", "cutmix"):
        if getattr(augmentation, name):
            raise SepzooError(
                f"expected no augmentation.{name} with on_device, since Keras's layer for it runs on the host. "
                f"Received: {name}={getattr(augmentation, name)}. Leave out one of the two."
            )
    height, width = source.image_size
    size, room = len(source) * height * width * source.channels, _room()
    if size > room:
        raise SepzooError(
            f"expected training images that fit on the device, {room >> 20:,} MiB, for on_device. Received: "
            f"{size >> 20:,} MiB. Leave on_device out."
        )


def _room() -> int:
    """Return the bytes that images may take: half of a device's memory, or as on the host where it does not say."""
    import jax

    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return MEMORY_BUDGET if limit is None else limit // 2
