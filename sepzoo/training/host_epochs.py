"""An epoch whose batches the host makes, one after another, while the devices compute."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import numpy as np

from sepzoo.data.source import Source
from sepzoo.training.batches import augmentation_for, training_batches
from sepzoo.training.devices import Devices
from sepzoo.training.fit_settings import FitSettings
from sepzoo.training.memory import says_which_batch_size
from sepzoo.training.networks import Networks
from sepzoo.training.progress import RunProgress
from sepzoo.training.step_watch import StepWatch
from sepzoo.training.trainee import Trainee


@dataclasses.dataclass(frozen=True, eq=False)
class HostEpochs:
    """What an epoch needs, whichever it is.

    Attributes:
        trainee: whose model is trained.
        source: of training images.
        networks: of which the input's size and preprocessing are taken.
        settings: how.
        targets: a row for each class of the data.
        weights: of the network's classes; None: all the same.
        devices: which compute.
        progress: which is shown.
    """

    trainee: Trainee
    source: Source
    networks: Networks
    settings: FitSettings
    targets: np.ndarray
    weights: np.ndarray | None
    devices: Devices
    progress: RunProgress

    def run(self, epoch: int, watch: StepWatch, *, steps: int, done: int) -> Mapping[str, float]:
        """Train an epoch, and return what its metrics measured.

        Args:
            epoch: counted from 0.
            watch: looks at each step.
            steps: of the epoch.
            done: so many of them were taken before.
        """
        self.progress.begin(epoch + 1, done=done)
        with self.devices.scope(), says_which_batch_size(self.settings):
            measured = self.trainee.model.fit(
                self.devices.fed(functools.partial(self._batches, epoch, done)),
                steps_per_epoch=steps - done,
                shuffle=False,
                verbose=0,
                callbacks=[watch],
            ).history
        return {name: values[0] for name, values in measured.items()}

    def _batches(self, epoch: int, done: int) -> Iterator[tuple[np.ndarray, ...]]:
        batches = training_batches(
            self.source,
            self.networks.preprocessing,
            augmentation_for(self.networks.preprocessing, self.settings),
            size=self.networks.inference.input_shape[1:3],
            batch_size=self.settings.batch_size,
            seed=self.settings.seed,
            epoch=epoch,
            targets=self.targets,
            weights=self.weights,
            done=done,
        )
        return self.progress.counted(self.devices.parts(batches))
