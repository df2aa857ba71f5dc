from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

import pytest

from sepzoo.support.stopping import Stop, raise_if_stopped, stopped_by_signals


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Whoever starts the tests, a shell's background job or `nohup`, may have made the process deaf to signals."""
    defaults = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopped_by_signals() as stop:
        assert stop == Stop(None)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert (stop.signal, stop.exit_code) == (number, 128 + number)
    assert signal.getsignal(number) is before


def test_an_interrupt_that_was_swallowed_is_raised_again() -> None:
    """As native code does that calls Python back."""
    raise_if_stopped()
    with stopped_by_signals() as stop:
        raise_if_stopped()
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            raise_if_stopped()
    assert stop.exit_code == 128 + signal.SIGTERM
    raise_if_stopped()


def test_what_is_ignored_stays_ignored() -> None:
    """As `nohup` does it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals() as stop:
            signal.raise_signal(signal.SIGHUP)
        assert stop.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_a_thread_signals_stay_as_they_are() -> None:
    seen: list[int] = []

    def work() -> None:
        with stopped_by_signals() as stop:
            seen.append(stop.exit_code)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [130]
