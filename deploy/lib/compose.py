"""The stack of docker-compose.yml under test: the same file, with other ports, other names and a faster clock.

All that it creates belongs to a Compose project with a random name, and is removed with it. Stand-ins replace images
that can't be pulled; Grafana's is then left out.
"""

import json
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from monitoring.lib import fast_clock
from monitoring.lib.prometheus import Client, until
from monitoring.lib.scope import Scope

from . import images, standins
from .standins import ROOT, docker

FILE = ROOT / "docker-compose.yml"
PORTS = ("CHARGE_PORT", "ADMIN_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT", "FLEET_PORT", "TRACED_PORT",
         "TRACED_ADMIN_PORT", "JAEGER_PORT")
PROFILES = ("rush-hour", "fleet", "traces")


def services():
    """The services of the file, by name."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]


def program():
    """The command of Docker Compose, as a plugin or as a separate program; None if there is neither."""
    plugin = ["docker", "compose"]
    if subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode == 0:
        return plugin
    return ["docker-compose"] if shutil.which("docker-compose") else None


class Stack(Scope):
    """The services of the file, in containers. Raises `Missing` if an image can be neither pulled nor replaced."""

    def __init__(self, binaries):
        super().__init__()
        self.binaries = binaries
        self.project = f"switchyard-test-{secrets.token_hex(4)}"
        self.left_out = []
        self.services = ["prometheus", "grafana"]
        image = services()["prometheus"]["image"]
        if standins.ensure(image, standins.prometheus):
            self.running.callback(standins.remove, image)
            self.services.remove("grafana")
            self.left_out = [
                "Grafana's container: its image can't be pulled; the dashboards are checked against its schema",
                "the original image of Prometheus: a stand-in with Debian's Prometheus has its name",
            ]
        for service, stand_in, of in (("store", standins.valkey, "Valkey"), ("balancer", standins.haproxy, "HAProxy")):
            image = services()[service]["image"]
            if standins.ensure(image, stand_in):
                self.running.callback(standins.remove, image)
                self.left_out.append(f"the original image of {of}: a stand-in with a program of Debian has its name")

    def compose(self, *arguments, timeout=180):
        """Runs Compose on the project; returns its output."""
        files = ["--file", str(FILE), "--file", str(self.folder / "override.yml"), "--project-directory", str(ROOT)]
        profiles = [word for profile in PROFILES for word in ("--profile", profile)]
        command = [*program(), *files, "--project-name", self.project, *profiles, *arguments]
        environment = {**os.environ, **dict.fromkeys(PORTS, "0")}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout, check=False)
        if done.returncode:
            logs = "" if arguments[0] == "logs" else self.compose("logs", "--no-color", "--tail", "20")
            raise AssertionError(f"{' '.join(arguments)}: {done.stderr[-2000:]}\n{logs}")
        return done.stdout

    def address(self, service, port):
        """The local address at which a port of a service is published."""
        return self.compose("port", service, str(port)).strip().replace("0.0.0.0", "127.0.0.1")

    def token(self):
        """The token of the admin port, read as docker-compose.yml describes."""
        return self.compose("exec", "-T", "prometheus", "cat", "/run/switchyard/token")

    def scale(self, count):
        """Runs so many substations."""
        self.compose("up", "--detach", "--no-build", "--no-recreate", "--scale", f"substation={count}", "substation")

    def pause(self):
        """Pauses a substation: it hangs, but keeps its DNS name. Returns its container."""
        name = self._substations()[0]
        docker("pause", name)
        return name

    def resume(self, name):
        """Lets a paused substation run on."""
        docker("unpause", name)

    def stop(self):
        """Ends a substation, and its DNS name with it."""
        docker("stop", "--time", "5", self._substations()[-1])

    def start_fleet(self):
        """Starts the profile `fleet`; returns the address of its balancer."""
        self.compose("up", "--detach", "--no-build", "--no-recreate", "store", "fleet-proxy", "balancer", timeout=300)
        return self.address("balancer", 8080)

    def command(self, word, service):
        """Runs a command of Docker, such as `stop` or `kill`, on the first container of a service."""
        docker(word, self.compose("ps", "--quiet", "--all", service).split()[0])

    def rush_hour(self, *arguments):
        """Runs a rush hour to its end; returns the requester's report."""
        command = ["rush-hour", "--target", "http://proxy:8080", "--quiet", "--output", "-"]
        return json.loads(self.compose("run", "--rm", "-T", "requester", *command, *arguments, timeout=300))

    def containers(self):
        """The service and the `docker inspect` output of each container of the project."""
        found = docker("ps", "--quiet", "--all", "--filter", f"label=com.docker.compose.project={self.project}").split()
        inspected = json.loads(docker("inspect", *found))
        return [(container["Config"]["Labels"]["com.docker.compose.service"], container) for container in inspected]

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
        """Writes the overrides: our test images, and Prometheus on a faster clock."""
        fast_clock.rules(self.folder / "prometheus" / "rules")
        config = yaml.safe_dump(fast_clock.configuration())
        (self.folder / "prometheus" / "prometheus.yml").write_text(config, encoding="utf-8")
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)  # temporary folders are readable only by their owner
        changed = {service: {"image": built[what["build"]["target"]]}
                   for service, what in services().items() if "build" in what}
        changed["prometheus"] = {"volumes": [f"{self.folder}/prometheus:/etc/prometheus:ro"]}
        (self.folder / "override.yml").write_text(yaml.safe_dump({"services": changed}), encoding="utf-8")
