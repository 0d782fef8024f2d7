"""The substations: one process for each fleet that a point needs, which runs until the end of the bench."""

from contextlib import ExitStack

from . import clients
from .processes import Process, free_ports

# Sessions end within milliseconds and no charge is ever refused, so only the proxies are measured.
CAPACITY_KW = "1000000000"
TIME_SCALE = "1000000"


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

    def of(self, count, answer_after):
        """The process and the first port of `count` substations, which answer after these times."""
        if (count, answer_after) not in self._running:
            self._running[count, answer_after] = self._start(count, answer_after)
        return self._running[count, answer_after]

    def _start(self, count, answer_after):
        first = free_ports(count)
        argv = [str(self._binaries / "substation"), "--name", "s", "--listen", f"127.0.0.1:{first}", "--count", str(count),
                "--capacity-kw", CAPACITY_KW, "--time-scale", TIME_SCALE, "--threads", "1",
                "--answer-after", ",".join(answer_after)]
        log = self._directory / f"substations-{len(self._running)}.log"
        process = self._stack.enter_context(Process("substations", argv, log))
        for port in range(first, first + count):
            process.wait_until(lambda port=port: clients.answers(port, clients.request("/charge")))
        return process, first
