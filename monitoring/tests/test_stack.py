"""The whole stack in a rush hour: does every panel have data, and do exactly the right alerts fire?

Runs in containers if there is a Docker engine, otherwise the same programs on loopback; `STACK=local` or `STACK=docker`
chooses. `STACK_BINARIES` names the folder with the programs; without it the test is skipped. Prints what it left out.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from deploy.lib import compose, standins
from monitoring.lib import collector, promql, sources
from monitoring.lib.local import Local
from monitoring.lib.prometheus import until

BINARIES = os.environ.get("STACK_BINARIES")
ALWAYS = {"Watchdog"}
# Metrics that need a certificate, or substations that have one, which the stack under test does not have.
WITH_TLS = {"switchyard_tls_certificate_expiry_timestamp_seconds", "switchyard_admin_tls_certificate_expiry_timestamp_seconds",
            "switchyard_upstream_tls_errors_total"}
# Those that only a proxy with a store has, and those that only one with a state file has.
OF_STORES = re.compile("switchyard_store_|instance:store_")
OF_FILES = "switchyard_state_"
# Those that only a proxy with feeders or limits has.
OF_FEEDERS = re.compile("switchyard_feeder_|feeder:|switchyard_substation_limit|switchyard_limit_")
# Those that only a proxy has that asks Prometheus for its gauges.
OF_QUERIES = "switchyard_load_quer"
# Those that only a proxy with clients or with routes has.
OF_CLIENTS = re.compile("switchyard_client_|route!=")
# 2,000 cars in half a minute, most of them in the middle.
RUSH_HOUR = ("--hours", "16:00-22:00", "--sessions", "2000", "--duration", "30s", "--energy-kwh", "1.2", "--power-kw", "11")


def stack():
    """The stack that this machine can run, and what is left out of it."""
    chosen = os.environ.get("STACK")
    if chosen != "local":
        if not sys.platform.startswith("linux"):
            missing = "the programs that are built here are not for Linux"
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
        return Local(BINARIES), [f"containers: {missing}", *no_collector()]
    return Local(BINARIES), ["containers: STACK=local", *no_collector()]


def no_collector():
    """What is left out without a collector."""
    return [] if collector.program() else ["traces: the collector could not be installed (scripts/collector-tools.txt)"]


def answer(url, body=None, token=None):
    """The status and the body of an answer."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as came:
            return came.status, came.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@unittest.skipUnless(BINARIES, "STACK_BINARIES does not name the folder with the programs")
