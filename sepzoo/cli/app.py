"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

import sepzoo
from sepzoo.cli.options import with_default_settings
from sepzoo.support.errors import SepzooError
from sepzoo.support.lazy import load_function
from sepzoo.support.packages import not_installed
from sepzoo.support.printable import printable
from sepzoo.support.processor import keep_freed_memory, set_for_processor
from sepzoo.support.stopping import Stop, stopped_by_signals

USER_MISTAKE = 2
INTERRUPTED = 130
"""What Typer makes of a `KeyboardInterrupt`."""

_TRAINING_KERAS_S = ("compress", "shrink")
"""The commands that train Keras's own layers, for which oneDNN's gradients are not right everywhere."""

COMMANDS = {
    "quickstart": "sepzoo.cli.quickstart:quickstart",
    "list": "sepzoo.cli.list:list_networks",
    "card": "sepzoo.cli.card:card",
    "build": "sepzoo.cli.build:build",
    "profile": "sepzoo.cli.profile:profile",
    "inspect": "sepzoo.cli.inspect:inspect",
    "analyse": "sepzoo.cli.analyse:analyse",
    "train": "sepzoo.cli.train:train",
    "sweep": "sepzoo.cli.sweep:sweep",
    "rewrite": "sepzoo.cli.rewrite:rewrite",
    "compress": "sepzoo.cli.compress:compress",
    "shrink": "sepzoo.cli.shrink:shrink",
    "export": "sepzoo.cli.export:export",
    "verify": "sepzoo.cli.verify:verify",
    "bench": "sepzoo.cli.bench:bench",
    "evaluate": "sepzoo.cli.evaluate:evaluate",
    "classify": "sepzoo.cli.classify:classify",
    "predict": "sepzoo.cli.predict:predict",
}
"""Name -> its function. A command is read when it is asked for, so that one doesn't wait for all the others."""


SETTINGS_LEFT_OUT = {"compress": ("--qat",)}
"""The options of a command that may stand without their settings."""


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(sepzoo.__version__)
        raise typer.Exit


def _start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
    trust: Annotated[
        bool, typer.Option("--trust", help="Load files unchecked: those of others may run code or fill the memory.")
    ] = False,
) -> None:
    """Small, fast image classifiers of separable convolutions: find, train, export, measure.

    Begin with: sepzoo quickstart
    """
    if trust:
        from sepzoo.artifact.inspection import unchecked

        context.with_resource(unchecked())
    elif model := next(filter(_is_model, context.obj or ()), None):
        from sepzoo.artifact.inspection import asked_ahead

        if context.invoked_subcommand != "inspect":  # which loads nothing
            context.with_resource(asked_ahead(model))  # while what the command needs is imported
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _is_model(argument: str) -> bool:
    """Return whether an argument is the path of a model's file, which the command will load."""
    path = Path(argument)
    if not path.is_file():
        return False
    from sepzoo.artifact.inspection.formats import names_model

    return names_model(path)


def program(arguments: Sequence[str]) -> typer.Typer:
    """Return the program with the command that its arguments name, or with all where they name none.

    Example:
        >>> [command.name for command in program(["list", "vgg*"]).registered_commands]
        ['list']
    """
    app = typer.Typer(name="sepzoo", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback(invoke_without_command=True)(_start)
    asked = _asked(arguments)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        app.command(name)(load_function(COMMANDS[name]))
    return app


def _asked(arguments: Sequence[str]) -> str:
    """Return the command that arguments name; of none an empty text."""
    return next((each for each in arguments if not each.startswith("-")), "")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process: with 0, with 2 after a user's mistake, with 130 after Ctrl-C.

    SIGTERM and SIGHUP stop it as Ctrl-C does, with 143 and 129.

    Args:
        arguments: what follows `sepzoo`; None: those of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    given = list(sys.argv[1:] if arguments is None else arguments)
    if _asked(given) in _TRAINING_KERAS_S:
        keep_freed_memory()
    else:
        set_for_processor()
    for stream in (sys.stdout, sys.stderr):  # a terminal of few letters shows the others as escapes
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with _plain_messages():
        sys.exit(_run(given))


def _run(given: list[str]) -> int:
    with stopped_by_signals() as stop:
        return _outcome(given, stop)


def _outcome(given: list[str], stop: Stop) -> int:
    if "" in given:  # as a path it would mean the current folder
        before = " ".join(["sepzoo", *given[: given.index("")]])
        return _failed(f"expected no empty argument. Received: one after {before}. Is a variable of the shell empty?")
    words = given
    for option in SETTINGS_LEFT_OUT.get(_asked(given), ()):
        words = with_default_settings(words, option)
    try:
        outcome = typer.main.get_command(program(given)).main(
            words, prog_name="sepzoo", standalone_mode=False, obj=given
        )
    except (SepzooError, typer.TyperException) as error:
        return _failed(error.format_message() if isinstance(error, typer.TyperException) else str(error))
    except OSError as error:
        place = error.filename or ("standard output" if _was_printing(error) else None)
        return _failed(f"{place}: {error.strerror}" if place else str(error))
    except ModuleNotFoundError as error:
        told = not_installed(error)
        if told is None:
            raise
        return _failed(str(told))
    except (KeyboardInterrupt, typer.Abort):
        outcome = INTERRUPTED
    except Exception:
        if stop.signal is None:
            raise
        outcome = INTERRUPTED  # foreign code has made its own error of the interruption
    if outcome == INTERRUPTED:
        typer.echo("interrupted", err=True)
        return stop.exit_code
    return outcome or 0


def _was_printing(error: OSError) -> bool:
    """Return whether an error comes from `typer.echo`: the system names no file then, and a second try may succeed.

    That standard error cannot be written to would be said nowhere.
    """
    return any(frame.f_code is typer.echo.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


def _failed(message: str) -> int:
    if message:
        typer.echo(f"error: {printable(' '.join(message.split()))}", err=True)
    return USER_MISTAKE


@contextlib.contextmanager
def _plain_messages() -> Iterator[None]:
    """Show Python's warnings and the library's log as one line each, without the place in the code."""

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        typer.echo(f"warning: {printable(str(message))}", err=True)

    logger, handler = logging.getLogger("sepzoo"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    with warnings.catch_warnings():
        warnings.showwarning = show
        logger.addHandler(handler)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.propagate = True
