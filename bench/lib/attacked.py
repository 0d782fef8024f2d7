"""The attacked proxies: how each is configured (bench/attacked/) and started, and which port is which door."""

import json
import subprocess
from pathlib import Path

from . import attacks, clients, peers
from .processes import BenchError, Process, free_ports, run_to_its_end

TEMPLATES = Path(__file__).resolve().parent.parent / "attacked"
WAYS = [attacks.OURS, "nginx", "haproxy", "envoy"]
SUBSTATIONS = 4
# HAProxy takes two files a client, and refuses to start if more than the system allows could be needed.
MAX_CLIENTS = 8_000
# Longer than an attack takes by itself.
SPARE_SECONDS = 90


def doors(way, port):
    """The port of each door that a proxy has. Without TLS, unless it was started for that."""
    if way == attacks.OURS:
        return {attacks.HTTP1: port, attacks.HTTP2: port, attacks.TLS: port, attacks.ADMIN: port + 1}
    if way == "envoy":
        return {attacks.HTTP1: port, attacks.HTTP2: port, attacks.TLS: port}
    return {attacks.HTTP1: port, attacks.HTTP2: port + 1, attacks.TLS: port + 2}


def more(way, door, port, certificate):
    """What a template has for this door only."""
    crt, key = certificate
    if door != attacks.TLS:
        return "http2: {cleartext: true}" if way == attacks.OURS else ""
    return {
        attacks.OURS: f"tls: {{certificate: {crt}, key: {key}}}",
        "nginx": f"listen 127.0.0.1:{port + 2} ssl reuseport; ssl_certificate {crt}; ssl_certificate_key {key};",
        # HAProxy finds the key beside the certificate, under the same name and `.key`.
        "haproxy": f"bind 127.0.0.1:{port + 2} ssl crt {crt}",
        "envoy": "transport_socket: {name: envoy.transport_sockets.tls, typed_config: {"
                 '"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext, '
                 "common_tls_context: {tls_certificates: [{"
                 f"certificate_chain: {{filename: {crt}}}, private_key: {{filename: {key}}}}}]}}}}}}",
    }[way]


def certificate(directory):
    """Makes a certificate for localhost; returns it and its key."""
    crt, key = directory / "own.crt", directory / "own.crt.key"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", str(key), "-out", str(crt)]
    run_to_its_end("openssl", argv, 30)
    # Also for the user that nginx changes to.
    for file in (crt, key):
        file.chmod(0o644)
    return crt, key


def start(peer, door, substations, threads, directory, cert):
    """Configures and starts a proxy in a new directory; returns its process and its ports by door."""
    directory.mkdir()
    directory.chmod(0o755)  # nginx's worker is another user if the bench runs as root
    port = free_ports(3)
    template = TEMPLATES / peer.template
    values = {"PORT": port, "ADMIN": port + 1, "HTTP2": port + 1, "DIR": directory, "THREADS": threads,
              "MORE": more(peer.name, door, port, cert), "MAX_CLIENTS": MAX_CLIENTS, "KEPT": 64,
              "MAX_FILES": MAX_CLIENTS + 1000}
    config = directory / peer.template
    config.write_text(peers.fill(template.read_text(), values, substations))
    process = Process(peer.name, peer.command(str(config), port, threads), directory / "log", peer.end)
    return process, doors(peer.name, port)


def wait_until_ready(peer, process, ports, door):
    """Waits until the proxy answers a charge, or for TLS until it listens."""
    if door == attacks.TLS:
        def listens():
            with clients.connect(ports[door]):
                return True

        process.wait_until(listens)
    else:
        process.wait_until(lambda: clients.answers(ports[attacks.HTTP1], clients.request("/request_charge")))


def measure(attacker, attack, peer, process, ports, cert, options):
    """Runs one attack; returns its cell."""
    is_tls = attack.door == attacks.TLS
    honest = ports[attacks.TLS if is_tls else attacks.HTTP1]
    order = {"attack": attack.name, "target": f"127.0.0.1:{ports[attack.door]}", "honest": f"127.0.0.1:{honest}",
             "certificate": str(cert[0]) if is_tls else None, "process": process.pid,
             "connections": max(1, int(attack.connections * options.scale)), "addresses": attack.addresses, "pause": attack.pause,
             "seconds": options.seconds, "rate": options.rate}
    output, _ = run_to_its_end(f"attack {attack.name}", [str(attacker), json.dumps(order)],
                               2 * options.seconds + SPARE_SECONDS)
    try:
        process.check_running()
    except BenchError as error:
        raise BenchError(f"{attack.door}, {attack.what}: the attack ended the proxy: {error}") from error
    return attacks.cell(attack, peer.name, json.loads(output))


def has_openssl():
    """Whether a certificate can be made here."""
    try:
        return subprocess.run(["openssl", "version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