class Stack(unittest.TestCase):
    """One story: each part begins where the previous one ended."""

    def test_a_rush_hour_is_visible_in_the_monitoring(self):
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
        yield self.all_targets_are_found
        if in_containers:
            yield from (self.containers_have_few_rights, self.the_admin_port_needs_its_token)
            if "grafana" in self.stack.services:
                yield self.grafana_shows_the_dashboards
        yield from (self.every_expression_has_data, self.prometheus_finds_new_substations, self.the_proxy_finds_new_substations,
                    self.a_hanging_substation_is_reported, self.a_missing_substation_is_reported)
        yield self.another_parser_reads_the_metrics
        if not in_containers and self.stack.collector:
            yield self.a_trace_is_found_from_its_exemplar
        if in_containers:
            yield self.a_fleet_takes_charges

    def all_targets_are_found(self):
        until("all targets are up", lambda: self.up("substation") == 3 and self.up("switchyard") == 1)
        status, body = answer(f"http://{self.stack.charge}/request_charge", b'{"power_kw": 11, "energy_kwh": 0.1}')
        self.assertEqual(status, 200, body)

    def containers_have_few_rights(self):
        def unhealthy():
            return [name for name, details in self.stack.containers()
                    if "Health" in details["State"] and details["State"]["Health"]["Status"] != "healthy"]

        until("all containers are healthy", lambda: not unhealthy())
        containers = self.stack.containers()
        self.assertGreaterEqual({name for name, _ in containers}, {"token", "substation", "proxy", "prometheus"})
        for name, details in containers:
            with self.subTest(name):
                host = details["HostConfig"]
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertGreater(host["Memory"], 0)
                self.assertRegex(details["Config"]["User"], "^[1-9]")
                self.assertEqual("Health" in details["State"], name != "token")

    def the_admin_port_needs_its_token(self):
        page = f"http://{self.stack.admin}/status"
        self.assertEqual(answer(page)[0], 401)
        self.assertEqual(answer(page, token="0" * 64)[0], 401)
        token = self.stack.token()
        self.assertRegex(token, "^[0-9a-f]{64}$")
        self.assertEqual(answer(page, token=token)[0], 200)
        self.assertEqual(answer(f"http://{self.stack.admin}/ready")[0], 200)

    def ask(self, expressions, start, end):
        """Queries each expression, which must have data; returns their number."""
        asked = 0
        for expression in expressions:
            text = promql.filled(expression.text)
            for measured in promql.quantities(text) if expression.only_at_times else [text]:
                with self.subTest(expression.where, expression=measured):
                    found = list(self.prometheus.series(measured, start, end))
                    self.assertTrue(any(values for _, values in found), "no data")
                    asked += 1
        print(f"  {asked} expressions queried", flush=True)
        return asked

    def grafana_shows_the_dashboards(self):
        grafana = f"http://{self.stack.address('grafana', 3000)}"
        until("Grafana is ready", lambda: answer(f"{grafana}/api/health")[0] == 200)
        found = json.loads(answer(f"{grafana}/api/search?type=dash-db")[1])
        self.assertEqual({one["uid"] for one in found}, {board["uid"] for board in sources.dashboards().values()})
        self.assertEqual(answer(f"{grafana}/login", b"{}")[0] // 100, 4, "there is no login")

    def every_expression_has_data(self):
        start = time.time()
        report = self.stack.rush_hour(*RUSH_HOUR)
        end = time.time()
        # LatencyHigh depends on the machine, and this one may be busy.
        self.assertEqual(self.prometheus.alerts() - {"LatencyHigh"}, ALWAYS, "nothing is wrong")
        expressions = [one for one in sources.expressions()
                       if promql.metrics(one.text) != {"ALERTS"} and not promql.metrics(one.text) & WITH_TLS
                       and not OF_STORES.search(one.text) and OF_FILES not in one.text
                       and not OF_FEEDERS.search(one.text) and not OF_CLIENTS.search(one.text)
                       and OF_QUERIES not in one.text]
        self.assertGreater(self.ask(expressions, start, end), 80)
        # Their values agree with the answers that the cars got, and the single request before them.
        booked = report["answers"]["200"] + 1
        self.assertGreater(booked, 1000)
        for counter in ('switchyard_requests_total{result="booked"}', "substation_sessions_started_total"):
            until(f"{counter} is {booked}", lambda counter=counter: self.prometheus.value(f"sum({counter})") == booked)
        self.assertLess(max(self.when_full("switchyard:imbalance:ratio", start, end)), 2)

    def when_full(self, expression, start, end):
        """The values of an expression while the utilisation was above half of its peak: the first and the last cars are too
        few to be spread evenly."""
        (_, used), = self.prometheus.series("switchyard:utilisation:avg", start, end)
        (_, values), = self.prometheus.series(expression, start, end)
        peak = max(value for _, value in used)
        full = {at for at, value in used if value > peak / 2}
        found = [value for at, value in values if at in full]
        self.assertGreater(len(found), 5)
        return found

    def prometheus_finds_new_substations(self):
        self.stack.scale(5)
        until("all five are scraped", lambda: self.up("substation") == 5)

    def the_proxy_finds_new_substations(self):
        known = 'count(count by (substation) (switchyard_substation_state{state="up"} == 1))'
        until("the proxy has samples of all five", lambda: self.prometheus.value(known) == 5)
        self.stack.rush_hour("--hours", "16:00-22:00", "--sessions", "200", "--duration", "3s", "--power-kw", "11")
        charged = "count(sum by (substation) (switchyard_dispatch_decisions_total) > 0)"
        until("all five get charges", lambda: self.prometheus.value(charged) == 5)

    def a_hanging_substation_is_reported(self):
        start = time.time()
        name = self.stack.pause()
        expected = {"SubstationDown", "LoadSampleStale", "LoadPollFailing"}
        until(f"{expected} fire", lambda: expected <= self.prometheus.alerts())
        self.assertFalse(self.prometheus.alerts() & {"SubstationMissing", "SubstationsFewer", "ProxyDown"})
        # Now the expressions about alerts have data.
        alerts = [one for one in sources.expressions() if promql.metrics(one.text) == {"ALERTS"}]
        self.assertGreater(self.ask(alerts, start, time.time()), 2)
        self.stack.resume(name)
        quiet = {"SubstationDown", "LoadSampleStale"}
        until(f"{quiet} are silent again", lambda: not quiet & self.prometheus.alerts())

    def a_missing_substation_is_reported(self):
        self.stack.stop()
        until("four are left", lambda: self.up("substation") == 4)
        until("the proxy finds four", lambda: self.prometheus.value("switchyard_discovery_targets") == 4)
        until("SubstationsFewer fires", lambda: "SubstationsFewer" in self.prometheus.alerts())
        self.assertNotIn("SubstationDown", self.prometheus.alerts())

    def another_parser_reads_the_metrics(self):
        headers = {"accept": "application/openmetrics-text; version=1.0.0"}
        if token := self.token():
            headers["authorization"] = f"Bearer {token}"
        with urllib.request.urlopen(urllib.request.Request(f"http://{self.stack.admin}/metrics", headers=headers),
                                    timeout=10) as came:
            self.assertTrue(came.headers["content-type"].startswith("application/openmetrics-text"))
            families = list(text_string_to_metric_families(came.read().decode()))
        self.assertGreater(len(families), 60)
        types = {family.name: family.type for family in families}
        self.assertEqual(types["switchyard_requests"], "counter")
        self.assertEqual(types["switchyard_request_duration_seconds"], "histogram")

    def token(self):
        return self.stack.token() if isinstance(self.stack, compose.Stack) else None

    def a_trace_is_found_from_its_exemplar(self):
        """From a bucket of a latency to the trace of a request in it, which the collector has."""
        def exemplars():
            found = self.prometheus.get("query_exemplars", query="switchyard_request_duration_seconds_bucket",
                                        start=time.time() - 300, end=time.time())
            return {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}

        until("Prometheus has exemplars", exemplars)
        shown = exemplars()
        until("the collector has their traces", lambda: shown <= self.stack.collector.traces())
        lost = 'sum(switchyard_trace_spans_dropped_total)'
        self.assertEqual(self.prometheus.value(lost), 0)
        self.assertGreater(self.prometheus.value("switchyard_trace_spans_exported_total"), 1000)
        # And from the trace to the choice.
        decisions = json.loads(answer(f"http://{self.stack.admin}/decisions?limit=1")[1])["decisions"]
        of_one = json.loads(answer(f"http://{self.stack.admin}/decisions/{decisions[0]['request_id']}")[1])
        self.assertEqual(of_one["decisions"], decisions)
        self.assertIn(decisions[0]["trace_id"], self.stack.collector.traces())

    def a_fleet_takes_charges(self):
        start, fleet = time.time(), self.stack.start_fleet()
        until("both proxies of the fleet are scraped", lambda: self.up("switchyard") == 3)
        # The balancer's first checks have to pass.
        until("the balancer has a proxy", lambda: self.charged(fleet)[0] == 200)
        until("both use the store", lambda: self.prometheus.value("sum(switchyard_store_up)") == 2)
        self.session = self.charged(fleet, "a key")[1]["session_id"]
        # Each is a connection of its own, so both proxies get some.
        self.assertEqual({self.charged(fleet, "a key")[1]["session_id"] for _ in range(8)}, {self.session})
        self.stack.command("kill", "fleet-proxy")
        until("the balancer notices", lambda: all(self.charged(fleet, "a key")[0] == 200 for _ in range(8)))
        self.assertEqual(self.charged(fleet, "a key")[1]["session_id"], self.session)
        self.stack.command("start", "fleet-proxy")
        self.a_store_that_is_gone_is_reported(fleet)
        asked = self.ask([one for one in sources.expressions() if OF_STORES.search(one.text)], start, time.time())
        self.assertGreater(asked, 8)

    def a_store_that_is_gone_is_reported(self, fleet):
        self.stack.command("stop", "store")
        until("keys are refused", lambda: self.charged(fleet, f"key {time.time()}")[0] == 503)
        status, answer = self.charged(fleet, "another key")
        self.assertEqual((status, answer["error"]["code"]), (503, "store_unavailable"))
        self.assertEqual(self.charged(fleet)[0], 200, "without a key")
        until("StoreDown fires", lambda: "StoreDown" in self.prometheus.alerts())
        self.stack.command("start", "store")
        # Each proxy connects again by itself, and knows keys of its own without the store.
        until("both take keys again",
              lambda: all(self.charged(fleet, f"key {at} {time.time()}")[0] == 200 for at in range(8)))
        self.assertEqual(self.charged(fleet, "another key")[0], 200)
        self.assertEqual(self.charged(fleet, "a key")[1]["session_id"], self.session, "it was in the store's log of writes")
        until("StoreDown is silent again", lambda: "StoreDown" not in self.prometheus.alerts())

    @staticmethod
    def charged(address, key=None):
        """The status of a charge, and its answer."""
        headers = {"idempotency-key": key.replace(" ", "-")} if key else {}
        body = b'{"power_kw": 11, "energy_kwh": 0.1}'
        request = urllib.request.Request(f"http://{address}/request_charge", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as came:
                return came.status, json.load(came)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError as error:
            return None, error

    def up(self, job):
        return list(self.prometheus.targets(job).values()).count("up")


@unittest.skipUnless(BINARIES, "STACK_BINARIES does not name the folder with the programs")
class Configurations(unittest.TestCase):
    def test_the_configurations_of_compose_and_kubernetes_are_valid(self):
        for path in ("deploy/compose/switchyard.yaml", "deploy/compose/fleet.yaml", "deploy/compose/traces.yaml", "deploy/kubernetes/base/switchyard.yaml",
                     "deploy/kubernetes/components/fleet/switchyard.yaml"):
            with self.subTest(path), tempfile.TemporaryDirectory() as folder:
                # Only the running stack has the token and the password; the rest of the file is checked unchanged.
                token = Path(folder, "token")
                token.write_text("0" * 64, encoding="utf-8")
                token.chmod(0o600)
                text = (sources.ROOT / path).read_text(encoding="utf-8")
                copy = Path(folder, "switchyard.yaml")
                for secret in ("/run/switchyard/token", "/run/store/password"):
                    text = text.replace(secret, str(token))
                copy.write_text(text, encoding="utf-8")
                command = [Path(BINARIES, "switchyard"), "check", "--config", copy]
                done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
