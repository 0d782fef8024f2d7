"""The whole stack in a rush hour: does every panel show something, and do the alerts say what is so, and nothing else?

On containers where there is a Docker engine, else with the same programs on loopback. It runs where `STACK_BINARIES` says
where the programs are; `STACK=local` or `STACK=docker` chooses. What had to be left out is printed.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from deploy.lib import compose, standins
from monitoring.lib import promql, sources
from monitoring.lib.local import Local
from monitoring.lib.prometheus import until

BINARIES = os.environ.get("STACK_BINARIES")
ALWAYS = {"Watchdog"}
# What only a proxy with a certificate shows: the stack under test has none.
WITH_TLS = {"switchyard_tls_certificate_expiry_timestamp_seconds"}
# What the rush hour offers: a car every 20 ms for half a minute, most of them in its middle.
RUSH_HOUR = ("--hours", "16:00-22:00", "--sessions", "2000", "--duration", "30s", "--energy-kwh", "1.2", "--power-kw", "11")


def stack():
    """The stack that can be had here, and what is left out of it."""
    chosen = os.environ.get("STACK")
    if chosen != "local":
        if not sys.platform.startswith("linux"):
            missing = "the programs that are built here are not for containers"
        elif not standins.engine() or not compose.program():
            missing = "no Docker engine with Compose answers"
        else:
            try:
                made = compose.Stack(BINARIES)
                return made, made.left_out
            except standins.Missing as error:
                missing = str(error)
        if chosen == "docker":
            raise unittest.SkipTest(missing)
        return Local(BINARIES), [f"containers: {missing}"]
    return Local(BINARIES), ["containers: STACK=local"]


def answer(url, body=None, token=None):
    """The status and the body of an answer."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as came:
            return came.status, came.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@unittest.skipUnless(BINARIES, "STACK_BINARIES does not say where the programs are")
