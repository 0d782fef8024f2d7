"""A substation that gets hardly any CPU time for a while, and then recovers.

It is stopped and continued as a container is that has used up its share of CPU time in each period. Its connections stay
open, and its gauge is as late as its answers.
"""

import os
import signal
import threading
from contextlib import contextmanager

PERIOD_SECONDS = 0.2
RUNS_SECONDS = 0.01


@contextmanager
def meanwhile(pid, begin, end):
    """In the `with` block, stops the process for most of each period from `begin` to `end`, in seconds from now."""
    done = threading.Event()
    thread = threading.Thread(target=_pulses, args=(pid, begin, end, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _pulses(pid, begin, end, done):
    if done.wait(begin):
        return
    try:
        for _ in range(max(round((end - begin) / PERIOD_SECONDS), 1)):
            os.kill(pid, signal.SIGSTOP)
            stopped = done.wait(PERIOD_SECONDS - RUNS_SECONDS)
            os.kill(pid, signal.SIGCONT)
            if stopped or done.wait(RUNS_SECONDS):
                return
    except ProcessLookupError:
        pass  # it has ended, which `check_running` reports
