"""The chart's values: what is refused, by what name; and whether schema, values and README speak of the same keys."""

import json
import re
import unittest

import jsonschema

from deploy.lib import chart, helm, manifests, matrix
from deploy.lib.standins import ROOT
from deploy.tests.test_chart import HELM, RENDERED, one, render

SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text(encoding="utf-8"))

# Values that are wrong by the schema: where, and what.
WRONG = {
    "replicas": ["2", -1, 1.5, None, True],
    "replica": [2],
    "image.tag": [1.1, "a b", ":1"],
    "image.digest": ["0" * 64, "sha256:abc"],
    "image.pullPolicy": ["always"],
    "image.name": ["proxy"],
    "image.repository": ["Switchyard/Proxy", "a:"],
    "nameOverride": ["Upper", "-a", "a" * 58, 5],
    "fullnameOverride": ["1a", "a" * 64, "a."],
    "commonLabels": [{"a": 1}, []],
    "listeners": [[], {}, [{"name": "a"}], [{"name": "a", "port": 1, "servicePort": 1}] * 16],
    "listeners.0": [
        {"name": "a", "port": "8080", "servicePort": 80}, {"name": "a", "port": 0, "servicePort": 80},
        {"name": "a", "port": 65536, "servicePort": 80}, {"name": "a" * 16, "port": 80, "servicePort": 80},
        {"name": "A", "port": 80, "servicePort": 80}, {"name": "a", "port": 80, "servicePort": 80, "tls": True}],
    "bindAddress": ["localhost", "::", "0.0.0.0:80", ""],
    "proxyProtocol": ["true", 1],
    "existingConfigMap": ["Upper", 1],
    "tls.existingSecret": ["a b", 1],
    "tls.certificate": ["a"],
    "upstreamTls.caKey": ["", "a/b"],
    "admin.port": ["9901", 70000],
    "admin.token": ["secret"],
    "admin.tokenKey": ["", "../token"],
    "fleet.enabled": ["yes"],
    "fleet.url": ["http://keys.example", "redis://user@host"],
    "fleet.valkey.appendfsync": ["never", False],
    "fleet.valkey.maxmemory": ["768 mb", -1],
    "fleet.valkey.storage.size": ["8 GiB"],
    "state.sizeLimit": ["big", -1],
    "service.type": ["ExternalName", "Loadbalancer"],
    "service.annotations": [{"a": True}],
    "service.externalTrafficPolicy": ["local"],
    "service.ipFamilies": [["ipv4"]],
    "serviceAccount.create": ["no"],
    "annotations": [{"a": 1}],
    "podLabels": [{"a": 1.0}],
    "preStopSeconds": ["10s", -1],
    "terminationGracePeriodSeconds": ["40"],
    "topologySpread.whenUnsatisfiable": ["DoNotSpread"],
    "topologySpread.maxSkew": [0],
    "resources": [[], {"request": {}}],
    "livenessProbe": [{"httpGet": {}}, {"periodSeconds": "10"}],
    "tolerations": [{}, ["a"]],
    "extraArgs": ["--upgrade", [1]],
    "extraEnv": [{"A": "b"}],
    "extraObjects": [[1]],
    "autoscaling.kind": ["vpa"],
    "autoscaling.minReplicas": [0, "2"],
    "autoscaling.cpuUtilization": [0, "60%"],
    "autoscaling.keda.serverAddress": ["prometheus:9090"],
    "autoscaling.keda.pollingInterval": ["15s"],
    "podDisruptionBudget.maxUnavailable": ["half", -1],
    "networkPolicy.egress": [{}],
    "networkPolicy.adminFrom": ["monitoring"],
    "serviceMonitor.interval": [5, "5 s"],
    "prometheusRule.labels": [{"a": 1}],
    "demo.replicas": ["three"],
    "demo.capacityKw": ["20 MW", 0],
    # By the proxy's own schema.
    "config.load.interval": [500, "half a second"],
    "config.load.intervall": ["500ms"],
    "config.policy": ["best"],
    "config.substations": [{}],
    "config.substations.0": [{"address": "10.0.0.1:5001"}, {"name": "a", "address": "10.0.0.1"}],
    "config.limits.connections": ["many", 0],
    "config.select": [{"name": {"field": "a"}}, {"__a": {"field": "a"}}],
    "config.fleet.when_unreachable": ["wait"],
}

