"""The substations and inference servers: a fleet for each kind that a point needs, which runs until the end of the bench."""

from contextlib import ExitStack
from dataclasses import dataclass

from . import certificate, clients
from .processes import Process, free_ports

# Sessions end within milliseconds and no charge is ever refused, so only the proxies are measured.
CAPACITY_KW = "1000000000"
TIME_SCALE = "1000000"
# Inference servers on which no request waits.
MOCK = ("--slots", "65535", "--slowdown", "0", "--prefill", "0s")


@dataclass
class Fleet:
    """Running substations on consecutive ports."""

    processes: list
    first: int
    count: int

    @property
    def ports(self):
        """Their ports."""
        return range(self.first, self.first + self.count)


class Fleets:
    """All fleets; ends with its `with` block. An idle fleet costs nothing."""

    def __init__(self, binaries, directory):
        self._binaries, self._directory = binaries, directory
        self._running = {}
        self._stack = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    def of(self, count, answer_after, apart=False, secure=False):
        """The fleet of `count` substations that answer after these times; `apart`: the last has a process of its own;
        `secure`: they speak TLS.
        """
        kind = (count, answer_after, apart, secure)
        if kind not in self._running:
            first = free_ports(count)
            together = count - 1 if apart else count
            processes = [self._start(first, together, answer_after, secure)]
            processes += [self._start(first + together, 1, answer_after, secure)] if apart else []
            self._running[kind] = Fleet(processes, first, count)
        return self._running[kind]

    def mocks(self, count, gap):
        """The fleet of `count` mock inference servers, which make a token in each `gap`."""
        kind = (count, gap)
        if kind not in self._running:
            first = free_ports(count)
            argv = [str(self._binaries / "inference-mock"), "--listen", f"127.0.0.1:{first}", "--count", str(count),
                    "--token-time", gap, *MOCK]
            process = self._stack.enter_context(Process("inference servers", argv, self._directory / f"mocks-{first}.log"))
            for port in range(first, first + count):
                process.wait_until(lambda port=port: clients.answers(port, clients.request("/health", body=None)))
            self._running[kind] = Fleet([process], first, count)
        return self._running[kind]

    def _start(self, first, count, answer_after, secure):
        argv = [str(self._binaries / "substation"), "--name", "s", "--listen", f"127.0.0.1:{first}", "--count", str(count),
                "--capacity-kw", CAPACITY_KW, "--time-scale", TIME_SCALE, "--threads", "1",
                "--answer-after", ",".join(answer_after)]
        if secure:
            certificate.make(self._directory)
            argv += ["--tls-certificate", f"{self._directory}/tls.crt", "--tls-key", f"{self._directory}/tls.key"]
        process = self._stack.enter_context(Process("substations", argv, self._directory / f"substations-{first}.log"))
        for port in range(first, first + count):
            process.wait_until(lambda port=port: _listens(port) if secure else clients.answers(port, clients.request("/charge")))
        return process


def _listens(port):
    try:
        clients.connect(port).close()
    except OSError:
        return False
    return True
