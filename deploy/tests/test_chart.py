"""The chart, rendered by Helm with many values: does the API accept the objects, and do they fit together?"""

import re
import tarfile
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

from deploy.lib import chart, helm, manifests, matrix
from deploy.lib.standins import ROOT

HELM = helm.find()
RENDERED = unittest.skipUnless(HELM, "neither Helm's library (scripts/helm.txt) nor the program helm is installed")
PODS = ("Deployment", "StatefulSet")


def render(values, name="switchyard", namespace="switchyard"):
    """The objects of a rendering."""
    return helm.objects(HELM.render(chart.CHART, values, name, namespace))


def renderings():
    """The objects of all renderings, by what they are for."""
    for what, values in matrix.renderings():
        yield what, render(values)
    for name, values in matrix.RELEASES.items():
        yield f"release {name}", render(matrix.merged(dict(matrix.renderings())["everything"], values), name, "1234")


def matched(selector, objects):
    """The pods that a selector matches, by the names of what makes them."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects
            if one["kind"] in PODS and selector.items() <= one["spec"]["template"]["metadata"]["labels"].items()}


def ports(pod):
    """The ports of a pod, by name."""
    return {port["name"]: port["containerPort"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}


def one(objects, kind):
    """The object of a kind that belongs to the proxies: the first."""
    return next(thing for thing in objects if thing["kind"] == kind)


@RENDERED
class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print(f"the chart is rendered by {HELM}")
        cls.all = list(renderings())

    def test_the_api_accepts_them(self):
        for what, objects in self.all:
            with self.subTest(what):
                for thing in objects:
                    self.assertEqual(manifests.faults(thing), [], f"{thing['kind']} {thing['metadata']['name']}")

    def test_no_two_have_the_same_name_and_all_names_fit(self):
        for what, objects in self.all:
            with self.subTest(what):
                names = [(thing["kind"], thing["metadata"]["name"]) for thing in objects]
                self.assertEqual(len(names), len(set(names)))
                for kind, name in names:
                    # The longest that a controller's own labels have room for: `NAME-0123456789` and `keda-hpa-NAME`.
                    most = {"StatefulSet": 52, "ScaledObject": 54}.get(kind, 63)
                    self.assertRegex(name, rf"^[a-z]([-a-z0-9]{{0,{most - 2}}}[a-z0-9])?$", kind)

    def test_releases_beside_each_other_share_nothing(self):
        seen, selectors = {}, {}
        for name, values in matrix.RELEASES.items():
            for thing in render(matrix.merged(dict(matrix.renderings())["everything"], values), name):
                if "more" in thing["metadata"]["name"] or thing["metadata"]["name"] in ("text", "own"):
                    continue  # named by the values
                key = (thing["kind"], thing["metadata"]["name"])
                self.assertNotIn(key, seen, name)
                seen[key] = name
                if thing["kind"] in PODS:
                    labels = yaml.safe_dump(thing["spec"]["selector"]["matchLabels"])
                    self.assertNotIn(labels, selectors, name)
                    selectors[labels] = name

    def test_selectors_match_pods_and_never_change(self):
        for what, objects in self.all:
            with self.subTest(what):
                for thing in objects:
                    if thing["kind"] in PODS:
                        selector = thing["spec"]["selector"]["matchLabels"]
                        self.assertIn(thing["metadata"]["name"], matched(selector, objects))
                        self.assertEqual(set(selector), {"app.kubernetes.io/name", "app.kubernetes.io/instance"})
                    elif thing["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
                        selector = thing["spec"].get("selector") or thing["spec"].get("podSelector")
                        self.assertEqual(len(matched(selector.get("matchLabels", selector), objects)), 1, thing["metadata"]["name"])

    def test_services_policies_and_probes_name_ports_that_there_are(self):
        for what, objects in self.all:
            with self.subTest(what):
                for thing in objects:
                    spec = thing.get("spec", {})
                    if thing["kind"] == "Service":
                        (pod,) = matched(spec["selector"], objects).values()
                        self.assertLessEqual({port["targetPort"] for port in spec["ports"]}, set(ports(pod)))
                    elif thing["kind"] == "NetworkPolicy":
                        (pod,) = matched(spec["podSelector"]["matchLabels"], objects).values()
                        named = {port["port"] for rule in spec["ingress"] for port in rule["ports"]}
                        self.assertLessEqual(named, set(ports(pod)))
                    elif thing["kind"] in PODS:
                        for container in spec["template"]["spec"]["containers"]:
                            if "httpGet" in container.get("livenessProbe", {}):
                                self.assertIn(container["livenessProbe"]["httpGet"]["port"], ports(spec["template"]))

    def test_volumes_are_mounted_and_their_secrets_made_or_named_by_values(self):
        for what, objects in self.all:
            with self.subTest(what):
                made = {thing["metadata"]["name"] for thing in objects if thing["kind"] == "Secret"}
                pod = one(objects, "Deployment")["spec"]["template"]["spec"]
                volumes = {volume["name"]: volume for volume in pod["volumes"]}
                mounts = [mount["name"] for mount in pod["containers"][0]["volumeMounts"]]
                self.assertEqual(sorted(volumes), sorted(mounts))
                for volume in volumes.values():
                    name = volume.get("secret", {}).get("secretName", "token")
                    self.assertTrue(name in made or name in ("token", "store", "keys", "certificate", "clients", "substations", "proxy", "admin"), name)

    def test_no_pod_has_more_rights_than_it_needs(self):
        for what, objects in self.all:
            with self.subTest(what):
                for thing in objects:
                    if thing["kind"] in PODS:
                        pod = thing["spec"]["template"]["spec"]
                        self.assertFalse(pod["automountServiceAccountToken"])
                        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                        self.assertEqual(pod["containers"][0]["securityContext"], {
                            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})

    def test_monitors_find_their_services_and_the_rules_their_jobs(self):
        found = 0
        for what, objects in self.all:
            with self.subTest(what):
                for thing in objects:
                    if thing["kind"] == "ServiceMonitor":
                        wanted = thing["spec"]["selector"]["matchLabels"].items()
                        (service,) = [other for other in objects if other["kind"] == "Service" and wanted <= other["metadata"]["labels"].items()]
                        (endpoint,) = thing["spec"]["endpoints"]
                        self.assertIn(endpoint["port"], {port["name"] for port in service["spec"]["ports"]})
                        job = service["metadata"]["labels"][thing["spec"]["jobLabel"]]
                        for rule in endpoint.get("relabelings", []):
                            job = rule["replacement"] if rule["targetLabel"] == "job" else job
                        self.assertIn(job, ("switchyard", "substation"))
                        found += 1
        self.assertGreater(found, 10)

    def test_what_is_configured_arrives_as_it_was_written(self):
        for what, values in matrix.renderings():
            maps = [thing["data"] for thing in render(values) if thing["kind"] == "ConfigMap" and "switchyard.yaml" in thing.get("data", {})]
            for data in maps:
                read = yaml.safe_load(data["switchyard.yaml"])
                # The chart only adds.
                self.assertEqual(read, matrix.merged(read, values["config"]), what)

    def test_no_number_becomes_a_fraction(self):
        for what, values in matrix.renderings():
            for source, text in HELM.render(chart.CHART, values).items():
                # 64 digits, and base64, may look like it.
                self.assertIsNone(re.search(r"[: \"]\d+(\.\d+)?e\+\d+\b", text), f"{what}: {source}")


@RENDERED
class Whole(unittest.TestCase):
    def test_helm_finds_nothing_to_complain_of(self):
        with helm.quietly():
            self.assertEqual(HELM.lint(chart.CHART), [])
        for what, values in matrix.renderings():
            self.assertEqual(HELM.lint(chart.CHART, values), [], what)

    def test_without_substations_it_says_what_to_set(self):
        with self.assertRaisesRegex(helm.Refused, r"set config\.substations or config\.discovery, or demo\.enabled=true"):
            render({})

    def test_its_version_is_that_of_the_workspace(self):
        version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
        described = chart.read(chart.CHART / "Chart.yaml")
        self.assertEqual((described["version"], described["appVersion"]), (version, version))
        self.assertEqual(described["kubeVersion"], f">={manifests.VERSIONS[0]}.0-0")

    def test_it_packs_what_it_needs_and_the_package_renders_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            packed = HELM.package_chart(chart.CHART, folder)
            with tarfile.open(packed) as archive:
                held = {name.removeprefix("switchyard/") for name in archive.getnames()}
            there = {str(path.relative_to(chart.CHART)) for path in chart.CHART.rglob("*") if path.is_file()}
            self.assertEqual(held, there - {".helmignore"} | (held & {".helmignore"}))
            values = matrix.merged(dict(matrix.renderings())["everything"], {"admin": {"existingSecret": "a"}, "fleet": {"existingSecret": "b"}})
            self.assertEqual(HELM.render(Path(packed), values), HELM.render(chart.CHART, values))

    def test_the_alerts_are_those_of_prometheus_with_their_braces(self):
        rule = one(render(matrix.merged(matrix.LEAST, matrix.SWITCHES["rules"])), "PrometheusRule")
        self.assertEqual(rule["spec"]["groups"], list(chart.sources.groups()))

    def test_the_links_of_its_readme_lead_somewhere(self):
        text = (chart.CHART / "README.md").read_text(encoding="utf-8")
        links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
        self.assertGreater(len(links), 5)
        for link in links:
            self.assertTrue((chart.CHART / link).exists(), link)

    def test_its_generated_files_are_up_to_date(self):
        for path, content in chart.generated().items():
            self.assertEqual(path.read_text(encoding="utf-8"), content, "run: python3 -m deploy.lib.chart")


if __name__ == "__main__":
    unittest.main()
