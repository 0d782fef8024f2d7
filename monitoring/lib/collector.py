"""A collector of traces that is not ours: Rotel, which takes OTLP and writes the spans that it got to its log."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from .prometheus import until
from .scope import free_port

# Where setup.sh installs it, beside the Python that runs this.
FOLDER = Path(sys.prefix).parent / "collector-tools"


def program():
    """The collector's program; None where it is not installed."""
    found = list(FOLDER.glob("lib/python*/site-packages/rotel/rotel-agent"))
    return found[0] if found and os.access(found[0], os.X_OK) else None


class Collector:
    """A running collector."""

    def __init__(self, folder, running):
        self.log = folder / "collector.log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        log = running.enter_context(open(self.log, "wb"))
        process = subprocess.Popen(
            [program(), "start", "--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed",
             "--otlp-http-endpoint", f"127.0.0.1:{port}", "--otlp-grpc-endpoint", f"127.0.0.1:{free_port()}"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"})
        running.callback(process.wait)
        running.callback(process.kill)
        until("the collector listens", lambda: self._listens(port))

    @staticmethod
    def _listens(port):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return True
        except OSError:
            return False

    def traces(self):
        """The ids of the traces that it has."""
        return set(re.findall(r"\b[0-9a-f]{32}\b", self.log.read_text(encoding="utf-8", errors="replace")))
