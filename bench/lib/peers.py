"""The ways that are measured: how each is configured (bench/peers/), started and asked for its version."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional

from . import clients
from .processes import BenchError, Process, free_ports

TEMPLATES = Path(__file__).resolve().parent.parent / "peers"
PLACEHOLDER = re.compile(r"@([A-Z_0-9]+)@")

# Sessions end within milliseconds and none is ever refused: it is the proxies that are measured.
CAPACITY_KW = "1000000000"
TIME_SCALE = "1000000"


@dataclass
class Peer:
    """A proxy: its template, and the command that runs it in the foreground on the written file."""

    name: str
    template: str
    command: Callable
    version: list
    ready_path: Optional[str] = None  # asked on the admin port, where the proxy has one


def peers(binaries):
    """All of them, in the order of the report."""
    switchyard = str(binaries / "switchyard")
    return [
        Peer("switchyard", "switchyard.yaml",
             lambda config: [switchyard, "run", "--config", config], [switchyard, "--version"], "/ready"),
        Peer("haproxy", "haproxy.cfg", lambda config: ["haproxy", "-db", "-f", config], ["haproxy", "-v"]),
        Peer("nginx", "nginx.conf", lambda config: ["nginx", "-e", "stderr", "-c", config], ["nginx", "-v"]),
    ]


def fill(template, values):
    """Puts the values in for their @PLACEHOLDER@; one without a value is a mistake of ours."""
    return PLACEHOLDER.sub(lambda match: str(values[match[1]]), template)


def start_substations(binaries, directory):
    """Three substations in one process on one thread; the process and the first port."""
    port = free_ports(3)
    argv = [str(binaries / "substation"), "--name", "s", "--listen", f"127.0.0.1:{port}", "--count", "3",
            "--capacity-kw", CAPACITY_KW, "--time-scale", TIME_SCALE, "--threads", "1"]
    return Process("substations", argv, directory / "substations.log"), port


def start_proxy(peer, substations_port, max_clients, directory):
    """Writes the proxy's configuration and starts it; the process and its port. Each start has its own directory."""
    directory.mkdir()
    directory.chmod(0o755)  # nginx's worker is another user where the bench is root
    port = free_ports(2)
    values = {"PORT": port, "ADMIN": port + 1, "DIR": directory,
              "MAX_CLIENTS": max_clients, "MAX_FILES": 2 * max_clients + 100}
    values.update({f"SUBSTATION_{i + 1}": substations_port + i for i in range(3)})
    config = directory / peer.template
    config.write_text(fill((TEMPLATES / peer.template).read_text(), values))
    return Process(peer.name, peer.command(str(config)), directory / "log"), port


def wait_for_proxy(peer, process, port):
    """Until it is ready by its own word and charges are answered."""
    if peer.ready_path:
        process.wait_until(lambda: clients.answers(port + 1, clients.request(peer.ready_path, body=None)))
    process.wait_until(lambda: clients.answers(port, clients.request("/request_charge")))


def version(argv):
    """The first line of what the program says of itself."""
    try:
        # nginx writes it to stderr; wrk exits with 1 after it.
        said = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10, check=False)
    except OSError as error:
        raise BenchError(f"{Path(argv[0]).name}: can't be started ({error.strerror}); `make bench` installs and builds") from error
    found = re.search(r"\d+\.\d+(\.\d+)?[-+~\w.]*", said.stdout)
    return found[0] if found else "unknown"
