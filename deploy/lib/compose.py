"""The stack of docker-compose.yml under test: the very file, with other ports, other names and a faster clock.

Whatever it makes carries the name of one project that nobody else has, and goes with it. Images that can't be pulled are stood
in for; Grafana's is then left out.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import yaml

from monitoring.lib import hurried
from monitoring.lib.prometheus import Client, until

from . import images, standins
from .standins import ROOT, docker

FILE = ROOT / "docker-compose.yml"
PORTS = ("CHARGE_PORT", "ADMIN_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")


def services():
    """What the file says of each service."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]


def program():
    """Docker Compose, as a plugin or as the program that it was before; nothing where there is none."""
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else None


class Stack:
    """The services of the file, in containers; ends with its `with` block. `Missing` where an image is not to be had."""

    def __init__(self, binaries):
        self.binaries = binaries
        self.project = f"switchyard-test-{secrets.token_hex(4)}"
        self.running = ExitStack()
        self.left_out = []
        self.services = ["prometheus", "grafana"]
        image = services()["prometheus"]["image"]
        if standins.ensure(image, standins.prometheus):
            self.running.callback(standins.remove, image)
            self.services.remove("grafana")
            self.left_out = [
                "Grafana's container: no image can be pulled; its dashboards are checked against its schema",
                "upstream's Prometheus: Debian's stands in for it under the same name",
            ]

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.running.close()
            raise
        return self

    def __exit__(self, *_):
        self.running.close()

    def compose(self, *arguments, timeout=180):
        """Runs Compose on the project; returns what it printed."""
        files = ["--file", str(FILE), "--file", str(self.folder / "override.yml"), "--project-directory", str(ROOT)]
        command = [*program(), *files, "--project-name", self.project, "--profile", "rush-hour", *arguments]
        environment = {**os.environ, **dict.fromkeys(PORTS, "0")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout, check=False)
        if done.returncode:
            logs = "" if arguments[0] == "logs" else self.compose("logs", "--no-color", "--tail", "20")
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr[-2000:]}\n{logs}")
        return done.stdout

    def address(self, service, port):
        """Where a port of a service is published here."""
        return self.compose("port", service, str(port)).strip().replace("0.0.0.0", "127.0.0.1")

    def token(self):
        """What the admin port wants to see, as docker-compose.yml says how to get it."""
        return self.compose("exec", "-T", "prometheus", "cat", "/run/switchyard/token")

    def scale(self, count):
        """So many substations run."""
        self.compose("up", "--detach", "--no-build", "--no-recreate", "--scale", f"substation={count}", "substation")

    def pause(self):
        """A substation stops to answer, and keeps its name; returns it."""
        name = self._substations()[0]
        docker("pause", name)
        return name

    def resume(self, name):
        """It answers again."""
        docker("unpause", name)

    def stop(self):
        """A substation ends, and takes its name along."""
        docker("stop", "--time", "5", self._substations()[-1])

    def rush_hour(self, *arguments):
        """A rush hour, to its end; returns the requester's report."""
        told = ["rush-hour", "--target", "http://proxy:8080", "--quiet", "--output", "-"]
        return json.loads(self.compose("run", "--rm", "-T", "requester", *told, *arguments, timeout=300))

    def containers(self):
        """What Docker says of each container of the project, by service."""
        found = docker("ps", "--quiet", "--all", "--filter", f"label=com.docker.compose.project={self.project}").split()
        inspected = json.loads(docker("inspect", *found))
        return [(one["Config"]["Labels"]["com.docker.compose.service"], one) for one in inspected]

    def _substations(self):
        return self.compose("ps", "--quiet", "substation").split()

    def _start(self):
        self.folder = Path(self.running.enter_context(tempfile.TemporaryDirectory(prefix="switchyard-")))
        built = images.build(self.binaries, self.project)
        self.running.callback(images.remove, built)
        self._override(built)
        self.running.callback(self.compose, "down", "--volumes", "--remove-orphans", "--timeout", "5")
        self.compose("up", "--detach", "--no-build", *self.services, timeout=300)
        self.prometheus = Client(f"http://{self.address('prometheus', 9090)}")
        until("Prometheus is ready", self.prometheus.ready)
        self.charge, self.admin = self.address("proxy", 8080), self.address("proxy", 9901)

    def _override(self, built):
        """Our images by their test names, and Prometheus on a faster clock."""
        hurried.rules(self.folder / "prometheus" / "rules")
        config = yaml.safe_dump(hurried.configuration())
        (self.folder / "prometheus" / "prometheus.yml").write_text(config, encoding="utf-8")
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # a folder of the test's own is nobody else's to read
        changed = {service: {"image": built[what["build"]["target"]]}
                   for service, what in services().items() if "build" in what}
        changed["prometheus"] = {"volumes": [f"{self.folder}/prometheus:/etc/prometheus:ro"]}
        (self.folder / "override.yml").write_text(yaml.safe_dump({"services": changed}), encoding="utf-8")
