"""Start Keras without TensorFlow's greeting."""

from __future__ import annotations

import typer

from sepzoo.support.quiet import Log, quiet


def start_keras() -> None:
    """Import Keras and let its backend find its devices, in silence.

    TensorFlow's C++ parts write to standard error before any setting can stop them: lines of information, and an error
    on every machine without a GPU. If the start fails, all of it is shown.
    """
    log = Log()
    try:
        with quiet() as log:
            import keras

            keras.ops.ones(())
    except Exception:
        typer.echo(log.text, err=True)
        raise
