"""Ctrl-C and SIGTERM end a command at once; the error of a dead engine names it."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tests.runs import Run

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
LINES = {signal.SIGINT: "Interrupted", signal.SIGTERM: "Terminated"}
SAIL = """
    import os, signal, time
    from podium.lakehouse import engine

    engine.configure(engine.EngineSettings(engine="sail"))
    session = engine.session()
"""


def start(code: str, **more) -> subprocess.Popen[str]:
    """Run the code in a new interpreter, because signals and engines belong to a whole process."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **more,
    )


@pytest.mark.parametrize(("number", "at"), [(signal.SIGTERM, "judge_plane"), (signal.SIGINT, "refresh_")])
def test_a_run_ends_at_once_with_one_line(number, at, tmp_path, small, write_source):
    run = Run(tmp_path / "data", write_source(small, tmp_path / "source"), env="dev", as_of="2013-02-01")
    run.until(at)
    began = time.monotonic()
    run.signal(number)
    said = len(run.output)

    assert run.end(seconds=60) == CODES[number]
    assert time.monotonic() - began < 2
    last = [line for line in run.output[said:].splitlines() if line.strip() and " INFO " not in line]
    assert last == [f"{LINES[number]}. Each table is either completely written or unchanged. Run the command again."]


@pytest.mark.parametrize("number", CODES)
def test_native_code_that_does_not_return_is_not_waited_for(number):
    process = start(
        """
        import hashlib
        from podium import interrupts

        interrupts.listen()
        print("ready", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
        """
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)  # into the native code
    began = time.monotonic()
    process.send_signal(number)

    said, _ = process.communicate(timeout=60)
    assert process.returncode == CODES[number]
    assert time.monotonic() - began < 2
    assert (
        said.strip() == f"{LINES[number]}. Each table is either completely written or unchanged. Run the command again."
    )


def test_whoever_cleans_up_is_given_the_time():
    process = start(
        """
        import time
        from podium import interrupts

        interrupts.listen()
        with interrupts.patient():
            try:
                print("ready", flush=True)
                time.sleep(60)
            finally:
                time.sleep(1.5)
                print("clean", flush=True)
        """
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)

    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (130, "clean")


def test_a_signal_to_a_forked_child_does_not_end_its_parent():
    process = start(
        """
        import multiprocessing, os, signal, time
        from podium import interrupts

        interrupts.listen()
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join()
        time.sleep(1.5)
        print(child.exitcode, flush=True)
        with interrupts.advising("Clean up."):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        """
    )
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "-15\n\nTerminated. Clean up.\n")


def test_a_signal_that_is_ignored_does_not_stop_sail():
    """A shell starts ``command &`` with SIGINT ignored. Without Podium, Sail would stop and its client hang."""
    process = start(
        SAIL
        + """
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    print(session.sql("select 42 as answer").collect()[0].answer)
    """,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "42\n")


def test_a_dead_engine_is_told_by_name_within_ten_seconds_and_the_process_ends():
    process = start(
        SAIL
        + """
    from pyspark.errors import PySparkException

    engine._engines[engine._key()]._server.stop()
    began = time.monotonic()
    try:
        session.sql("select 1").collect()
    except PySparkException:
        print(engine.trouble(), time.monotonic() - began < 10)
    print(time.monotonic(), flush=True)
    """
    )
    said, _ = process.communicate(timeout=60)
    told, failed_at = said.splitlines()
    message = "Sail, the engine inside this process, has stopped. Run the command again."
    assert (process.returncode, told) == (0, f"{message} True")
    assert time.monotonic() - float(failed_at) < 10
