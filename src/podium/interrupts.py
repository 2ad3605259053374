"""End a command within two seconds of Ctrl-C (SIGINT) or SIGTERM, with one line and the exit code that shells expect.

Table writes are atomic, so a run can be killed at any moment. Waiting for a long computation would gain nothing.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

__all__ = ["advising", "handlers_kept", "listen", "patient"]

LINES = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
ADVICE = "Each table is either completely written or unchanged. Run the command again."
GRACE = 1.0  # seconds for the main thread to end by itself; after that, the process is ended by force

_listening = False
_advice = ADVICE
_patient = False
_code: int | None = None
_told = threading.Lock()  # acquired by the thread that prints the line, and never released
_forking = threading.local()  # the signal mask of a thread that forks


def listen() -> None:
    """From now on, end this process on SIGINT and SIGTERM. A signal that is ignored already (nohup) stays ignored."""
    global _listening
    if _listening or threading.current_thread() is not threading.main_thread():
        return
    _listening = True
    for number in LINES:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader,), name="interrupts", daemon=True).start()
    os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_forget)
    atexit.register(_leave)  # registered early, so it runs after the exit handlers that are registered later


@contextmanager
def advising(advice: str) -> Iterator[None]:
    """In this block, print ``advice`` after a signal. The usual advice is about writing tables only."""
    global _advice
    _advice = advice
    try:
        yield
    finally:
        _advice = ADVICE


@contextmanager
def patient() -> Iterator[None]:
    """In this block, give the main thread as long as it needs to clean up after a signal, not only ``GRACE``."""
    global _patient
    _patient = True
    try:
        yield
    finally:
        _patient = False


@contextmanager
def handlers_kept() -> Iterator[None]:
    """After the block, restore the signal handlers that libraries replaced in it: Sail replaces the one for SIGINT."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in LINES}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # None means that C code installed the handler, so Python cannot restore it
                signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    global _code
    _code = 128 + number
    _tell(number)
    sys.exit(_code)


def _hold_back() -> None:
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, LINES)


def _let_through() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _forget() -> None:
    """In a forked child, handle signals as usual. Otherwise a signal to the child would end its parent.

    The child inherits the pipe, and a pool of processes ends its workers by SIGTERM. Signals are held back from the
    fork until here, so that none arrives in between.
    """
    signal.set_wakeup_fd(-1)
    for number in LINES:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)
    _let_through()


def _leave() -> None:
    """After a signal, skip Python's finalization: it would crash if a query is still running in Sail's threads."""
    if _code is not None:
        sys.stdout.flush()
        os._exit(_code)


def _tell(number: int) -> None:
    """Print the line once. Both threads call this: the main thread may be in native code, or end before the watcher."""
    if _told.acquire(blocking=False):
        os.write(2, f"\n{LINES[signal.Signals(number)]}. {_advice}\n".encode())


def _watch(reader: int) -> None:
    """Wait for a signal and print one line. End the process if the main thread does not, as when in native code."""
    while True:
        number = os.read(reader, 1)[0]
        # Do nothing if the signal has a handler other than _end, such as the job runner's: that handler decides when
        # the process ends.
        if number in LINES and signal.getsignal(number) is _end:
            break
    _tell(number)
    if not _patient:
        threading.Event().wait(GRACE)
        os._exit(128 + number)
