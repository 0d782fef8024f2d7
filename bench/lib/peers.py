"""How the measured proxies are configured (bench/peers/), started, and asked for their version."""

import re
import shutil
import subprocess
from pathlib import Path

from . import certificate, clients
from .catalogue import peers
from .peer import Peer
from .points import HTTP1, USUAL
from .processes import START_SECONDS, BenchError, Process, free_ports

__all__ = ["Peer", "fill", "find", "peers", "refusal", "start_proxy", "version", "wait_for_proxy", "write"]

TEMPLATES = Path(__file__).resolve().parent.parent / "peers"
PLACEHOLDER = re.compile(r"@([A-Z_0-9]+)@")
# A line of a template with one of these is repeated for each substation.
EACH = ("NUMBER", "SUBSTATION")
# What the templates need for a listener in clear. `Peer.speaks` has the values for other protocols.
CLEAR = {"LISTEN": "", "TLS": "", "PROTOCOL": "http", "BUFFER": 16384, "UPSTREAM": "", "UPSTREAM_SCHEME": "http",
         "ROUTES": "", "GAUGE": "", "CAPACITY": "", "STREAMS": ""}
# Of bytes, for a proxy that otherwise hands a larger body on in pieces; nginx has such buffers where it needs them.
LARGE_BUFFER = 65536


def fill(template, values, substations=()):
    """Replaces each @PLACEHOLDER@ by its value, and repeats the lines about a substation for each port.

    Without other values the listener is one in clear.

    Raises KeyError for a placeholder without a value.
    """
    lines, values = [], CLEAR | values
    for line in template.splitlines():
        each = not set(EACH).isdisjoint(PLACEHOLDER.findall(line))
        filled = [dict(values, NUMBER=at + 1, SUBSTATION=port) for at, port in enumerate(substations)] if each else [values]
        lines += [PLACEHOLDER.sub(lambda match, own=own: str(own[match[1]]), line) for own in filled]
    return "\n".join(lines) + "\n"


def write(peer, directory, substations, threads, max_clients, protocol=HTTP1, large=False, secure=False, streams=False):
    """Writes the proxy's configuration into a new directory; returns its path and the proxy's port.

    A listener with TLS shows the certificate of the folder around `directory`. `large`: bodies are larger than 16 KiB;
    `secure`: the substations show that certificate; `streams`: they are inference servers, whose answers stream.
    """
    directory.mkdir()
    directory.chmod(0o755)  # nginx's worker is another user if the bench runs as root
    port = free_ports(2)
    # For nginx, whose cache of connections is shared by all substations: as many as wrk ever uses, and one for each.
    kept = 512 + len(substations)
    values = {"PORT": port, "ADMIN": port + 1, "DIR": directory, "THREADS": threads, "MORE": peer.more,
              "MAX_CLIENTS": max_clients, "KEPT": kept, "MAX_FILES": 2 * max_clients + kept + 100}
    chosen = peer.speaks[protocol] | (peer.secures if secure else {}) | (peer.streams if streams else {})
    listener = {name: fill(text, {"DIR": directory.parent}).rstrip("\n") for name, text in chosen.items()}
    listener |= {"BUFFER": LARGE_BUFFER} if large else {}
    config = directory / peer.template
    config.write_text(fill((TEMPLATES / peer.template).read_text(), values | listener, substations))
    return str(config), port


def start_proxy(peer, substations, threads, max_clients, directory, protocol=HTTP1, large=False, secure=False,
                streams=False):
    """Configures and starts a proxy; returns its process and its port. Each start needs a new directory."""
    if protocol != HTTP1 or secure:
        certificate.make(directory.parent)
    config, port = write(peer, directory, substations, threads, max_clients, protocol, large, secure, streams)
    return Process(peer.name, peer.command(config, port, threads), directory / "log", peer.end), port


def wait_for_proxy(peer, process, port, seconds=START_SECONDS, answers=None):
    """Waits until the proxy reports that it is ready and answers a charge; `answers()` says that if it speaks no HTTP/1.1."""
    if peer.ready_path:
        process.wait_until(lambda: clients.answers(port + 1, clients.request(peer.ready_path, body=None)), seconds)
    process.wait_until(answers or (lambda: clients.answers(port, clients.request(peer.path))), seconds)


def refusal(peer, directory):
    """Why this build of the proxy refuses its configuration; None if it accepts it or has no check."""
    if peer.check is None:
        return None
    config, _ = write(peer, directory, [1], 1, USUAL.connections)
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
