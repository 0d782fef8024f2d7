"""The manifests: does the API accept them, and do they fit together?"""

import copy
import unittest

import yaml

from deploy.lib import manifests, prometheusrule
from monitoring.lib import promql, sources

BUILDABLE = unittest.skipUnless(manifests.kustomize(), "neither kustomize nor a kubectl with kustomize 5 is installed")


def pods(objects):
    """The pod templates, by the name of their Deployment or StatefulSet."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in objects if one["kind"] in ("Deployment", "StatefulSet")}


def one(objects, kind, name):
    (found,) = [thing for thing in objects if (thing["kind"], thing["metadata"]["name"]) == (kind, name)]
    return found


@BUILDABLE
class Schemas(unittest.TestCase):
    def test_the_api_accepts_them(self):
        for name, kinds in {"base": 11, "overlays/production": 15, "overlays/fleet": 18, "overlays/keda": 15}.items():
            objects = manifests.build(name)
            self.assertGreaterEqual(len(objects), kinds, name)
            for thing in objects:
                with self.subTest(f"{name}: {thing['kind']} {thing['metadata']['name']}"):
                    self.assertEqual(manifests.faults(thing), [])

    def test_mistakes_are_found(self):
        objects = [*manifests.build("overlays/production"), one(manifests.build("overlays/keda"), "ScaledObject", "switchyard")]
        mistakes = {
            ("Deployment", "switchyard"): lambda it: it["spec"]["template"]["spec"].update(securtyContext={}),
            ("StatefulSet", "substation"): lambda it: it["spec"].update(replicas="three"),
            ("HorizontalPodAutoscaler", "switchyard"): lambda it: it["spec"].pop("maxReplicas"),
            ("ServiceMonitor", "switchyard"): lambda it: it["spec"]["endpoints"][0].update(prt="admin"),
            ("ServiceMonitor", "substation"): lambda it: it["spec"]["endpoints"][0].update(interval="five"),
            ("PrometheusRule", "switchyard"): lambda it: it["spec"]["groups"][0]["rules"][0].pop("expr"),
            ("ScaledObject", "switchyard"): lambda it: it["spec"].update(maxReplicas=20),
        }
        for which, mistake in mistakes.items():
            with self.subTest(which):
                broken = copy.deepcopy(one(objects, *which))
                mistake(broken)
                self.assertTrue(manifests.faults(broken))


@BUILDABLE
class Pods(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.builds = {name: manifests.build(name) for name in ("base", "overlays/production", "overlays/fleet")}
        cls.objects = cls.builds["overlays/production"]

    def test_no_pod_has_more_rights_than_it_needs(self):
        for name, objects in self.builds.items():
            self.assertEqual(len(pods(objects)), 3 if name == "overlays/fleet" else 2)
            for maker, template in pods(objects).items():
                with self.subTest(f"{name}: {maker}"):
                    pod = template["spec"]
                    self.assertFalse(pod["automountServiceAccountToken"])
                    self.assertTrue(pod["securityContext"]["runAsNonRoot"])
                    self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
                    (container,) = pod["containers"]
                    self.assertEqual(container["securityContext"], {
                        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
                    self.assertIn("memory", container["resources"]["limits"])
                    self.assertRegex(container["image"], r":\d+\.\d+\.\d+$")
        namespace = one(self.objects, "Namespace", "switchyard")
        self.assertEqual(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "restricted")

    def test_liveness_is_not_readiness_and_a_proxy_pauses_before_it_stops(self):
        for maker, template in pods(self.objects).items():
            (container,) = template["spec"]["containers"]
            self.assertEqual(container["livenessProbe"]["httpGet"]["path"], "/live", maker)
            self.assertEqual(container["readinessProbe"]["httpGet"]["path"], "/ready", maker)
        proxy = pods(self.objects)["switchyard"]["spec"]
        (container,) = proxy["containers"]
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        # The defaults of timeouts.client, .request and .connect.
        self.assertGreater(proxy["terminationGracePeriodSeconds"], pause + 10 + 5 + 0.2)

    def test_at_least_two_proxies_run_on_different_machines(self):
        self.assertGreaterEqual(one(self.builds["base"], "Deployment", "switchyard")["spec"]["replicas"], 2)
        deployment = one(self.objects, "Deployment", "switchyard")
        self.assertNotIn("replicas", deployment["spec"])
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        # As a list: a patch could leave the base's rules beside its own.
        self.assertEqual([(rule["topologyKey"], rule["whenUnsatisfiable"]) for rule in spread], [
            ("kubernetes.io/hostname", "DoNotSchedule"), ("topology.kubernetes.io/zone", "DoNotSchedule")])
        scaling = one(self.objects, "HorizontalPodAutoscaler", "switchyard")["spec"]
        self.assertGreaterEqual(scaling["minReplicas"], 2)
        self.assertEqual([metric["type"] for metric in scaling["metrics"]], ["Resource", "Pods"])
        budget = one(self.objects, "PodDisruptionBudget", "switchyard")["spec"]
        self.assertEqual(budget["selector"], deployment["spec"]["selector"])

    def test_one_autoscaler_sets_the_number_of_proxies(self):
        for name, kind in {"overlays/production": "HorizontalPodAutoscaler", "overlays/keda": "ScaledObject"}.items():
            objects = manifests.build(name)
            scalers = [thing["kind"] for thing in objects if thing["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
            self.assertEqual(scalers, [kind], name)
            self.assertNotIn("replicas", one(objects, "Deployment", "switchyard")["spec"], name)

    def test_keda_asks_for_metrics_that_there_are_and_compares_them_with_what_a_proxy_may_have(self):
        scaler = one(manifests.build("overlays/keda"), "ScaledObject", "switchyard")["spec"]
        (container,) = pods(self.objects)["switchyard"]["spec"]["containers"]
        threshold = {trigger["name"]: float(trigger["metadata"]["threshold"]) for trigger in scaler["triggers"]}
        self.assertLess(threshold["cpu"], float(container["resources"]["requests"]["cpu"]))
        self.assertLess(threshold["connections"], 10_000, "the default of limits.connections")
        known = sources.series()
        for trigger in scaler["triggers"]:
            for metric in promql.metrics(trigger["metadata"]["query"]):
                self.assertIn(metric, known)

    def test_a_changed_configuration_reaches_running_proxies(self):
        proxy = pods(self.objects)["switchyard"]["spec"]
        (config,) = [volume["configMap"]["name"] for volume in proxy["volumes"] if "configMap" in volume]
        # No hash in the name, so that a change updates the same object; no subPath, which would never be updated.
        self.assertEqual(config, "switchyard")
        (container,) = proxy["containers"]
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        self.assertNotIn("subPath", mounts["config"])
        held = one(self.objects, "ConfigMap", config)["data"]
        (file,) = held
        self.assertEqual(container["args"][-1], f"{mounts['config']['mountPath']}/{file}")
        read = yaml.safe_load(held[file])
        self.assertTrue(read["admin"]["token_file"].startswith(mounts["token"]["mountPath"] + "/"))
        namespace = one(self.objects, "Namespace", "switchyard")["metadata"]["name"]
        (found,) = read["discovery"]["dns"]
        service = one(self.objects, "Service", "substation")
        self.assertEqual(found["name"], f"{service['metadata']['name']}.{namespace}.svc")
        self.assertEqual(found["port"], service["spec"]["ports"][0]["port"])


@BUILDABLE
class Fleet(unittest.TestCase):
    """What the component adds to the proxies."""

    @classmethod
    def setUpClass(cls):
        cls.objects = manifests.build("overlays/fleet")

    def read(self, objects):
        return yaml.safe_load(one(objects, "ConfigMap", "switchyard")["data"]["switchyard.yaml"])

    def test_the_proxies_find_the_store_and_its_password(self):
        fleet = self.read(self.objects)["fleet"]
        namespace = one(self.objects, "Namespace", "switchyard")["metadata"]["name"]
        service = one(self.objects, "Service", "switchyard-store")
        self.assertEqual(fleet["store"], f"redis://{service['metadata']['name']}.{namespace}.svc")
        self.assertEqual(service["spec"]["ports"], [{"name": "store", "port": 6379, "targetPort": "store"}])
        proxy = pods(self.objects)["switchyard"]["spec"]
        (secret,) = [volume["secret"] for volume in proxy["volumes"] if volume["name"] == "store"]
        (mount,) = [mount for mount in proxy["containers"][0]["volumeMounts"] if mount["name"] == "store"]
        (store,) = pods(self.objects)["switchyard-store"]["spec"]["containers"]
        (password,) = store["env"]
        self.assertEqual(password["valueFrom"]["secretKeyRef"]["name"], secret["secretName"])
        self.assertEqual(fleet["password_file"], f"{mount['mountPath']}/{password['valueFrom']['secretKeyRef']['key']}")

    def test_the_rest_of_the_configuration_is_that_of_the_base(self):
        ours = self.read(self.objects)
        del ours["fleet"]
        self.assertEqual(ours, self.read(manifests.build("base")))

    def test_only_proxies_reach_the_store_and_it_reaches_nothing(self):
        policies = {policy["metadata"]["name"]: policy["spec"] for policy in self.objects if policy["kind"] == "NetworkPolicy"}
        labels = pods(self.objects)["switchyard-store"]["metadata"]["labels"]
        store = policies["switchyard-store"]
        self.assertLessEqual(store["podSelector"]["matchLabels"].items(), labels.items())
        (rule,) = store["ingress"]
        self.assertEqual(rule, {"ports": [{"port": "store"}], "from": [
            {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "switchyard"}}}]})
        self.assertNotIn("egress", store)
        (outwards,) = [rule for rule in policies["switchyard"]["egress"] if rule["ports"] == [{"port": 6379}]]
        self.assertEqual(outwards["to"], [{"podSelector": {"matchLabels": labels}}])

    def test_the_store_refuses_keys_rather_than_to_forget_them_and_fits_into_its_memory(self):
        (container,) = pods(self.objects)["switchyard-store"]["spec"]["containers"]
        given = dict(zip(container["args"][1::2], container["args"][2::2]))
        self.assertEqual((given["--maxmemory-policy"], given["--appendonly"]), ("noeviction", "yes"))
        self.assertEqual((given["--maxmemory"], container["resources"]["limits"]["memory"]), ("768mb", "2Gi"))


@BUILDABLE
class Together(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = manifests.build("overlays/production")

    def of(self, kind):
        return [thing for thing in self.objects if thing["kind"] == kind]

    def ports(self, selector):
        """The named ports of the pods that a selector matches."""
        found = [template for template in pods(self.objects).values()
                 if selector.items() <= template["metadata"]["labels"].items()]
        self.assertEqual(len(found), 1, selector)
        return {port["name"]: port["containerPort"] for port in found[0]["spec"]["containers"][0]["ports"]}

    def test_services_find_their_pods(self):
        for service in self.of("Service"):
            ports = self.ports(service["spec"]["selector"])
            for port in service["spec"]["ports"]:
                self.assertIn(port["targetPort"], ports, service["metadata"]["name"])

    def test_policies_name_ports_that_exist(self):
        policies = {policy["metadata"]["name"]: policy["spec"] for policy in self.of("NetworkPolicy")}
        self.assertEqual(policies["default-deny"], {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
        for name in ("switchyard", "substation"):
            ports = self.ports(policies[name]["podSelector"]["matchLabels"])
            for rule in policies[name]["ingress"]:
                self.assertLessEqual({port["port"] for port in rule["ports"]}, set(ports), name)
        # Only Prometheus may reach the admin port.
        (admin,) = [rule for rule in policies["switchyard"]["ingress"] if {"port": "admin"} in rule["ports"]]
        self.assertTrue(admin["from"])
        self.assertIn(5001, [port["port"] for rule in policies["switchyard"]["egress"] for port in rule["ports"]])

    def test_monitors_find_their_services_and_name_jobs_as_the_rules_do(self):
        for monitor in self.of("ServiceMonitor"):
            wanted = monitor["spec"]["selector"]["matchLabels"].items()
            (service,) = [one for one in self.of("Service") if wanted <= one["metadata"]["labels"].items()]
            self.assertEqual(service["metadata"]["labels"][monitor["spec"]["jobLabel"]], monitor["metadata"]["name"])
            ports = {port["name"] for port in service["spec"]["ports"]}
            self.assertLessEqual({endpoint["port"] for endpoint in monitor["spec"]["endpoints"]}, ports)
        jobs = {monitor["metadata"]["name"] for monitor in self.of("ServiceMonitor")}
        scraped = yaml.safe_load((sources.PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
        self.assertEqual(jobs, {job["job_name"] for job in scraped} - {"prometheus"})

    def test_no_manifest_contains_a_secret(self):
        self.assertEqual(self.of("Secret"), [])

    def test_the_rules_are_those_of_prometheus(self):
        self.assertEqual(prometheusrule.PATH.read_text(encoding="utf-8"), prometheusrule.content(),
                         "run: python3 -m deploy.lib.prometheusrule")


if __name__ == "__main__":
    unittest.main()
