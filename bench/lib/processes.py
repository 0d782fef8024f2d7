"""Starts processes, waits until they answer, and ends them by pid, also when the bench is interrupted."""

import ctypes
import os
import random
import resource
import signal
import socket
import subprocess
import time

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)

# A proxy that does not answer within this time never will; the first round of scrapes takes half a second.
START_SECONDS = 10
STOP_SECONDS = 5
# From this many on, consecutive ports are searched below those that the system assigns.
FEW_PORTS = 20


class BenchError(Exception):
    """A failure that the user has to know about, in one line."""


def free_ports(count):
    """The first of `count` consecutive free ports of 127.0.0.1."""
    for _ in range(100):
        if count < FEW_PORTS:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                first = probe.getsockname()[1]
        else:
            # The system assigns ports from 32768 on, so long runs of free ports are below.
            first = random.randrange(10000, 32768 - count)
        if first + count <= 65536 and all(_is_free(first + i) for i in range(count)):
            return first
    raise BenchError(f"no {count} consecutive free ports on 127.0.0.1")


def _is_free(port):
    with socket.socket() as probe:
        # As servers do: a connection that has ended keeps its port for a minute, but keeps no server from it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def die_with_parent():
    """For `preexec_fn`: the process gets SIGTERM when the bench dies, even when it is killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run_to_its_end(name, argv, limit):
    """Runs a program that ends by itself within `limit` seconds; returns its output and its CPU time in seconds."""
    before = _children_cpu()
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit, check=False, preexec_fn=die_with_parent)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{name} did not end within {limit} s") from error
    except OSError as error:
        raise BenchError(f"{name}: can't be started ({error.strerror})") from error
    if done.returncode != 0:
        output = done.stderr.strip() or done.stdout.strip()
        raise BenchError(f"{name} ended with code {done.returncode}: {output[-300:]}")
    return done.stdout, _children_cpu() - before


def _children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Process:
    """A measured server; ends with its `with` block."""

    def __init__(self, name, argv, log, end=signal.SIGTERM):
        self.name = name
        self.log = log
        self._end = end
        # The caller's log level would be measured too.
        environment = {k: v for k, v in os.environ.items() if k != "RUST_LOG"}
        try:
            with open(log, "wb") as output:
                # A session of its own, so that Ctrl-C reaches only the bench, which then ends its processes in order.
                self._popen = subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    env=environment, start_new_session=True, preexec_fn=die_with_parent)
        except OSError as error:
            raise BenchError(f"{name}: can't be started: {error.strerror}") from error
        self.pid = self._popen.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._popen.send_signal(self._end)
        try:
            self._popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.name}: did not end {STOP_SECONDS} s after {self._end.name}; killed", flush=True)
            self._popen.kill()
            self._popen.wait()

    def wait_until(self, ready, seconds=START_SECONDS):
        """Polls `ready()` until it returns true; an `OSError` counts as not yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check_running()
            try:
                if ready():
                    return
                reason = "it answers, but not with 200"
            except OSError as error:
                reason = str(error)
            time.sleep(0.02)
        raise BenchError(f"{self.name}: not ready after {seconds} s ({reason}): {self._end_of_log()}")

    def check_running(self):
        """Raises if the process has ended."""
        if self._popen.poll() is not None:
            raise BenchError(f"{self.name}: ended with code {self._popen.returncode}: {self._end_of_log()}")

    def _end_of_log(self):
        with open(self.log, errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return " | ".join(lines[-3:]) or "its log is empty"
