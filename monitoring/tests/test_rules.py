"""The scrape configuration, the rules, and their cases for promtool."""

import re
import shutil
import subprocess
import unittest

import yaml

from monitoring.lib import promql, sources

SEVERITIES = {"critical", "warning", "info", "none"}


def promtool(*arguments):
    command = ["promtool", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
class Promtool(unittest.TestCase):
    def succeeds(self, *arguments):
        done = promtool(*arguments)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_configuration_is_valid(self):
        # The token file exists only once the stack runs, so this checks the syntax alone.
        self.succeeds("check", "config", "--syntax-only", sources.PROMETHEUS / "prometheus.yml")

    def test_the_rules_are_valid(self):
        self.succeeds("check", "rules", *sorted((sources.PROMETHEUS / "rules").glob("*.yml")))

    def test_the_cases_pass(self):
        self.succeeds("test", "rules", *sorted((sources.PROMETHEUS / "tests").glob("*.yml")))


class Rules(unittest.TestCase):
    def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(self):
        fires, silent = set(), set()
        for path in (sources.PROMETHEUS / "tests").glob("*.yml"):
            for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
                for tried in case.get("alert_rule_test", []):
                    (fires if tried["exp_alerts"] else silent).add(tried["alertname"])
        alerts = set(sources.alerts())
        self.assertGreater(len(alerts), 15)
        self.assertEqual(fires, alerts)
        # The watchdog always fires.
        self.assertEqual(silent, alerts - {"Watchdog"})

    def test_each_alert_has_a_severity_a_description_and_a_runbook(self):
        def anchors(page):
            headings = re.findall(r"^#+ (.*)$", (sources.ROOT / page).read_text(encoding="utf-8"), re.M)
            return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

        pages = {"docs/operations/alerts.md", "docs/operations/access.md"}
        known = {(page, anchor) for page in pages for anchor in anchors(page)}
        for name, alert in sources.alerts().items():
            with self.subTest(name):
                self.assertIn(alert["labels"]["severity"], SEVERITIES)
                notes = alert["annotations"]
                self.assertEqual(set(notes), {"summary", "description", "runbook_url"})
                self.assertIn(tuple(notes["runbook_url"].split("#")), known)

    def test_the_documented_table_of_alerts_is_complete(self):
        text = (sources.ROOT / "docs/operations/alerts.md").read_text(encoding="utf-8")
        section = text.split("\n## Alerts\n")[1].split("\n## ")[0]
        listed = re.findall(r"^\| `(\w+)` \| (\w+) \|", section, re.M)
        alerts = {(name, alert["labels"]["severity"]) for name, alert in sources.alerts().items()}
        self.assertEqual(set(listed), alerts)


class Expressions(unittest.TestCase):
    def test_no_expression_reads_an_unknown_metric_or_label(self):
        known = sources.series()
        read = 0
        for expression in sources.expressions():
            for selector in promql.selectors(expression.text):
                with self.subTest(expression.where):
                    self.assertIn(selector.name, known)
                    asked = {label for label, _ in promql.labels(selector)} - {"le"}
                    self.assertLessEqual(asked, known[selector.name], selector.name)
                    read += 1
        self.assertGreater(read, 60)

    def test_each_metric_of_ours_is_used_or_left_out_for_a_reason(self):
        left_out = {
            "switchyard_requests_in_flight",  # a momentary value, which may be anything between two scrapes
            "switchyard_upstream_in_flight",  # the same
            "switchyard_upstream_request_limit",  # the same
            "switchyard_connections",  # what matters is the limit: ConnectionsRefused
            "switchyard_substation_can_scrape", "switchyard_substation_can_charge",  # the states say more
            "switchyard_client_requests_total",  # one client's affair, as the two below; /status and the runbook show them
            "switchyard_client_refused_total",
            "switchyard_client_load",
            "switchyard_clients_limited_total",  # one client's affair; docs/operations/alerts.md says what to do
            "switchyard_tls_handshakes_total",  # how clients connect, not whether they are served
            "switchyard_proxy_headers_total",  # the same; a balancer that sends none loses all, and it sees that itself
            # How large the file is and how long it takes is no fault; that it fails is StateFileFails.
            "switchyard_state_bytes", "switchyard_state_write_seconds",
            "process_virtual_memory_bytes", "process_threads",
            "switchyard_admission_promises",  # a momentary value; what clients are told shows in the requests refused
            "switchyard_substation_limit",  # set on purpose; that a charge finds no room is NoCapacity, and silence LimitFallbackInForce
            # What /status and the log say of a configuration; that no round succeeds is LoadQueriesFail.
            "switchyard_load_query_series", "switchyard_load_query_unmatched_series",
            "switchyard_load_query_missing_substations", "switchyard_load_query_scrape_interval_seconds",
            "switchyard_load_query_clock_offset_seconds", "switchyard_load_query_duration_seconds",
            "switchyard_load_lasts",  # what the gauges have shown: a setting, not a state that may be wrong
            "switchyard_trace_spans_exported_total",  # how many are sampled, not whether they are well; lost ones are TracesLost
            "switchyard_discovery_left_out",  # the log names them, and the source goes on
            "switchyard_failures_excused_total",  # says whose fault failures are that other series count
            "substation_info",  # a name, read by the proxy
        }
        read = {name for expression in sources.expressions() for name in promql.metrics(expression.text)}
        shown = {re.sub("_(bucket|sum|count)$", "", name) for name in read} | read
        self.assertLessEqual(set(sources.documented()) - shown, left_out)

    def test_the_measured_expressions_of_an_alert_are_found(self):
        found = promql.quantities('max(a) > 1.5 and b{c="d"} == 0')
        self.assertEqual(found, ["max(a)", 'b{c="d"}'])
        self.assertEqual(promql.quantities('absent(up{job="x"})'), ['up{job="x"}'])
        self.assertEqual(promql.quantities("vector(1)"), ["vector(1)"])
        self.assertEqual(promql.metrics("rate(x_total[$__rate_interval]) / on (y) (z or w)"), {"x_total", "z", "w"})


if __name__ == "__main__":
    unittest.main()