class Stack(unittest.TestCase):
    """One story: each part begins where the one before ended."""

    def test_a_rush_hour_and_what_the_monitoring_makes_of_it(self):
        made, left_out = stack()
        with made:
            for what in left_out:
                print(f"  left out: {what}", flush=True)
            self.stack, self.prometheus = made, made.prometheus
            for part in self.parts(isinstance(made, compose.Stack)):
                began = time.monotonic()
                part()
                print(f"  {part.__name__}: {time.monotonic() - began:.0f} s", flush=True)

    def parts(self, in_containers):
        yield self.all_is_found
        if in_containers:
            yield from (self.containers_are_held_to_little, self.the_admin_port_wants_its_token)
            if "grafana" in self.stack.services:
                yield self.grafana_shows_the_dashboards
        yield from (self.every_expression_has_data, self.more_are_found, self.the_proxy_finds_them_too,
                    self.one_that_hangs_is_told, self.one_that_is_gone_is_told)

    def all_is_found(self):
        until("all targets are up", lambda: self.up("substation") == 3 and self.up("switchyard") == 1)
        status, body = answer(f"http://{self.stack.charge}/request_charge", b'{"power_kw": 11, "energy_kwh": 0.1}')
        self.assertEqual(status, 200, body)

    def containers_are_held_to_little(self):
        def unwell():
            return [name for name, said in self.stack.containers()
                    if "Health" in said["State"] and said["State"]["Health"]["Status"] != "healthy"]

        until("all containers are healthy", lambda: not unwell())
        containers = self.stack.containers()
        self.assertGreaterEqual({name for name, _ in containers}, {"token", "substation", "proxy", "prometheus"})
        for name, said in containers:
            with self.subTest(name):
                host = said["HostConfig"]
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertGreater(host["Memory"], 0)
                self.assertRegex(said["Config"]["User"], "^[1-9]")
                self.assertEqual("Health" in said["State"], name != "token")

    def the_admin_port_wants_its_token(self):
        page = f"http://{self.stack.admin}/status"
        self.assertEqual(answer(page)[0], 401)
        self.assertEqual(answer(page, token="0" * 64)[0], 401)
        token = self.stack.token()
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.assertEqual(answer(page, token=token)[0], 200)
        self.assertEqual(answer(f"http://{self.stack.admin}/ready")[0], 200)

    def ask(self, expressions, start, end):
        """Asks each, which has to answer with data; returns how many."""
        asked = 0
        for expression in expressions:
            text = promql.filled(expression.text)
            for measured in promql.quantities(text) if expression.only_at_times else [text]:
                with self.subTest(expression.where, expression=measured):
                    found = list(self.prometheus.series(measured, start, end))
                    self.assertTrue(any(values for _, values in found), "no data")
                    asked += 1
        print(f"  {asked} expressions asked", flush=True)
        return asked

    def grafana_shows_the_dashboards(self):
        grafana = f"http://{self.stack.address('grafana', 3000)}"
        until("Grafana is ready", lambda: answer(f"{grafana}/api/health")[0] == 200)
        found = json.loads(answer(f"{grafana}/api/search?type=dash-db")[1])
        self.assertEqual({one["uid"] for one in found}, {board["uid"] for board in sources.dashboards().values()})
        self.assertEqual(answer(f"{grafana}/login", b"{}")[0] // 100, 4, "nobody logs in")

    def every_expression_has_data(self):
        start = time.time()
        report = self.stack.rush_hour(*RUSH_HOUR)
        end = time.time()
        # How long a request may take is a promise about a machine, and this may be a busy one.
        self.assertEqual(self.prometheus.alerts() - {"LatencyHigh"}, ALWAYS, "nothing is wrong")
        expressions = [one for one in sources.expressions()
                       if promql.metrics(one.text) != {"ALERTS"} and not promql.metrics(one.text) & WITH_TLS]
        self.assertGreater(self.ask(expressions, start, end), 80)
        # And what they show is what was told to the cars, and to the one that came before them.
        booked = report["answers"]["200"] + 1
        self.assertGreater(booked, 1000)
        for counter in ('switchyard_requests_total{result="booked"}', "substation_sessions_started_total"):
            until(f"{counter} says {booked}", lambda counter=counter: self.prometheus.value(f"sum({counter})") == booked)
        self.assertLess(max(self.when_full("switchyard:imbalance:ratio", start, end)), 2)

    def when_full(self, expression, start, end):
        """What an expression was while at least half as much was in use as at the height: the first cars and the last are too
        few to be spread evenly."""
        (_, used), = self.prometheus.series("switchyard:utilisation:avg", start, end)
        (_, values), = self.prometheus.series(expression, start, end)
        height = max(value for _, value in used)
        full = {at for at, value in used if value > height / 2}
        found = [value for at, value in values if at in full]
        self.assertGreater(len(found), 5)
        return found

    def more_are_found(self):
        self.stack.scale(5)
        until("all five are scraped", lambda: self.up("substation") == 5)

    def the_proxy_finds_them_too(self):
        known = 'count(count by (substation) (switchyard_substation_state{state="up"} == 1))'
        until("the proxy has samples of all five", lambda: self.prometheus.value(known) == 5)
        self.stack.rush_hour("--hours", "16:00-22:00", "--sessions", "200", "--duration", "3s", "--power-kw", "11")
        charged = "count(sum by (substation) (switchyard_dispatch_decisions_total) > 0)"
        until("all five are charged at", lambda: self.prometheus.value(charged) == 5)

    def one_that_hangs_is_told(self):
        start = time.time()
        name = self.stack.pause()
        told = {"SubstationDown", "LoadSampleStale", "LoadPollFailing"}
        until(f"{told} fire", lambda: told <= self.prometheus.alerts())
        self.assertFalse(self.prometheus.alerts() & {"SubstationMissing", "SubstationsFewer", "ProxyDown"})
        # What shows alerts has something to show now.
        alerts = [one for one in sources.expressions() if promql.metrics(one.text) == {"ALERTS"}]
        self.assertGreater(self.ask(alerts, start, time.time()), 2)
        self.stack.resume(name)
        quiet = {"SubstationDown", "LoadSampleStale"}
        until(f"{quiet} are silent again", lambda: not quiet & self.prometheus.alerts())

    def one_that_is_gone_is_told(self):
        self.stack.stop()
        until("four are left", lambda: self.up("substation") == 4)
        until("the proxy finds four", lambda: self.prometheus.value("switchyard_discovery_targets") == 4)
        until("SubstationsFewer fires", lambda: "SubstationsFewer" in self.prometheus.alerts())
        self.assertNotIn("SubstationDown", self.prometheus.alerts())

    def up(self, job):
        return list(self.prometheus.targets(job).values()).count("up")


@unittest.skipUnless(BINARIES, "STACK_BINARIES does not say where the programs are")
class Configurations(unittest.TestCase):
    def test_what_compose_and_kubernetes_run_with_is_right(self):
        for path in ("deploy/compose/switchyard.yaml", "deploy/kubernetes/base/switchyard.yaml"):
            with self.subTest(path), tempfile.TemporaryDirectory() as folder:
                # The token is there when the stack is; the rest of the file is checked as it is.
                token = Path(folder, "token")
                token.write_text("0" * 64, encoding="utf-8")
                token.chmod(0o600)
                text = (sources.ROOT / path).read_text(encoding="utf-8")
                copy = Path(folder, "switchyard.yaml")
                copy.write_text(text.replace("/run/switchyard/token", str(token)), encoding="utf-8")
                command = [Path(BINARIES, "switchyard"), "check", "--config", copy]
                done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
