"""The ways that are measured: how each is configured (bench/peers/), started and asked for its version."""

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
# A line with one of these stands in the file once for each substation.
EACH = ("NUMBER", "SUBSTATION")
POOLED = "upstream: {pipeline: off}"


@dataclass
class Peer:
    """A proxy: its template, and the command that runs it in the foreground on the written file."""

    name: str
    template: str
    command: Callable  # (the file, the port, how many threads) → argv
    version: Optional[list] = None  # None: it has none of its own
    path: str = "/request_charge"
    ready_path: Optional[str] = None  # asked on the admin port, where the proxy has one
    more: str = ""  # what its file has besides the template
    check: Optional[Callable] = None  # (the file) → argv that says whether it can be run on it
    end: signal.Signals = signal.SIGTERM
    optional: bool = False  # where it is missing it is left out, and that is no failure


def peers(binaries, envoy="envoy"):
    """All of them, in the order of the report."""
    switchyard = str(binaries / "switchyard")

    def ours(name, **other):
        return Peer(name, "switchyard.yaml", lambda config, port, threads: [switchyard, "run", "--config", config],
                    [switchyard, "--version"], ready_path="/ready", **other)

    return [
        ours("switchyard"),
        # The same with one request at a time on a connection to a substation.
        ours("switchyard-pooled", more=POOLED, check=lambda config: [switchyard, "check", "--config", config]),
        Peer("haproxy", "haproxy.cfg", lambda config, port, threads: ["haproxy", "-db", "-f", config], ["haproxy", "-v"]),
        Peer("nginx", "nginx.conf", lambda config, port, threads: ["nginx", "-e", "stderr", "-c", config], ["nginx", "-v"]),
        Peer("envoy", "envoy.yaml",
             lambda config, port, threads: [str(envoy), "-c", config, "--concurrency", str(threads),
                                            "--disable-hot-restart", "--log-level", "warning"],
             [str(envoy), "--version"], optional=True),
        # What any `ProxyHttp` costs that chooses as we do. It passes paths on as they are, and waits for minutes on SIGTERM.
        Peer("plain", "switchyard.yaml",
             lambda config, port, threads: [str(binaries / "examples/plain_proxy"), config, f"127.0.0.1:{port}"],
             path="/charge", end=signal.SIGINT),
    ]


def fill(template, values, substations=()):
    """Puts the values in for their @PLACEHOLDER@, and repeats what is said of a substation for each of the ports.

    A placeholder without a value is a mistake of ours.
    """
    lines = []
    for line in template.splitlines():
        each = not set(EACH).isdisjoint(PLACEHOLDER.findall(line))
        filled = [dict(values, NUMBER=at + 1, SUBSTATION=port) for at, port in enumerate(substations)] if each else [values]
        lines += [PLACEHOLDER.sub(lambda match, own=own: str(own[match[1]]), line) for own in filled]
    return "\n".join(lines) + "\n"


def write(peer, directory, substations, threads, max_clients):
    """The proxy's configuration in a new directory: its path, and the port."""
    directory.mkdir()
    directory.chmod(0o755)  # nginx's worker is another user where the bench is root
    port = free_ports(2)
    # For nginx, whose cache is for all substations together: as many as wrk ever uses, and one for each.
    kept = 512 + len(substations)
    values = {"PORT": port, "ADMIN": port + 1, "DIR": directory, "THREADS": threads, "MORE": peer.more,
              "MAX_CLIENTS": max_clients, "KEPT": kept, "MAX_FILES": 2 * max_clients + kept + 100}
    config = directory / peer.template
    config.write_text(fill((TEMPLATES / peer.template).read_text(), values, substations))
    return str(config), port


def start_proxy(peer, substations, threads, max_clients, directory):
    """Writes the proxy's configuration and starts it; the process and its port. Each start has its own directory."""
    config, port = write(peer, directory, substations, threads, max_clients)
    return Process(peer.name, peer.command(config, port, threads), directory / "log", peer.end), port


def wait_for_proxy(peer, process, port, seconds=START_SECONDS):
    """Until it is ready by its own word and charges are answered."""
    if peer.ready_path:
        process.wait_until(lambda: clients.answers(port + 1, clients.request(peer.ready_path, body=None)), seconds)
    process.wait_until(lambda: clients.answers(port, clients.request(peer.path)), seconds)


def refusal(peer, directory):
    """Why this build of the proxy can't be run on its file; None if it can, or says nothing beforehand."""
    if peer.check is None:
        return None
    config, _ = write(peer, directory, [1], 1, 1)
    done = _ask(peer.check(config))
    return None if done.returncode == 0 else f"its configuration is refused, so this build does not know `{peer.more}`"


def find(peer):
    """Raises where its program is missing."""
    program = peer.command("", 0, 1)[0]
    if shutil.which(program) is None:
        raise BenchError(f"{peer.name}: there is no program {program}; `make bench` installs and builds")


def version(argv):
    """The first number with dots in what the program says of itself."""
    # nginx writes it to stderr; wrk exits with 1 after it.
    found = re.search(r"\d+\.\d+(\.\d+)?[-+~\w.]*", _ask(argv).stdout)
    return found[0] if found else "unknown"


def _ask(argv):
    try:
        return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    except OSError as error:
        raise BenchError(f"{Path(argv[0]).name}: can't be started ({error.strerror}); `make bench` installs and builds") from error