# Values that only the templates can refuse, and a part of what they say.
IMPOSSIBLE = {
    r"config\.listen: the chart writes it; set listeners": {"config": {"listen": "0.0.0.0:80"}},
    r"config\.tls: the chart writes it; set tls\.existingSecret": {"config": {"tls": {"certificate": "a", "key": "b"}}},
    r"config\.admin\.token_file: the chart writes it; set admin\.existingSecret": {"config": {"admin": {"token_file": "t"}}},
    r"config\.listen_proxy_protocol: .* set proxyProtocol": {"config": {"listen_proxy_protocol": False}},
    r"config\.fleet\.store: .* set fleet\.url": {"config": {"fleet": {"store": "redis://a"}}, "fleet": {"enabled": True}},
    r"config\.fleet: has no store; set fleet\.enabled": {"config": {"fleet": {"timeout": "80ms"}}},
    r"config\.state: has no file; set state\.enabled": {"config": {"state": {"interval": "5s"}}},
    r"config\.state\.file: .* set state\.enabled": {"config": {"state": {"file": "/a"}}},
    r"config\.upstream\.tls\.ca: .* set upstreamTls\.caSecret": {
        "config": {"upstream": {"tls": {"ca": "/a"}}}, "upstreamTls": {"caSecret": "a"}},
    r"config\.select: several labels are preferred": {"config": {"select": {
        "a": {"field": "a", "prefer": True}, "b": {"field": "b", "prefer": True}}}},
    r"config\.routes\[1\]\.select: several labels are preferred": {"config": {"routes": [{"path": "/a"}, {"path": "/b", "select": {
        "a": {"field": "a", "prefer": True}, "b": {"field": "b", "prefer": True}}}]}},
    r"autoscaling\.connections: must be below config\.limits\.connections": {"autoscaling": {"enabled": True, "connections": 10000}},
    r"listeners: the name admin is taken": {"listeners": [{"name": "admin", "port": 1, "servicePort": 1}]},
    r"listeners: the port 9901 is taken": {"listeners": [{"name": "a", "port": 9901, "servicePort": 1}]},
    r"listeners: the servicePort 80 is taken": {"listeners": [
        {"name": "a", "port": 1, "servicePort": 80}, {"name": "b", "port": 2, "servicePort": 80}]},
    r"tls\.clientCaSecret: needs tls\.existingSecret": {"tls": {"clientCaSecret": "a"}},
    r"terminationGracePeriodSeconds: .* together, which are 45\.2 s; set it higher": {"preStopSeconds": 30},
    r"terminationGracePeriodSeconds: .* which are 100\.25 s": {"config": {"drain": {"delay": "10s"}, "timeouts": {
        "request": "1m 10s", "connect": "250ms"}}},
    r"service\.type: loadBalancerClass": {"service": {"loadBalancerClass": "a/b"}},
    r"service\.type: externalTrafficPolicy": {"service": {"externalTrafficPolicy": "Local"}},
    r"service\.type: the nodePort of the listener a": {"listeners": [{"name": "a", "port": 1, "servicePort": 1, "nodePort": 30000}]},
    r"autoscaling\.maxReplicas: is below minReplicas": {"autoscaling": {"enabled": True, "maxReplicas": 1}},
    r"resources\.requests\.cpu: autoscaling\.cpuUtilization is a share of it": {
        "autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
    r"networkPolicy\.egress: no substation can be reached": {"networkPolicy": {"restrictEgress": True}},
}


def at(path, value):
    """Values with one at a path: `a.b.0` is the first of the list `a.b`."""
    for key in reversed(path.split(".")):
        value = [value] if key == "0" else {key: value}
    return value


class Schema(unittest.TestCase):
    def test_it_is_a_schema_and_accepts_the_defaults_and_all_that_is_rendered(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        validator = jsonschema.Draft7Validator(SCHEMA)
        for what, values in [("defaults", chart.read(chart.VALUES)), *matrix.renderings()]:
            self.assertEqual([error.message for error in validator.iter_errors(values)], [], what)

    def test_it_refuses_what_is_wrong_and_names_it(self):
        validator = jsonschema.Draft7Validator(SCHEMA)
        for path, values in WRONG.items():
            for value in values:
                with self.subTest(path=path, value=value):
                    errors = list(validator.iter_errors(at(path, value)))
                    self.assertTrue(errors)
                    said = " ".join(f"{error.json_path} {error.message}" for error in errors)
                    self.assertIn(path.removesuffix(".0").split(".")[-1], said)

    def test_it_knows_the_values_that_there_are_and_no_others(self):
        def paths(schema, prefix=""):
            for key, inside in schema.get("properties", {}).items():
                yield prefix + key
                yield from paths(inside, f"{prefix}{key}.")

        known = {path for path in paths(SCHEMA) if not path.startswith("config.") and path != "global"}
        opaque = [path for path in known if path.endswith((".requests", ".limits", ".claims")) or "Probe." in path]
        documented = {path for path, _, _ in chart.documented()}
        sections = {path.rsplit(".", depth)[0] for path in documented for depth in range(1, path.count(".") + 1)}
        self.assertEqual(documented | sections, known - set(opaque))

    def test_every_value_that_does_not_speak_for_itself_is_explained(self):
        # Kubernetes' own words for images, probes, disks and resources.
        plain = ("pullPolicy", ".tag", ".size", ".resources")
        for path, _, comment in chart.documented():
            self.assertTrue(comment or path.endswith(plain), f"{path} has no comment in values.yaml")
            self.assertNotIn("|", comment, path)


@RENDERED
class Refusals(unittest.TestCase):
    def test_helm_refuses_what_is_wrong_and_names_it(self):
        for path, values in WRONG.items():
            for value in values:
                with self.subTest(path=path, value=value):
                    if value is None:
                        continue  # takes the default away, for Helm
                    with self.assertRaises(helm.Refused) as refused, helm.quietly():
                        render(matrix.merged(matrix.LEAST, at(path, value)))
                    self.assertIn(path.removesuffix(".0").split(".")[-1], str(refused.exception))

    def test_what_the_schema_can_t_say_is_refused_with_what_to_do(self):
        for said, values in IMPOSSIBLE.items():
            with self.subTest(said), self.assertRaisesRegex(helm.Refused, said):
                render(matrix.merged(matrix.LEAST, values))

    def test_deadlines_that_are_not_set_are_the_proxy_s_defaults(self):
        template = (chart.CHART / "templates" / "_checks.tpl").read_text(encoding="utf-8")
        known = json.loads(chart.PROXY_SCHEMA.read_text(encoding="utf-8"))["properties"]
        for key in ("client", "request", "connect"):
            default = known["timeouts"]["properties"][key]["default"]
            self.assertIn(f'"{key}" "{default}"', template)
        self.assertEqual(known["drain"]["properties"]["delay"]["default"], "0s")
        self.assertIn(f'"limits" "connections" {known["limits"]["properties"]["connections"]["default"]} ', template)

    def test_the_share_of_a_core_is_that_of_the_request(self):
        for request, percent, threshold in (("500m", 60, "0.3"), ("1", 60, "0.6"), (2, 75, "1.5"), ("0.5", 50, "0.25"), ("250m", 33, "0.0825")):
            objects = render(matrix.merged(matrix.LEAST, {"resources": {"requests": {"cpu": request}}, "autoscaling": {
                "enabled": True, "kind": "keda", "cpuUtilization": percent}}))
            self.assertEqual(one(objects, "ScaledObject")["spec"]["triggers"][0]["metadata"]["threshold"], threshold)

    def test_what_the_documents_show_is_accepted(self):
        shown = 0
        for path in (chart.CHART / "README.md", ROOT / "docs" / "operations" / "kubernetes.md"):
            for block in re.findall(r"```yaml\n# values\.yaml.*?\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.S):
                values = chart.yaml.safe_load(block)
                values.setdefault("config", {})
                for thing in render(matrix.merged(matrix.LEAST, values)):
                    self.assertEqual(manifests.faults(thing), [], thing["metadata"]["name"])
                shown += 1
        self.assertGreater(shown, 4)


@RENDERED
class Changes(unittest.TestCase):
    """What a change of the configuration does to running pods."""

    def pods(self, **values):
        return one(render(matrix.merged(matrix.LEAST, values)), "Deployment")["spec"]["template"]

    def test_what_running_proxies_read_restarts_none(self):
        before = self.pods()
        for config in ({"load": {"interval": "1s"}}, {"substations": [{"name": "a", "address": "10.0.0.2:1"}]}, {"policy": "random"},
                       {"log": {"level": "debug"}}, {"limits": {"connections": 5}}, {"admin": {"connections": 5}}):
            self.assertEqual(self.pods(config=config), before, config)

    def test_what_takes_a_restart_brings_one(self):
        before = self.pods()
        for values in ({"config": {"threads": 2}}, {"config": {"log": {"format": "json"}}}, {"proxyProtocol": True},
                       {"fleet": {"enabled": True}}, {"state": {"enabled": True}}, {"bindAddress": "[::]"},
                       {"tls": {"existingSecret": "a"}}, {"admin": {"tls": {"existingSecret": "a"}}}):
            after = self.pods(**values)
            self.assertNotEqual(after["metadata"]["annotations"], before["metadata"]["annotations"], values)
        fleet = {"fleet": {"enabled": True}}
        self.assertNotEqual(self.pods(**fleet), self.pods(**fleet, config={"fleet": {"timeout": "80ms"}}))

    def test_the_keys_that_take_one_are_those_of_the_proxy(self):
        code = (ROOT / "proxy" / "src" / "reload" / "changes.rs").read_text(encoding="utf-8")
        body = code[code.index("fn keep_fixed"):code.index("let (wanted, kept_keys)")]
        whole = set(re.findall(r"kept\.([a-z_.]+?)(?:\.clone_from|\s=\s)", body))
        present = set(re.findall(r"kept\.([a-z_.]+)\.is_some\(\)", body))
        template = (chart.CHART / "templates" / "_config.tpl").read_text(encoding="utf-8")
        lists = [set(re.findall(r'"([a-z_.]+)"', found)) for found in re.findall(r"range list (.*) -\}\}", template)]
        self.assertEqual(lists, [whole - present, present])

    def test_no_pod_changes_with_the_version_alone(self):
        labels = self.pods()["metadata"]["labels"]
        self.assertEqual(set(labels), {"app.kubernetes.io/name", "app.kubernetes.io/instance"})


if __name__ == "__main__":
    unittest.main()
