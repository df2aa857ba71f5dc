"""What native code prints is held back and kept."""

from __future__ import annotations

import contextlib
import logging
import os
import sys

import pytest

from sepzoo.support.quiet import errors_only, quiet


def test_holds_back_python_and_native_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet() as log:
        sys.stdout.write("from Python\n")
        sys.stderr.write("from Python, error\n")
        os.write(1, b"from C\n")
        os.write(2, b"from C, error\n")
    sys.stdout.write("after\n")
    assert log.text.splitlines() == ["from Python", "from Python, error", "from C", "from C, error"]
    assert capfd.readouterr() == ("after\n", "")


def test_restores_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(RuntimeError), quiet() as log:
        os.write(2, b"last words\n")
        raise RuntimeError("stop")
    os.write(2, b"heard\n")
    assert log.text == "last words\n"
    assert capfd.readouterr().err == "heard\n"


def test_nests() -> None:
    with quiet() as outer:
        with quiet() as inner:
            sys.stdout.write("inner\n")
        sys.stdout.write("outer\n")
    assert (inner.text, outer.text) == ("inner\n", "outer\n")


def test_a_handler_made_inside_speaks_outside(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.Logger("made inside")
    with quiet() as log:
        logger.addHandler(logging.StreamHandler())
        logger.warning("inside")
    logger.warning("outside")
    assert log.text == "inside\n"
    assert capfd.readouterr().err == "outside\n"


def test_errors_only(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("sepzoo.test")
    with errors_only("sepzoo.test"):
        logger.warning("hidden")
        logger.error("shown")
    logger.warning("shown again")
    assert caplog.messages == ["shown", "shown again"]
