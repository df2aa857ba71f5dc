"""How another process ended, in words."""

from __future__ import annotations

import signal

_WORDS = {
    "SIGABRT": "it aborted itself",
    "SIGBUS": "it used memory that isn't there",
    "SIGFPE": "it divided a whole number by zero",
    "SIGILL": "it came to an instruction that this processor lacks",
    "SIGKILL": "the system or somebody ended it; systems do where memory runs out",
    "SIGSEGV": "it used memory that isn't its own",
    "SIGTERM": "it was told to stop",
}


def in_words(code: int) -> str:
    """Return how a process ended.

    Args:
        code: as `subprocess` gives it: what the process said, or less than zero, of the signal that ended it.

    Example:
        >>> in_words(3), in_words(-9)
        ('exit code 3', 'signal 9, SIGKILL: the system or somebody ended it; systems do where memory runs out')
    """
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:  # a signal of real time, or none that this system knows
        return f"signal {-code}"
    return f"signal {-code}, {name}: {_WORDS[name]}" if name in _WORDS else f"signal {-code}, {name}"


def why_ended(code: int, said: str) -> str:
    r"""Return why a process ended, as far as it can be told: its last line, and of a signal which.

    Args:
        code: as `in_words` takes it.
        said: all that the process wrote to standard error.

    Example:
        >>> why_ended(1, "Traceback …\nValueError: no\n"), why_ended(1, "")
        ('ValueError: no', 'exit code 1')
        >>> why_ended(-6, "check failed")
        'signal 6, SIGABRT: it aborted itself; last it said: check failed'
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if code >= 0 and lines:
        return lines[-1]
    return "; last it said: ".join([in_words(code), *lines[-1:]])
