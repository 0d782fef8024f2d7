"""The stack on loopback, without containers: our programs and Debian's Prometheus.

Compose has DNS names for discovery. Here the proxy and Prometheus find the substations in a file, which is rewritten
when their number changes.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import yaml

from . import collector, fast_clock
from .prometheus import Client, until
from .scope import Scope, free_port


class Local(Scope):
    """Substations, a proxy and a Prometheus."""

    def __init__(self, binaries, capacities=(500, 300, 200), time_scale=720):
        super().__init__()
        self.binaries = Path(binaries)
        self.capacities, self.time_scale = capacities, time_scale
        self.substations = {}

    def _start(self):
        self.folder = Path(self.running.enter_context(tempfile.TemporaryDirectory()))
        for _ in self.capacities:
            self._substation()
        # Without one the proxy makes no traces.
        self.collector = collector.Collector(self.folder, self.running) if collector.program() else None
        self.charge, self.admin = self._proxy()
        self.prometheus = self._prometheus()

    def scale(self, count):
        """Starts substations, or takes some off the list, until so many are listed."""
        while len(self.substations) < count:
            self._substation()
        self._list(list(self.substations)[:count])

    def pause(self, name=None):
        """Stops a substation's process with SIGSTOP: it hangs, but is still listed. Returns its name."""
        name = name or next(iter(self.substations))
        self.substations[name][0].send_signal(signal.SIGSTOP)
        return name

    def resume(self, name):
        """Lets a paused substation run on."""
        self.substations[name][0].send_signal(signal.SIGCONT)

    def stop(self):
        """Ends a substation, and takes it off the list."""
        name = list(self.substations)[-1]
        self._end(self.substations.pop(name)[0])
        self._list(list(self.substations))

    def crash(self, name):
        """Kills a substation, which is still listed."""
        process, _ = self.substations[name]
        process.kill()
        process.wait()

    def restart(self, name):
        """Starts a crashed substation again at its address, with the sessions in its journal."""
        self.substations[name] = self._run_substation(name, self.substations[name][1])

    def rush_hour(self, *arguments):
        """Runs a rush hour to its end; returns the requester's report."""
        process = self._run("requester", "rush-hour", "--target", f"http://{self.charge}", "--quiet", "--output", "-",
                              *arguments, stdout=subprocess.PIPE)
        report, _ = process.communicate(timeout=300)
        return json.loads(report)

    def _run(self, program, *arguments, **options):
        # Logs go to a file: an unread pipe would fill up and block the program.
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
        """Starts a substation; returns its process and its address."""
        capacity = self.capacities[(int(name.removeprefix("substation")) - 1) % len(self.capacities)]
        process = self._run("substation", "--name", name, "--listen", listen, "--capacity-kw", str(capacity),
                              "--time-scale", str(self.time_scale), "--journal", self.folder, stdout=subprocess.PIPE)
        self.running.callback(process.stdout.close)
        return process, re.search(r"http://(\S+)", process.stdout.readline().decode())[1]

    def _list(self, names):
        """Writes the list of substations; the rename keeps readers from seeing half of it."""
        groups = [{"targets": [self.substations[name][1]], "labels": {"name": name}} for name in names]
        (self.folder / "new").write_text(json.dumps(groups), encoding="utf-8")
        os.replace(self.folder / "new", self.folder / "substations.json")

    def _proxy(self):
        config = {"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "threads": 1,
                  "discovery": {"file_sd": [str(self.folder / "substations.json")]}}
        if self.collector:
            config["tracing"] = {"otlp": self.collector.url, "sample": 1}
        path = self.folder / "switchyard.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        self._run("switchyard", "run", "--config", path)
        return [until(f"the proxy logs: {what}", lambda what=what: self._logged(what))
                for what in ("Listening for charge requests", "Listening on the admin port")]

    def _logged(self, message):
        log = (self.folder / "switchyard.log").read_text(encoding="utf-8")
        found = re.search(message + r".*?address=(\S+)", log)
        return found and found[1]

    def _prometheus(self):
        config = fast_clock.configuration()
        for job in config["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job.pop("authorization", None)
            if job["job_name"] == "switchyard":
                job["static_configs"] = [{"targets": [self.admin]}]
            elif job["job_name"] == "substation":
                # The proxy takes the names from the label `name`.
                job["relabel_configs"] = [{"source_labels": ["name"], "target_label": "substation"},
                                          {"action": "labeldrop", "regex": "name"}]
                job["file_sd_configs"] = [{"files": [str(self.folder / "substations.json")], "refresh_interval": "1s"}]
        fast_clock.rules(self.folder / "rules")
        path = self.folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        log = self.running.enter_context(open(self.folder / "prometheus.log", "wb"))
        process = subprocess.Popen(
            ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={self.folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.running.callback(self._end, process)
        client = Client(f"http://127.0.0.1:{port}")
        until("Prometheus is ready", client.ready)
        return client
