"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any, NoReturn

import typer

import sepzoo
from sepzoo.cli.analyse import analyse
from sepzoo.cli.build import build
from sepzoo.cli.card import card
from sepzoo.cli.classify import classify
from sepzoo.cli.compress import compress
from sepzoo.cli.evaluate import evaluate
from sepzoo.cli.export import export
from sepzoo.cli.inspect import inspect
from sepzoo.cli.list import list_networks
from sepzoo.cli.predict import predict
from sepzoo.cli.profile import profile
from sepzoo.cli.quickstart import quickstart
from sepzoo.cli.rewrite import rewrite
from sepzoo.cli.sweep import sweep
from sepzoo.cli.train import train
from sepzoo.cli.verify import verify
from sepzoo.support.errors import SepzooError
from sepzoo.support.printable import printable
from sepzoo.support.stopping import Stop, stopped_by_signals

USER_MISTAKE = 2
INTERRUPTED = 130
"""What Typer makes of a `KeyboardInterrupt`."""

app = typer.Typer(name="sepzoo", add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_COMMANDS: dict[str, Callable[..., None]] = {
    "quickstart": quickstart,
    "list": list_networks,
    "card": card,
    "build": build,
    "profile": profile,
    "inspect": inspect,
    "analyse": analyse,
    "train": train,
    "sweep": sweep,
    "rewrite": rewrite,
    "compress": compress,
    "export": export,
    "verify": verify,
    "evaluate": evaluate,
    "classify": classify,
    "predict": predict,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(_command)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(sepzoo.__version__)
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _program(
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
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave the process: with 0, with 2 after a user's mistake, with 130 after Ctrl-C.

    SIGTERM and SIGHUP stop it as Ctrl-C does, with 143 and 129.

    Args:
        arguments: what follows `sepzoo`; None: those of the process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for stream in (sys.stdout, sys.stderr):  # a terminal of few letters shows the others as escapes
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with _plain_messages():
        sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    with stopped_by_signals() as stop:
        return _outcome(arguments, stop)


def _outcome(arguments: Sequence[str] | None, stop: Stop) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments)
    if "" in given:  # as a path it would mean the current folder
        before = " ".join(["sepzoo", *given[: given.index("")]])
        return _failed(f"expected no empty argument. Received: one after {before}. Is a variable of the shell empty?")
    try:
        outcome = typer.main.get_command(app).main(given, prog_name="sepzoo", standalone_mode=False)
    except (SepzooError, typer.TyperException) as error:
        return _failed(error.format_message() if isinstance(error, typer.TyperException) else str(error))
    except OSError as error:
        place = error.filename or ("standard output" if _was_printing(error) else None)
        return _failed(f"{place}: {error.strerror}" if place else str(error))
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
