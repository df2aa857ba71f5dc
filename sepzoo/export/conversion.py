"""What a converter makes of a prepared network, opened by the runtime that it is made for."""

from __future__ import annotations

import os
from pathlib import Path

from sepzoo.export.converter_errors import refusal
from sepzoo.export.prepared import Prepared
from sepzoo.export.target import Converted, Target
from sepzoo.inference.classifier import Classifier
from sepzoo.inference.opening import open as open_file
from sepzoo.support.atomic import atomic_write, disk_error
from sepzoo.support.errors import SepzooError, first_line
from sepzoo.support.quiet import Log, quiet
from sepzoo.support.stopping import raise_if_stopped


def convert(
    target: Target,
    prepared: Prepared,
    temporary: Path,
    *,
    name: str,
    log: str | os.PathLike[str] | None,
    beside: Path,
) -> Converted:
    """Convert in silence; what the converter says goes to the log."""
    text = Log()
    try:
        with quiet() as text:
            converted = target.convert(prepared, temporary)
        raise_if_stopped()  # TensorFlow's converter swallows it, now and then
        return converted or Converted()
    except SepzooError:
        raise
    except Exception as error:  # converters raise their own kinds, RuntimeError, ValueError and more
        full = disk_error(error)
        if full is not None:  # then the converter is not to blame, and a log would have no room either
            raise OSError(full, os.strerror(full), str(beside)) from error
        log = log or beside.with_name(f"{beside.name}.log")
        reason = refusal(name, error, text.text, target=target.name)
        raise SepzooError(f"{reason} The converter's own words are in {log}.") from error
    finally:
        if log is not None:
            with atomic_write(log) as file:
                file.write_text(text.text, encoding="utf-8")


def opened(path: Path, target: Target, name: str) -> Classifier:
    """Open what a converter made; not all that converters make is taken by the runtimes that it is made for."""
    try:
        return open_file(path, trust=True)
    except SepzooError as error:
        if error.__cause__ is None:
            raise
        raise SepzooError(
            f"{target.name} of {name} was refused: its runtime does not take what the converter made "
            f"({first_line(error.__cause__).rstrip('.')}). No file was written. Take another format, or put other "
            "layers in their place."
        ) from error
