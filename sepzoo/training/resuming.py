"""Going on where a training was broken off."""

from __future__ import annotations

import shutil

from sepzoo.artifact.model_file import save
from sepzoo.artifact.penalties import leave_penalties_out
from sepzoo.support.atomic import atomic_write
from sepzoo.training.checkpoint import DamagedError, State
from sepzoo.training.finished_run import Epoch, best_of
from sepzoo.training.networks import Networks
from sepzoo.training.run_folder import RunFolder
from sepzoo.training.trainee import Trainee


def go_on(
    home: RunFolder, networks: Networks, trainee: Trainee, *, steps_per_epoch: int
) -> tuple[list[Epoch], State | None]:
    """Put all back to where an earlier call left it.

    Args:
        home: its folder.
        networks: which get their weights back.
        trainee: which is compiled as it was then.
        steps_per_epoch: of the training.

    Returns:
        The records of the epochs that are done, and the state; no records and None where the training starts anew.

    Raises:
        SepzooError: the folder holds the state of another network.
    """
    problems: list[str] = []
    for path in (home.state, home.state_before):
        if not path.exists():
            continue
        try:
            state = State.read(path)
            trainee.start_phase(unfrozen=trainee.is_unfrozen(state.epochs, state.steps))
            state.check(trainee.student, trainee.optimizer, steps_per_epoch=steps_per_epoch)
        except DamagedError as damage:
            problems.append(str(damage).removesuffix("."))
            continue
        history = home.history(state.epochs)
        why = home.damage(history, state.epochs)
        if why is not None:
            problems.append(why)
            continue
        if problems:
            home.warn(f"{problems[0]}. The run goes on from {path.name}, after epoch {state.epochs}")
            home.state.unlink(missing_ok=True)
        state.restore(trainee.student, trainee.optimizer)
        if history:
            networks.copy_weights(trainee.optimizer)
            if not state.steps:
                save_networks(home, networks, history)  # they may be damaged, or of the epoch before
        return history, state
    if problems:
        home.set_aside(problems[0])
        trainee.start_phase(unfrozen=False)
    return [], None


def save_networks(home: RunFolder, networks: Networks, history: list[Epoch]) -> None:
    """Write the network of the last epoch, and where that is the best one it too."""
    last = save(networks.inference, home.last, penalties=True)
    if best_of(history) is history[-1]:
        with atomic_write(home.best) as temporary:
            shutil.copyfile(last, temporary)
            leave_penalties_out(temporary)
