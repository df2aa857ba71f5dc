"""From a recipe to a run folder."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import keras

import sepzoo
from sepzoo.export.target_names import check_targets
from sepzoo.inference.keras_model import from_model
from sepzoo.records.preprocessing import Preprocessing
from sepzoo.support.clock import require_clock
from sepzoo.support.errors import SepzooError
from sepzoo.support.progress import announced
from sepzoo.training.assessment import assess
from sepzoo.training.batches import augmentation_for
from sepzoo.training.determinism import compute_deterministically
from sepzoo.training.devices import Devices
from sepzoo.training.distribution import Distribution
from sepzoo.training.finished_run import Epoch, Result, Run, best_of
from sepzoo.training.fitting import fit, measure
from sepzoo.training.heads import head_of
from sepzoo.training.networks import Networks, build_networks, starting_point
from sepzoo.training.page import PAGE, write_page
from sepzoo.training.plots import plot_curves
from sepzoo.training.processes import devices_of
from sepzoo.training.recalibrating import load_weights_of, recalibrate_saved
from sepzoo.training.recipe import Recipe
from sepzoo.training.run_folder import RunFolder, is_whole
from sepzoo.training.sources import Sources, all_images_readable, open_sources
from sepzoo.training.trainee import evaluation_model


def run(
    recipe: Recipe,
    out: str | os.PathLike[str],
    *,
    quiet: bool = False,
    strict: bool = False,
    distribution: Distribution | None = None,
) -> Run:
    """Train as the recipe says, into a run folder, and export; the same call resumes a run that was broken off.

    The folder holds `recipe.yaml` (as run, with versions), `metrics.jsonl` (one line an epoch), `curves.png`,
    `best.keras` and `last.keras` (with labels and preprocessing inside), `result.json`, `state.npz` and
    `state_before.npz` (for resuming), on the TensorFlow backend `tensorboard/`, and the run's story: `report.html` with
    curves, settings, classes and worst mistakes, which needs nothing else, `classes.csv` and `confusion.png`. A resumed
    run ends in the same bits as an unbroken one on a CPU; a GPU may add in another order each time. A finished run is
    read from its folder at once.

    What changes no numbers (description, command, cost, expected, export, the name) may differ from the recipe that ran
    in the folder. With more epochs a finished run goes on from its last, on the schedule of all of them: that is no
    unbroken run of so many, and the folder says so.

    Args:
        recipe: what to do.
        out: the folder, new or of this very recipe.
        quiet: show no progress; it goes to standard error.
        strict: an image that cannot be read ends the run before it begins; else it is left out with a warning.
        distribution: several devices or processes to compute on; None: one. Of several processes that of index 0 alone
            writes the folder; the others need it not, and return the same run. The numbers are those of one device, to
            rounding, so that a run goes on over other devices than it began on.

    Returns:
        The run: its history, its accuracies and on which images they were measured, its network, its exported files.

    Raises:
        SepzooError: another recipe ran in the folder or another process trains there, the data or the network cannot be
            had, the loss is no number, or an exported file's outputs are not the network's.
        KeyboardInterrupt: the run was told to stop; it has said from where the same call goes on.
    """
    check_targets(recipe.export)
    recipe = recipe.resolved()
    with devices_of(distribution) as devices, devices.home(Path(out)) as home, contextlib.ExitStack() as held:
        folder = RunFolder(home)
        with devices.agreed():
            folder.check(recipe)
        done = _finished(folder, recipe) if devices.alone else None
        if done is None or recipe.export:
            with devices.agreed():
                held.enter_context(folder.locked())
            held.enter_context(_said_where_to_go_on(folder, recipe, quiet=quiet))
            devices.share(home)
            folder.check(recipe)
            done = _finished(folder, recipe) or _trained(recipe, folder, devices, quiet=quiet, strict=strict)
            if recipe.export and devices.writes:
                from sepzoo.training.exports import recipe_exports

                done = dataclasses.replace(done, exports=recipe_exports(folder.path, done.recipe))
    return done if devices.writes else dataclasses.replace(done, folder=Path(out))


@contextlib.contextmanager
def _said_where_to_go_on(folder: RunFolder, recipe: Recipe, *, quiet: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if not quiet:
            epochs, steps = folder.done()
            done = f"{epochs} of {recipe.epochs} epochs" + (f" and {steps} steps" if steps else "") + " are done"
            print(f"{recipe.name}: {done}, the same command goes on from there", file=sys.stderr)  # noqa: T201
        raise


def _finished(folder: RunFolder, recipe: Recipe) -> Run | None:
    """Return the run of a folder with the recipe's words, or None where there is something left to train."""
    run = folder.finished()
    if run is None or run.recipe.epochs < recipe.epochs:
        return None
    if not is_whole(folder.best):
        folder.warn(f"{folder.best} is gone or damaged; the figures of result.json stand")
    kept = {"versions": run.recipe.versions, "earlier_epochs": run.recipe.earlier_epochs}
    return dataclasses.replace(run, recipe=recipe.model_copy(update=kept))


