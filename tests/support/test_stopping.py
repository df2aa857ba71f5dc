from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sepzoo.support.stopping import Stop, held_back, raise_if_stopped, stopped_by_signals


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_waits_for_a_good_moment_and_the_second_does_not(number: signal.Signals) -> None:
    with stopped_by_signals() as stop, contextlib.suppress(KeyboardInterrupt), held_back() as held:
        held.release()
        assert not held.waits
        signal.raise_signal(number)
        assert held.waits
        assert stop.signal is None
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM


def test_a_signal_that_still_waits_at_the_end_is_raised_there() -> None:
    def told() -> None:
        with held_back():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end")
        reached.append("what follows")

    reached: list[str] = []
    with stopped_by_signals() as stop, pytest.raises(KeyboardInterrupt):
        told()
    assert (reached, stop.signal) == (["the end"], signal.SIGTERM)


def test_without_a_handler_only_the_interrupt_waits() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with contextlib.suppress(KeyboardInterrupt), held_back() as held:
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.raise_signal(signal.SIGINT)
        assert held.waits
        with pytest.raises(KeyboardInterrupt):
            held.release()
        assert not held.waits
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_is_told_rather_than_the_signal_that_waits() -> None:
    def broken() -> None:
        with held_back():
            signal.raise_signal(signal.SIGTERM)
            raise ZeroDivisionError

    with stopped_by_signals(), pytest.raises(ZeroDivisionError):
        broken()


class _Finalized:
    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


def _in_a_callback_of_the_collector(number: signal.Signals) -> None:
    def call(phase: str, info: dict[str, int]) -> None:
        gc.callbacks.remove(call)
        signal.raise_signal(number)

    gc.callbacks.append(call)
    gc.collect()


def _in_a_finalizer(number: signal.Signals) -> None:
    _Finalized(number)


def _then_wait(come: Callable[[signal.Signals], None], number: signal.Signals) -> None:
    come(number)
    time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("come", [_in_a_callback_of_the_collector, _in_a_finalizer])
def test_an_interrupt_that_python_could_not_pass_on_comes_again(
    come: Callable[[signal.Signals], None], number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    hook = sys.unraisablehook
    before = time.monotonic()
    with stopped_by_signals() as stop, pytest.raises(KeyboardInterrupt):
        _then_wait(come, number)
    assert time.monotonic() - before < 30
    assert stop.signal == number
    assert sys.unraisablehook is hook
    assert capsys.readouterr() == ("", "")


def test_other_exceptions_that_nobody_can_get_are_told_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))

    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    with stopped_by_signals():
        Broken()
    assert told == [ZeroDivisionError]
