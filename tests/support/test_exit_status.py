"""How processes ended, in words."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from sepzoo.support.exit_status import in_words, why_ended


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("os.abort()", "signal 6, SIGABRT: it aborted itself"),
        ("os.kill(os.getpid(), signal.SIGALRM)", "signal 14, SIGALRM"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 3)", f"signal {getattr(signal, 'SIGRTMIN', 34) + 3}"),
        ("sys.exit(3)", "exit code 3"),
        ("sys.exit('no such file\\n\\n')", "no such file"),
        (
            "print('check failed', file=sys.stderr, flush=True); os.abort()",
            "signal 6, SIGABRT: it aborted itself; last it said: check failed",
        ),
    ],
)
def test_the_end_of_a_real_process_is_told(does: str, words: str) -> None:
    program = f"import os, signal, sys\n{does}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert why_ended(done.returncode, done.stderr) == words


@pytest.mark.parametrize("number", signal.valid_signals())
def test_all_signals_have_words(number: int) -> None:
    assert in_words(-number).startswith(f"signal {int(number)}")
