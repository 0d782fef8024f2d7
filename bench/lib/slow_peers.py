"""Proxies that take a substation more while they run: Switchyard and HAProxy by a reload, Envoy by its endpoint file."""

import os
import signal

from . import clients, peers
from .processes import Process, free_ports

NODE = ["--service-node", "bench", "--service-cluster", "bench"]
CLUSTER = "type: STATIC"
# Ours gives one address a quarter of them, and all clients come from one.
MAX_CLIENTS = 9000


class Proxy:
    """One running proxy; ends with its `with` block."""

    def __init__(self, peer, substations, directory, change=None):
        """`change(text)` makes another configuration of the usual one."""
        directory.mkdir()
        directory.chmod(0o755)
        self.peer, self._directory = peer, directory
        self.port = free_ports(2)
        self._change = change or (lambda text: text)
        self._config = directory / peer.template
        self._endpoints = directory / "endpoints.yaml"
        self._write(substations)
        argv = list(peer.command(str(self._config), self.port, 1))
        if peer.name == "haproxy":
            argv.insert(1, "-W")  # a master, which is told to reload
        self.process = Process(peer.name, argv + (NODE if peer.name == "envoy" else []), directory / "log", peer.end)

    def __enter__(self):
        self.process.__enter__()
        self.process.wait_until(self._is_ready)
        return self

    def __exit__(self, *exception):
        return self.process.__exit__(*exception)

    def reload(self, substations):
        """Lists other substations from now on."""
        self._write(substations)
        if self.peer.name != "envoy":
            os.kill(self.process.pid, signal.SIGUSR2 if self.peer.name == "haproxy" else signal.SIGHUP)

    def page(self, path):
        """A page of the admin port."""
        return clients.page(self.port + 1, path)

    def _is_ready(self):
        if self.peer.ready_path:
            return clients.answers(self.port + 1, clients.request(self.peer.ready_path, body=None))
        with clients.connect(self.port):
            return True

    def _filled(self, substations):
        values = {"PORT": self.port, "ADMIN": self.port + 1, "DIR": self._directory, "THREADS": 1, "MORE": self.peer.more,
                  "MAX_CLIENTS": MAX_CLIENTS, "KEPT": 64, "MAX_FILES": 3 * MAX_CLIENTS}
        return peers.fill((peers.TEMPLATES / self.peer.template).read_text(), values, substations)

    def _write(self, substations):
        text = self._change(self._filled(substations))
        if self.peer.name == "envoy":
            text, endpoints = watched(text, self._endpoints)
            # Envoy sees only files that are moved into their place.
            new = self._endpoints.with_suffix(".new")
            new.write_text(endpoints)
            new.replace(self._endpoints)
        self._config.write_text(text)


def watched(text, file):
    """Envoy's configuration with its endpoints in a file of their own, and that file's text."""
    head, mark, tail = text.partition("      load_assignment:\n")
    if not mark or head.count(CLUSTER) != 1:
        raise ValueError("the template of Envoy has no list of endpoints at its end")
    source = f"eds_cluster_config: {{eds_config: {{path_config_source: {{path: {file}}}, resource_api_version: V3}}}}"
    head = head.replace(CLUSTER, f"type: EDS\n      {source}")
    own = "\n".join(line[4:] for line in tail.splitlines())
    kind = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
    return head, f'resources:\n  - "@type": {kind}\n{own}\n'
