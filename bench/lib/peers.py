"""The measured proxies: how each is configured (bench/peers/), started, and asked for its version."""

import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from . import clients
from .processes import START_SECONDS, BenchError, Process, free_ports

TEMPLATES = Path(__file__).resolve().parent.parent / "peers"
PLACEHOLDER = re.compile(r"@([A-Z_0-9]+)@")
# A line of a template with one of these is repeated for each substation.
EACH = ("NUMBER", "SUBSTATION")
POOLED = "upstream: {pipeline: off}"


@dataclass
class Peer:
    """A proxy: its template, and the command that runs it in the foreground on the written file."""

    name: str
    template: str
    command: Callable  # (configuration file, port, threads) → argv
    version: Optional[list] = None  # argv; None if it has no version of its own
    path: str = "/request_charge"
    ready_path: Optional[str] = None  # on the admin port, if the proxy has one
    more: str = ""  # lines for the template's @MORE@
    check: Optional[Callable] = None  # (configuration file) → argv that checks the file
    end: signal.Signals = signal.SIGTERM
    optional: bool = False  # if it is missing, the bench leaves it out without a failure


def peers(binaries, envoy="envoy"):
    """All proxies, in the order of the report."""
    switchyard = str(binaries / "switchyard")

    def ours(name, **other):
        return Peer(name, "switchyard.yaml", lambda config, port, threads: [switchyard, "run", "--config", config],
                    [switchyard, "--version"], ready_path="/ready", **other)

    return [
        ours("switchyard"),
        # The same, but a connection to a substation carries one request at a time.
        ours("switchyard-pooled", more=POOLED, check=lambda config: [switchyard, "check", "--config", config]),
        Peer("haproxy", "haproxy.cfg", lambda config, port, threads: ["haproxy", "-db", "-f", config], ["haproxy", "-v"]),
        Peer("nginx", "nginx.conf", lambda config, port, threads: ["nginx", "-e", "stderr", "-c", config], ["nginx", "-v"]),
        Peer("envoy", "envoy.yaml",
             lambda config, port, threads: [str(envoy), "-c", config, "--concurrency", str(threads),
                                            "--disable-hot-restart", "--log-level", "warning"],
             [str(envoy), "--version"], optional=True),
        # What any `ProxyHttp` costs that selects as we do. It does not rewrite paths, and waits for minutes on SIGTERM.
        Peer("plain", "switchyard.yaml",
             lambda config, port, threads: [str(binaries / "examples/plain_proxy"), config, f"127.0.0.1:{port}"],
             path="/charge", end=signal.SIGINT),
    ]


def fill(template, values, substations=()):
    """Replaces each @PLACEHOLDER@ by its value, and repeats the lines about a substation for each port.

    Raises KeyError for a placeholder without a value.
    """
    lines = []
    for line in template.splitlines():
        each = not set(EACH).isdisjoint(PLACEHOLDER.findall(line))
        filled = [dict(values, NUMBER=at + 1, SUBSTATION=port) for at, port in enumerate(substations)] if each else [values]
        lines += [PLACEHOLDER.sub(lambda match, own=own: str(own[match[1]]), line) for own in filled]
    return "\n".join(lines) + "\n"


def write(peer, directory, substations, threads, max_clients):
    """Writes the proxy's configuration into a new directory; returns its path and the proxy's port."""
    directory.mkdir()
    directory.chmod(0o755)  # nginx's worker is another user if the bench runs as root
    port = free_ports(2)
    # For nginx, whose cache of connections is shared by all substations: as many as wrk ever uses, and one for each.
    kept = 512 + len(substations)
    values = {"PORT": port, "ADMIN": port + 1, "DIR": directory, "THREADS": threads, "MORE": peer.more,
              "MAX_CLIENTS": max_clients, "KEPT": kept, "MAX_FILES": 2 * max_clients + kept + 100}
    config = directory / peer.template
    config.write_text(fill((TEMPLATES / peer.template).read_text(), values, substations))
    return str(config), port


def start_proxy(peer, substations, threads, max_clients, directory):
    """Configures and starts a proxy; returns its process and its port. Each start needs a new directory."""
    config, port = write(peer, directory, substations, threads, max_clients)
    return Process(peer.name, peer.command(config, port, threads), directory / "log", peer.end), port


def wait_for_proxy(peer, process, port, seconds=START_SECONDS):
    """Waits until the proxy reports that it is ready and answers a charge."""
    if peer.ready_path:
        process.wait_until(lambda: clients.answers(port + 1, clients.request(peer.ready_path, body=None)), seconds)
    process.wait_until(lambda: clients.answers(port, clients.request(peer.path)), seconds)


def refusal(peer, directory):
    """Why this build of the proxy refuses its configuration; None if it accepts it or has no check."""
    if peer.check is None:
        return None
    config, _ = write(peer, directory, [1], 1, 1)
    done = _ask(peer.check(config))
    return None if done.returncode == 0 else f"it refuses its configuration, so this build does not know `{peer.more}`"


def find(peer):
    """Raises if the proxy's program is missing."""
    program = peer.command("", 0, 1)[0]
    if shutil.which(program) is None:
        raise BenchError(f"{peer.name}: there is no program {program}; `make bench` installs and builds")


def version(argv):
    """The first number with dots in the output of a command."""
    # nginx writes its version to stderr; wrk exits with 1.
    found = re.search(r"\d+\.\d+(\.\d+)?[-+~\w.]*", _ask(argv).stdout)
    return found[0] if found else "unknown"


def _ask(argv):
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    except OSError as error:
        raise BenchError(f"{Path(argv[0]).name}: can't be started ({error.strerror}); `make bench` installs and builds") from error
