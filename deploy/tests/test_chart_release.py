"""The chart as a release: what Helm does in a cluster that has something already. The cluster is a stand-in in memory."""

import base64
import contextlib
import copy
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from deploy.lib import chart, cluster, helm, matrix

HELM = helm.find()
LIBRARY = unittest.skipUnless(isinstance(HELM, helm.Library), "Helm's library is not installed (scripts/helm.txt)")
# Where Helm keeps what it learns of a cluster, in the user's home unless this is set when its process begins.
CACHE = "KUBECACHEDIR"
# What the API lets change in a StatefulSet.
MUTABLE = {"replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}
DEMO = {"demo": {"enabled": True}}
FLEET = matrix.merged(DEMO, {"fleet": {"enabled": True}})


def fixed(objects):
    """What the API lets nobody change: of selectors, disks and names."""
    found = {}
    for path, thing in objects.items():
        if thing["kind"] == "Deployment":
            found[path] = thing["spec"]["selector"]
        elif thing["kind"] == "StatefulSet":
            found[path] = {key: value for key, value in thing["spec"].items() if key not in MUTABLE}
    return copy.deepcopy(found)


@LIBRARY
@unittest.skipIf(CACHE in os.environ, "the tests below run here")
class Apart(unittest.TestCase):
    def test_in_a_process_of_their_own(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-B", "-m", "unittest", __name__], env={**os.environ, CACHE: folder},
                                  capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stderr, r"OK \(skipped=1\)")


@LIBRARY
@unittest.skipUnless(CACHE in os.environ, "they run in a process of their own")
class Releases(unittest.TestCase):
    def setUp(self):
        running = self.enterContext(contextlib.ExitStack())
        self.server = running.enter_context(cluster.running())
        # Releases are kept by Helm itself, because it writes them in a form that the stand-in does not read.
        self.helm = running.enter_context(HELM.package.Config(
            kubeconfig_content=self.server.kubeconfig, namespace="north", storage_driver="memory"))

    def install(self, values, **more):
        return self.helm.install(str(chart.CHART), "switchyard", values, namespace="north", timeout=30, **more)

    def upgrade(self, values, folder=chart.CHART):
        return self.helm.upgrade(str(folder), "switchyard", values, namespace="north", timeout=30)

    def secret(self, name):
        return self.server.objects[f"/api/v1/namespaces/north/secrets/{name}"]["data"]

    def test_what_is_random_stays_in_upgrades(self):
        self.install(FLEET)
        before = copy.deepcopy([self.secret("switchyard-admin"), self.secret("switchyard-store")])
        for (_, value), length in zip((pair for one in before for pair in one.items()), (48, 48), strict=True):
            self.assertRegex(base64.b64decode(value).decode(), f"^[A-Za-z0-9]{{{length}}}$")
        self.upgrade(FLEET)
        self.assertEqual([self.secret("switchyard-admin"), self.secret("switchyard-store")], before)
        # Also what an operator has changed by hand.
        self.secret("switchyard-admin")["token"] = base64.b64encode(b"rotated-by-hand-0123").decode()
        self.upgrade(matrix.merged(FLEET, {"replicas": 3}))
        self.assertEqual(base64.b64decode(self.secret("switchyard-admin")["token"]), b"rotated-by-hand-0123")

    def test_two_releases_have_two_tokens(self):
        self.install(DEMO)
        self.helm.install(str(chart.CHART), "other", DEMO, namespace="north", timeout=30)
        self.assertNotEqual(self.secret("switchyard-admin"), self.secret("other-switchyard-admin"))

    def test_a_changed_configuration_changes_its_configmap_and_nothing_else(self):
        self.install(DEMO)
        before = copy.deepcopy(self.server.objects)
        self.upgrade(matrix.merged(DEMO, {"config": {"policy": "random", "limits": {"connections": 500}}}))
        changed = [path for path, thing in self.server.objects.items() if thing != before.get(path)]
        self.assertEqual(changed, ["/api/v1/namespaces/north/configmaps/switchyard"])
        self.upgrade(matrix.merged(DEMO, {"config": {"threads": 2}}))
        self.assertIn("/apis/apps/v1/namespaces/north/deployments/switchyard", [
            path for path, thing in self.server.objects.items() if thing != before.get(path)])

    def test_a_new_version_changes_nothing_that_can_t_be_changed(self):
        everything = dict(matrix.renderings())["everything"]
        # Of operators whose kinds the stand-in does not know.
        known = matrix.merged(everything, {"serviceMonitor": {"enabled": False}, "prometheusRule": {"enabled": False}})
        self.install(known)
        before = fixed(self.server.objects)
        self.assertEqual(len(before), 3)
        with tempfile.TemporaryDirectory() as folder:
            newer = Path(folder, "switchyard")
            shutil.copytree(chart.CHART, newer)
            described = (newer / "Chart.yaml").read_text(encoding="utf-8")
            version = chart.read(chart.CHART / "Chart.yaml")["version"]
            (newer / "Chart.yaml").write_text(described.replace(version, "7.8.9"), encoding="utf-8")
            self.upgrade(matrix.merged(known, {"image": {"tag": "9.9.9"}, "replicas": 7, "podLabels": {"new": "yes"}}), newer)
        self.assertEqual(fixed(self.server.objects), before)
        self.assertIn("7.8.9", str(self.server.objects))

    def test_what_is_switched_off_goes_and_an_uninstalled_release_leaves_nothing(self):
        values = matrix.merged(FLEET, {"autoscaling": {"enabled": True}})
        self.install(values)
        self.assertIn("switchyard-store", str(self.server.objects))
        self.upgrade(DEMO)
        kinds = {thing["kind"] for thing in self.server.objects.values()}
        self.assertNotIn("HorizontalPodAutoscaler", kinds)
        self.assertEqual([path for path in self.server.objects if path.endswith("-store")], [])
        self.assertLessEqual({"Deployment", "StatefulSet"}, kinds)
        self.helm.uninstall("switchyard")
        self.assertEqual(self.server.objects, {})

    def test_a_secret_of_others_is_not_taken(self):
        path = "/api/v1/namespaces/north/secrets/switchyard-admin"
        mine = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "switchyard-admin", "namespace": "north"}, "data": {"token": "bWluZQ=="}}
        self.server.objects[path] = copy.deepcopy(mine)
        with self.assertRaisesRegex(HELM.package.HelmError, "cannot be imported into the current release"):
            self.install(DEMO)
        self.assertEqual(self.server.objects, {path: mine})
        # Named, it is used as it is.
        self.upgrade_or_install(matrix.merged(DEMO, {"admin": {"existingSecret": "switchyard-admin"}}))
        self.assertEqual(self.server.objects[path], mine)

    def upgrade_or_install(self, values):
        with contextlib.suppress(HELM.package.HelmError):
            self.helm.uninstall("switchyard", ignore_not_found=True)
        return self.install(values)

    def test_the_notes_name_what_there_is(self):
        notes = self.install(matrix.merged(DEMO, {"listeners": [{"name": "main", "port": 9000, "servicePort": 81}]}))["notes"]
        for said in ("http://switchyard.north.svc:81", "deployment/switchyard", "get secret switchyard-admin", "9000:main",
                     '{{index .data "token" | base64decode}}', "Every client that reaches the proxies may ask",
                     "only what they can't change restarts them"):
            self.assertIn(said, notes)
        names = {path.split("/")[-1] for path in self.server.objects}
        self.assertLessEqual({"switchyard", "switchyard-admin"}, names)


if __name__ == "__main__":
    unittest.main()
