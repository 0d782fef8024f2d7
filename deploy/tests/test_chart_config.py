"""The configurations that the chart writes: does the proxy accept them? The step `configs` of scripts/test.sh runs this, with
the programs that it has built in CHART_BINARIES."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from deploy.lib import chart, matrix, overlays
from deploy.tests.test_chart import HELM, RENDERED, one, render

BINARIES = os.environ.get("CHART_BINARIES")
# Where the pods have their secrets, by the path that the configuration names.
SECRETS = "/run/"


@RENDERED
@unittest.skipUnless(BINARIES, "CHART_BINARIES does not say where the programs are")
class Configurations(unittest.TestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.certificate, self.key = self.folder / "certificate.pem", self.folder / "key.pem"
        if shutil.which("openssl"):
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "30", "-subj", "/CN=charge.example", "-addext",
                 "subjectAltName=DNS:charge.example", "-keyout", self.key, "-out", self.certificate], check=True, capture_output=True)

    def secrets(self, objects, into):
        """Lays out what the pod's volumes hold, and returns how many files that are."""
        pod = one(objects, "Deployment")["spec"]["template"]["spec"]
        made = {thing["metadata"]["name"]: list(thing["data"]) for thing in objects if thing["kind"] == "Secret"}
        mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
        files = 0
        for volume in pod["volumes"]:
            if "secret" in volume:
                path = into / mounts[volume["name"]].removeprefix("/")
                path.mkdir(parents=True)
                for key in made.get(volume["secret"]["secretName"], ["tls.crt", "tls.key", "ca.crt", "root.pem", "token", "admin-token", "word", "password"]):
                    held = {"key": self.key, "crt": self.certificate, "pem": self.certificate}.get(key.split(".")[-1])
                    if held is None:
                        (path / key).write_text("a-long-random-token-0123456789")
                        (path / key).chmod(0o600)
                    elif held.exists():
                        shutil.copy(held, path / key)
                    files += 1
        return files

    def check(self, what, values):
        """What the proxy says of the configuration of these values; None if it accepts it."""
        objects = render(values)
        folder = self.folder / what.replace(" ", "-").replace("/", "-")
        self.secrets(objects, folder)
        text = one(objects, "ConfigMap")["data"]["switchyard.yaml"].replace(SECRETS, f"{folder}{SECRETS}")
        file = folder / "switchyard.yaml"
        file.write_text(text.replace("/var/lib/switchyard", str(folder)))
        done = subprocess.run([Path(BINARIES, "switchyard"), "check", "--config", file], capture_output=True, text=True, timeout=30, check=False)
        return done.stderr if done.returncode else None

    def test_the_proxy_accepts_them(self):
        checked = 0
        for what, values in [*matrix.renderings(), *((name, overlays.values(name)) for name in overlays.OVERLAYS)]:
            if values.get("existingConfigMap") or ("tls.crt" in str(render(values)) and not self.certificate.exists()):
                continue
            with self.subTest(what):
                self.assertIsNone(self.check(what, values))
                checked += 1
        self.assertGreater(checked, 35)
        print(f"the proxy accepts {checked} configurations of the chart, rendered by {HELM}")

    def test_what_the_schema_can_t_say_the_proxy_does(self):
        said = self.check("wrong", matrix.merged(matrix.LEAST, {"config": {"load": {"interval": "1s", "stale_after": "500ms"}}}))
        self.assertIn("load.stale_after", said or "")

    def test_the_chart_s_schema_lets_no_key_through_that_the_proxy_refuses(self):
        known = chart.json.loads(chart.schema())["properties"]["config"]["properties"]
        proxy = chart.json.loads(chart.PROXY_SCHEMA.read_text(encoding="utf-8"))["properties"]
        self.assertEqual(set(known), set(proxy))


if __name__ == "__main__":
    unittest.main()
