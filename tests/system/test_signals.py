"""Signals: the first requests a stop, the second ends the process, ignored signals stay ignored."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from srgan_gp.system.signals import ENDING, Stopped, StopRequest, run_interruptibly


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_stops_at_the_next_check(number):
    before = [signal.getsignal(other) for other in ENDING]
    with StopRequest() as stop:
        stop.raise_if_requested()
        os.kill(os.getpid(), number)
        assert stop.requested
        with pytest.raises(Stopped) as ended:
            stop.raise_if_requested()
    assert ended.value.code == 128 + number
    assert [signal.getsignal(other) for other in ENDING] == before


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_the_second_signal_ends_the_process_at_once(number):
    program = f"""
import os, time
from srgan_gp.system.signals import StopRequest
with StopRequest():
    os.kill(os.getpid(), {number:d})
    print("still here", flush=True)
    os.kill(os.getpid(), {number:d})
    print("never", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert (done.returncode, done.stdout) == (-number, b"still here\n")


def test_a_signal_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
    finally:
        signal.signal(signal.SIGHUP, before)


def test_outside_the_main_thread_it_has_no_effect():
    def use():
        with StopRequest() as stop:
            seen.append(stop.requested)

    seen = []
    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_process_ends_when_its_input_is_closed():
    program = """
import time
from srgan_gp.system.signals import stop_when_input_closes
stop_when_input_closes()
print("it works", flush=True)
time.sleep(600)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"words do not end it")
        process.stdin.flush()
        assert process.stdout.readline() == b"it works\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(120) == -signal.SIGTERM


def test_any_exception_of_the_main_thread_ends_an_interruptible_run():
    ended, cancelled = threading.Event(), threading.Event()

    def leave(number, frame):
        raise SystemExit(128 + number)

    def run():
        time.sleep(0.5)  # until the main thread waits
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        cancelled.wait(60)
        ended.set()

    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit):
            run_interruptibly(run, cancelled.set)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert cancelled.is_set()
    assert ended.wait(60)
