"""The images and Compose's services, as far as they can be checked without a Docker engine."""

import re
import tomllib
import unittest

import yaml

from deploy.lib import compose, images
from deploy.lib.standins import ROOT

# A name with a version. `latest` is no version, and a name alone means `latest`.
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+[\w.-]*")
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
JOBS = {"token", "requester"}


class Dockerfile(unittest.TestCase):
    def test_it_builds_with_the_rust_of_the_repository(self):
        channel = tomllib.loads((ROOT / "rust-toolchain.toml").read_text(encoding="utf-8"))["toolchain"]["channel"]
        self.assertEqual(images.bases(), {f"rust:{channel}-bookworm"})

    def test_each_shipped_image_has_one_program_that_does_not_run_as_root(self):
        stages = re.split(r"^FROM ", images.shipped(), flags=re.M)[1:]
        self.assertEqual({stage.split()[2] for stage in stages}, set(images.TARGETS))
        for stage in stages:
            self.assertTrue(stage.startswith("scratch AS "), stage)
            self.assertRegex(stage, r"(?m)^USER (?!0)\d+:(?!0)\d+$")
            self.assertIn("HEALTHCHECK", stage)


class Services(unittest.TestCase):
    def setUp(self):
        self.services = compose.services()

    def test_each_service_has_only_the_rights_that_it_needs(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertTrue(service["read_only"])
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertIn("mem_limit", service)
                self.assertEqual(service["restart"], "no" if name in JOBS else "unless-stopped")
                # Our own images set their user themselves.
                self.assertTrue("build" in service or re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]))

    def test_each_image_has_a_version(self):
        for name, service in self.services.items():
            self.assertRegex(service["image"], PINNED, name)
            if "build" in service:
                self.assertEqual(service["image"].split(":")[1], VERSION, name)
                self.assertIn(service["build"]["target"], images.TARGETS)

    def test_each_service_starts_when_those_before_it_are_ready(self):
        for name, service in self.services.items():
            for before, how in service.get("depends_on", {}).items():
                ready = "service_completed_successfully" if before in JOBS else "service_healthy"
                self.assertEqual(how["condition"], ready, f"{name} after {before}")
                checked = "healthcheck" in self.services[before] or "build" in self.services[before]
                self.assertTrue(checked or before in JOBS, f"{before} has no health check")

    def test_only_the_charge_ports_are_published_beyond_loopback(self):
        published = {port for service in self.services.values() for port in service.get("ports", [])}
        self.assertEqual(published, {
            "${CHARGE_PORT:-8080}:8080", "${FLEET_PORT:-8090}:8080", "${TRACED_PORT:-8070}:8080",
            "127.0.0.1:${ADMIN_PORT:-9901}:9901", "127.0.0.1:${TRACED_ADMIN_PORT:-9911}:9901", "127.0.0.1:${JAEGER_PORT:-16686}:16686",
            "127.0.0.1:${PROMETHEUS_PORT:-9090}:9090", "127.0.0.1:${GRAFANA_PORT:-3000}:3000",
        })

    def test_everything_that_is_mounted_exists(self):
        volumes = yaml.safe_load(compose.FILE.read_text(encoding="utf-8"))["volumes"]
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                self.assertTrue(source in volumes or (source.startswith("./") and (ROOT / source).exists()), f"{name}: {source}")

    def test_the_rush_hour_the_fleet_and_the_traces_run_only_on_request(self):
        for profile, expected in {"rush-hour": {"requester"}, "fleet": {"store", "fleet-proxy", "balancer"},
                                  "traces": {"traced-proxy", "jaeger"}}.items():
            asked = {name for name, service in self.services.items() if service.get("profiles") == [profile]}
            self.assertEqual(asked, expected)

    def test_only_the_proxies_of_the_fleet_reach_the_store(self):
        members = {name for name, service in self.services.items() if "store" in service.get("networks", [])}
        self.assertEqual(members, {"store", "fleet-proxy"})
        self.assertEqual(self.services["store"]["networks"], ["store"])
        self.assertTrue(yaml.safe_load(compose.FILE.read_text(encoding="utf-8"))["networks"]["store"]["internal"])

    def test_a_proxy_of_the_fleet_differs_by_its_configuration_alone(self):
        one, member = self.services["proxy"], self.services["fleet-proxy"]
        own = {"profiles", "command", "scale", "networks"}
        self.assertEqual({key: value for key, value in member.items() if key not in own},
                         {key: value for key, value in one.items() if key != "ports"})
        alone, together = (yaml.safe_load((ROOT / "deploy/compose" / name).read_text(encoding="utf-8"))
                           for name in ("switchyard.yaml", "fleet.yaml"))
        self.assertEqual({key: value for key, value in together.items() if key not in ("fleet", "drain")}, alone)

    def test_a_proxy_that_traces_differs_by_its_configuration_and_its_ports_alone(self):
        one, traced = self.services["proxy"], self.services["traced-proxy"]
        own = {"profiles", "command", "ports"}
        self.assertEqual({key: value for key, value in traced.items() if key not in own},
                         {key: value for key, value in one.items() if key not in own})
        alone, traces = (yaml.safe_load((ROOT / "deploy/compose" / name).read_text(encoding="utf-8"))
                         for name in ("switchyard.yaml", "traces.yaml"))
        self.assertEqual({key: value for key, value in traces.items() if key != "tracing"}, alone)

    def test_traces_lead_from_the_proxy_to_jaeger_and_from_an_exemplar_to_its_trace(self):
        traces = yaml.safe_load((ROOT / "deploy/compose/traces.yaml").read_text(encoding="utf-8"))
        self.assertEqual(traces["tracing"], {"otlp": "http://jaeger:4318", "sample": 1})
        sources = ROOT / "monitoring/grafana/provisioning/datasources"
        prometheus, jaeger = (yaml.safe_load((sources / name).read_text(encoding="utf-8"))["datasources"][0]
                              for name in ("prometheus.yml", "jaeger.yml"))
        self.assertEqual(jaeger["url"], "http://jaeger:16686")
        self.assertEqual(prometheus["jsonData"]["exemplarTraceIdDestinations"],
                         [{"name": "trace_id", "datasourceUid": jaeger["uid"]}])
        self.assertIn("--enable-feature=exemplar-storage", self.services["prometheus"]["command"])
        scraped = (ROOT / "monitoring/prometheus/prometheus.yml").read_text(encoding="utf-8")
        self.assertIn("traced-proxy", scraped)


if __name__ == "__main__":
    unittest.main()
