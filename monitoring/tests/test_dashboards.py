"""The dashboards: are they what the code makes, what Grafana reads, and what a person can read?"""

import copy
import re
import unittest

import yaml

from monitoring import dashboards as made
from monitoring.lib import promql, schema, sources

GRAFANA = sources.ROOT / "monitoring" / "grafana"


def provisioned(path):
    return yaml.safe_load((GRAFANA / "provisioning" / path).read_text(encoding="utf-8"))


class Files(unittest.TestCase):
    def test_what_is_committed_is_what_the_code_makes(self):
        committed = {path: path.read_text(encoding="utf-8") for path in made.FOLDER.glob("*.json")}
        self.assertEqual(committed, made.files(), "run: python3 -m monitoring.dashboards")

    def test_they_are_bare_dashboards_of_a_fixed_uid(self):
        uids = [board["uid"] for board in sources.dashboards().values()]
        self.assertEqual(sorted(uids), ["switchyard-rush-hour", "switchyard-why"])

    def test_what_is_linked_exists(self):
        uids = {board["uid"] for board in sources.dashboards().values()}
        for name, board in sources.dashboards().items():
            linked = re.findall(r"/d/([\w-]+)", str(board))
            self.assertTrue(linked, name)
            self.assertLessEqual(set(linked), uids, name)

    def test_the_data_source_is_the_one_that_is_provisioned(self):
        (source,) = provisioned("datasources/prometheus.yml")["datasources"]
        for name, board in sources.dashboards().items():
            chosen = [one for one in board["templating"]["list"] if one["type"] == "datasource"]
            self.assertEqual([one["current"]["value"] for one in chosen], [source["uid"]], name)
        # $__rate_interval is four of these: a wrong one makes rates of too few samples.
        scrape = yaml.safe_load((sources.PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))["global"]
        self.assertEqual(source["jsonData"]["timeInterval"], scrape["scrape_interval"])


class Schema(unittest.TestCase):
    def test_they_are_what_grafana_reads(self):
        for name, board in sources.dashboards().items():
            with self.subTest(name):
                self.assertEqual(schema.faults(board), [])

    def test_units_are_grafanas(self):
        self.assertGreater(len(schema.UNITS), 100)
        for name, board in sources.dashboards().items():
            for panel in sources.panels(board):
                unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
                self.assertTrue(unit is None or unit in schema.UNITS | schema.WORDS, f"{name}: {panel['title']}: {unit}")

    def test_a_wrong_dashboard_is_found(self):
        board = sources.dashboards()["rush-hour.json"]
        stat = next(at for at, panel in enumerate(board["panels"]) if panel["type"] == "stat")
        mistakes = {
            "no key": lambda b: b["panels"][stat].update(titel="x"),
            "no key in options": lambda b: b["panels"][stat]["options"].update(colorMod="value"),
            "no such word": lambda b: b["panels"][stat]["options"].update(colorMode="loud"),
            "a number for a text": lambda b: b.update(uid=7),
            "a text for a number": lambda b: b["panels"][stat]["gridPos"].update(w="4"),
        }
        for name, mistake in mistakes.items():
            with self.subTest(name):
                broken = copy.deepcopy(board)
                mistake(broken)
                self.assertEqual(len(schema.faults(broken)), 1, schema.faults(broken))


class Craft(unittest.TestCase):
    def panels(self):
        for name, board in sources.dashboards().items():
            for panel in sources.panels(board):
                yield f"{name}: {panel['title']}", panel

    def test_each_panel_has_a_number_a_place_and_a_question(self):
        for name, board in sources.dashboards().items():
            panels = list(sources.panels(board))
            self.assertEqual(len({panel["id"] for panel in panels}), len(panels), name)
            taken = set()
            for panel in panels:
                place = panel["gridPos"]
                cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                         for y in range(place["y"], place["y"] + place["h"])}
                self.assertFalse(taken & cells, f"{name}: {panel['title']} overlaps")
                self.assertLessEqual(place["x"] + place["w"], 24)
                taken |= cells
                if panel["type"] not in ("row", "text"):
                    self.assertRegex(panel["description"], r"[.?]$", panel["title"])

    def test_rates_are_over_grafanas_interval_and_before_sums(self):
        for name, panel in self.panels():
            for target in panel.get("targets", []):
                ranges = re.findall(r"\[([^]]+)\]", target["expr"])
                self.assertEqual(set(ranges) - {"$__rate_interval"}, set(), name)
                self.assertNotRegex(target["expr"], r"(rate|increase)\(\s*sum", name)

    def test_a_legend_names_labels_that_the_expression_keeps(self):
        known = sources.series()
        for name, panel in self.panels():
            for target in panel.get("targets", []):
                wanted = set(re.findall(r"{{\s*(\w+)\s*}}", target["legendFormat"]))
                having = set().union(*(known[metric] | {"le"} for metric in promql.metrics(target["expr"])))
                self.assertLessEqual(wanted, having, name)


class Access(unittest.TestCase):
    def setUp(self):
        compose = yaml.safe_load((sources.ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
        self.grafana = compose["services"]["grafana"]

    def test_nobody_can_log_in_and_everybody_may_look(self):
        wanted = {
            "GF_AUTH_ANONYMOUS_ENABLED": "true", "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_AUTH_DISABLE_LOGIN_FORM": "true", "GF_AUTH_BASIC_ENABLED": "false",
            "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        }
        self.assertLessEqual(wanted.items(), self.grafana["environment"].items())
        self.assertFalse([name for name in self.grafana["environment"] if "PASSWORD" in name])

    def test_it_opens_on_the_rush_hour(self):
        mounted = dict(volume.split(":")[:2] for volume in self.grafana["volumes"])
        folder = provisioned("dashboards/switchyard.yml")["providers"][0]["options"]["path"]
        self.assertEqual(mounted["./monitoring/grafana/dashboards"], folder)
        home = self.grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
        self.assertEqual(home, f"{folder}/rush-hour.json")


if __name__ == "__main__":
    unittest.main()
