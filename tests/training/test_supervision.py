"""What becomes of the words and the end of a process that trains as one of several."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sepzoo.support.errors import SepzooError
from sepzoo.training import Distribution
from sepzoo.training.supervision import supervise

SAID = Distribution("multihost", coordinator="h:1", processes=3, index=1, wait=5)
FATAL = "F1127 02:30:11.381923   12706 client.h:80] Terminating process because the JAX distributed service\\n"
STACK = "*** Check failure stack trace: ***\\n    @     0x7f2291240634  absl::lts_20260107::\\n"


def process(code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys\n{code}"]


def test_words_are_passed_on_but_for_those_of_native_code(capfd: pytest.CaptureFixture[str]) -> None:
    code = (
        "print('[Gloo] Rank 0 is connected to 1 peer ranks.')\nprint('the result')\n"
        "print('epoch 1/2', file=sys.stderr)\n"
        "print('E0000 00:00:1.1 5 cuda.cc:31] no CUDA', file=sys.stderr)\n"
        "assert os.environ['KERAS_BACKEND']"
    )
    assert supervise(process(code), SAID) == 0
    assert capfd.readouterr() == ("the result\n", "epoch 1/2\n")


def test_an_error_is_said_once_and_ends_it_whatever_follows(capfd: pytest.CaptureFixture[str]) -> None:
    code = f"print('error: no such data', file=sys.stderr)\nsys.stderr.write('{FATAL}{STACK}')\nos.abort()"
    assert supervise(process(code), SAID) == 2
    assert capfd.readouterr() == ("", "error: no such data\n")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (f"sys.stderr.write('{FATAL}{STACK}')", "expected all 3 processes until the end. Received: no answer from"),
        (f"sys.stderr.write('{FATAL}RPC: /RegisterTask\\n')", "expected 3 processes within 5 seconds at h:1. Received"),
        (
            "os.kill(os.getpid(), 9)",
            "expected a process that trains to its end. Received: one that ended early (signal 9, SIGKILL: the system "
            "or somebody ended it; systems do where memory runs out). Begin all processes again",
        ),
    ],
)
def test_a_process_that_native_code_ends_is_one_line(code: str, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SepzooError) as caught:
        supervise(process(f"{code}\nos.abort()"), SAID)
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_it_ends_when_the_process_that_watches_it_ends() -> None:
    child = (
        "import time\nfrom sepzoo.training.supervision import follow_parent\n"
        "follow_parent()\nprint(1, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as followed:
        assert followed.stdout is not None
        assert followed.stdin is not None
        followed.stdout.readline()
        followed.stdin.close()
        assert followed.wait(30) == 1
