"""The stack on loopback: the programs as they were built here, and Debian's Prometheus. No container is needed.

What Compose does by names is done by a file here: in it both the proxy and Prometheus find the substations, and it is rewritten
when there are more or fewer of them.
"""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import yaml

from . import hurried
from .prometheus import Client, until


class Local:
    """Substations, a proxy and a Prometheus; ends with its `with` block."""

    def __init__(self, binaries, capacities=(500, 300, 200), time_scale=720):
        self.binaries = Path(binaries)
        self.capacities, self.time_scale = capacities, time_scale
        self.running = ExitStack()
        self.substations = {}

    def __enter__(self):
        try:
            self.folder = Path(self.running.enter_context(tempfile.TemporaryDirectory()))
            for _ in self.capacities:
                self._substation()
            self.charge, self.admin = self._proxy()
            self.prometheus = self._prometheus()
        except BaseException:
            self.running.close()
            raise
        return self

    def __exit__(self, *_):
        self.running.close()

    def scale(self, count):
        """So many substations are there."""
        while len(self.substations) < count:
            self._substation()
        self._list(list(self.substations)[:count])

    def pause(self, name=None):
        """A substation stops to answer, and is still listed; returns its name."""
        name = name or next(iter(self.substations))
        self.substations[name][0].send_signal(signal.SIGSTOP)
        return name

    def resume(self, name):
        """It answers again."""
        self.substations[name][0].send_signal(signal.SIGCONT)

    def stop(self):
        """A substation ends, and is no longer listed."""
        name = list(self.substations)[-1]
        self._end(self.substations.pop(name)[0])
        self._list(list(self.substations))

    def crash(self, name):
        """A substation is killed, and is still listed."""
        process, _ = self.substations[name]
        process.kill()
        process.wait()

    def restart(self, name):
        """It is there again, where it was, with the sessions that its journal has."""
        self.substations[name] = self._run_substation(name, self.substations[name][1])

    def rush_hour(self, *arguments):
        """A rush hour, to its end; returns the requester's report."""
        process = self._start("requester", "rush-hour", "--target", f"http://{self.charge}", "--quiet", "--output", "-",
                              *arguments, stdout=subprocess.PIPE)
        report, _ = process.communicate(timeout=300)
        return json.loads(report)

    def _start(self, program, *arguments, **options):
        # Its own account would fill a pipe that nobody reads: it goes to a file.
        log = self.running.enter_context(open(self.folder / f"{program}.log", "ab"))
        command = [self.binaries / program, *arguments]
        process = subprocess.Popen(command, stderr=log, stdout=options.pop("stdout", log), stdin=subprocess.DEVNULL)
        self.running.callback(self._end, process)
        return process

    @staticmethod
    def _end(process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _substation(self):
        name = f"substation{len(self.substations) + 1}"
        self.substations[name] = self._run_substation(name, "127.0.0.1:0")
        self._list(list(self.substations))

    def _run_substation(self, name, listen):
        """Its process, and where it listens."""
        capacity = self.capacities[(int(name.removeprefix("substation")) - 1) % len(self.capacities)]
        process = self._start("substation", "--name", name, "--listen", listen, "--capacity-kw", str(capacity),
                              "--time-scale", str(self.time_scale), "--journal", self.folder, stdout=subprocess.PIPE)
        self.running.callback(process.stdout.close)
        return process, re.search(r"http://(\S+)", process.stdout.readline().decode())[1]

    def _list(self, names):
        """Writes who is there, so that nobody ever reads half of it."""
        groups = [{"targets": [self.substations[name][1]], "labels": {"name": name}} for name in names]
        (self.folder / "new").write_text(json.dumps(groups), encoding="utf-8")
        os.replace(self.folder / "new", self.folder / "substations.json")

    def _proxy(self):
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "threads": 1,
                  "discovery": {"file_sd": [str(self.folder / "substations.json")]}}
        path = self.folder / "switchyard.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self._start("switchyard", "run", "--config", path)
        return [until(f"the proxy says its {what}", lambda what=what: self._logged(what))
                for what in ("Taking charge requests", "Admin port")]

    def _logged(self, message):
        log = (self.folder / "switchyard.log").read_text(encoding="utf-8")
        found = re.search(message + r".*?address=(\S+)", log)
        return found and found[1]

    def _prometheus(self):
        config = hurried.configuration()
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job.pop("authorization", None)
            if job["job_name"] == "switchyard":
                job["static_configs"] = [{"targets": [self.admin]}]
            elif job["job_name"] == "substation":
                # The proxy calls each by the label `name`.
                job["relabel_configs"] = [{"source_labels": ["name"], "target_label": "substation"},
                                          {"action": "labeldrop", "regex": "name"}]
                job["file_sd_configs"] = [{"files": [str(self.folder / "substations.json")], "refresh_interval": "1s"}]
        hurried.rules(self.folder / "rules")
        path = self.folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        port = _free_port()
        log = self.running.enter_context(open(self.folder / "prometheus.log", "wb"))
        process = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.running.callback(self._end, process)
        client = Client(f"http://127.0.0.1:{port}")
        until("Prometheus is ready", client.ready)
        return client


def _free_port():
    """Prometheus does not say which port it took for 0."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