def _announced(devices: Devices, what: str) -> AbstractContextManager[None]:
    """Say what takes long, once for all processes."""
    return announced(what) if devices.writes else contextlib.nullcontext()


def _trained(recipe: Recipe, folder: RunFolder, devices: Devices, *, quiet: bool, strict: bool) -> Run:
    require_clock()
    quiet = quiet or not devices.writes
    if recipe.deterministic:
        compute_deterministically()
    keras.utils.set_random_seed(recipe.seed)
    with devices.agreed():
        start = starting_point(recipe.model, recipe.data)
        augmentation_for(start.preprocessing, recipe)  # here it is said if they don't fit
        if recipe.mirrored_views and not isinstance(start.preprocessing, Preprocessing):
            raise SepzooError(f"expected pictures for mirrored_views. Received: {start.name}, which takes none.")
        with _announced(devices, f"{recipe.name}: opening {recipe.data.name}"), all_images_readable(required=strict):
            sources = open_sources(
                recipe.data, start.input_shape, start.preprocessing, augmentation=recipe.augmentation
            )
        with _announced(devices, f"{recipe.name}: building {start.name}"):
            networks = build_networks(recipe.model, start, sources.train.class_names)
        folder.check_classes(from_model(networks.inference).require_labels())
    folder.begin(recipe.model_copy(update={"versions": _versions()}))
    history = fit(networks, sources, recipe, folder.path, title=recipe.name, quiet=quiet, devices=devices)
    plot_curves(history, folder.path / "curves.png", title=f"{recipe.name}: {start.name}")
    result = _result(recipe, folder, sources, networks, history, devices)
    with _announced(devices, f"{recipe.name}: writing {PAGE}"):
        held_out, name = sources.test or sources.validation, sources.test_name or sources.validation_name
        assessed = assess(networks, held_out, batch_size=recipe.batch_size, data=name)
        write_page(folder.path, folder.recipe(), history, result, assessed)
    folder.write_result(result)
    done = folder.finished()
    assert done is not None
    return done


def _result(
    recipe: Recipe, folder: RunFolder, sources: Sources, networks: Networks, history: list[Epoch], devices: Devices
) -> Result:
    best = best_of(history)
    evaluation = evaluation_model(networks, recipe)
    tested: dict[str, Mapping[str, float]] = {}
    recalibrated = mirrored = None
    for name, path in (("last", folder.last), ("best", folder.best)):
        load_weights_of(path, networks.inference)
        if recipe.recalibrate:
            with _announced(devices, f"{recipe.name}: batch norm of the {name} network"):
                recalibrate_saved(path, networks, sources.train, recipe)
                recalibrated = measure(evaluation, sources.validation, networks, recipe)["accuracy"]
        if recipe.mirrored_views and name == "last":
            with _announced(devices, f"{recipe.name}: measuring the last network on both sides of each image"):
                both = evaluation_model(networks, recipe, mirrored=True)
                mirrored = measure(both, sources.validation, networks, recipe)["accuracy"]
        if sources.test is not None:
            with _announced(devices, f"{recipe.name}: measuring the {name} network on {sources.test_name}"):
                tested[name] = measure(evaluation, sources.test, networks, recipe)
    return Result(
        best_epoch=best.epoch,
        best_accuracy=best.val_accuracy,
        last_accuracy=history[-1].val_accuracy,
        test_accuracy=tested["best"]["accuracy"] if tested else None,
        trained_on=sources.train_name,
        validated_on=sources.validation_name,
        tested_on=sources.test_name,
        seconds=sum(epoch.seconds for epoch in history),
        test_top5=tested["best"].get("top5") if tested else None,
        last_test_accuracy=tested["last"]["accuracy"] if tested else None,
        measure=head_of(networks.inference).measure,
        recalibrated_accuracy=recalibrated,
        mirrored_accuracy=mirrored,
    )


def _versions() -> dict[str, str]:
    backend = keras.backend.backend()
    return {
        "sepzoo": sepzoo.__version__,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": f"{backend} {importlib.metadata.version(backend)}",
        "numpy": importlib.metadata.version("numpy"),
    }
