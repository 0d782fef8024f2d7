"""The images of a release: that each runs without any right, and is as large as documented.

IMAGE_PROGRAMS names the folder with the programs, which are laid out as the Dockerfile does. Without it the tests are skipped.
IMAGE_ARCHITECTURES names the processors for which the whole Dockerfile is built, in Docker's words.
"""

import os
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from deploy.lib import images
from deploy.lib.standins import ROOT, Missing, docker, engine
from deploy.packages import elf

PROGRAMS = os.environ.get("IMAGE_PROGRAMS")
ARCHITECTURES = os.environ.get("IMAGE_ARCHITECTURES", "").split()
WITHOUT_RIGHTS = ("--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def documented():
    """The smallest and the largest image in megabytes, as the documents say."""
    text = (ROOT / "docs/operations/containers.md").read_text(encoding="utf-8")
    return tuple(map(int, re.search(r"three images of (\d+) to (\d+) MB", text).groups()))


@unittest.skipUnless(PROGRAMS, "IMAGE_PROGRAMS does not name the folder with the programs")
class LaidOut(unittest.TestCase):
    """The stages of the Dockerfile that are shipped."""

    @classmethod
    def setUpClass(cls):
        """The three images."""
        if not engine():
            raise unittest.SkipTest("no Docker engine answers, so no image is built")
        cls.named = images.build(PROGRAMS, "switchyard-release")
        cls.addClassCleanup(images.remove, cls.named)

    def test_each_runs_without_a_right(self):
        for program, name in self.named.items():
            with self.subTest(program):
                self.assertIn(program, docker("run", *WITHOUT_RIGHTS, name, "--version"))

    def test_the_proxy_serves_in_it(self):
        # The default command reads a configuration that is mounted; the health check is the program's own.
        configuration = ROOT / "deploy/packages/switchyard.yaml"
        container = docker("run", "--detach", *WITHOUT_RIGHTS, "--volume", f"{configuration}:/etc/switchyard/switchyard.yaml:ro",
                           self.named["switchyard"])
        self.addCleanup(docker, "rm", "--force", container)
        asked = ["docker", "exec", container, "switchyard", "healthcheck", "--url", "http://127.0.0.1:9901/live"]
        end = time.monotonic() + 60
        while subprocess.run(asked, capture_output=True, check=False).returncode:
            self.assertLess(time.monotonic(), end, docker("logs", container))
            time.sleep(0.1)

    def test_the_documents_say_how_large_each_is(self):
        if Path(PROGRAMS).name != "dist":
            self.skipTest("sizes are those of the profile dist")
        sizes = sorted(images.size(name) for name in self.named.values())
        print(", ".join(f"{program} {images.size(name):.1f} MB" for program, name in self.named.items()))
        self.assertEqual((round(sizes[0]), round(sizes[-1])), documented())


@unittest.skipUnless(ARCHITECTURES, "IMAGE_ARCHITECTURES names no processor")
class Whole(unittest.TestCase):
    """The whole Dockerfile."""

    def test_it_builds_each_image_for_each_processor(self):
        for arch in ARCHITECTURES:
            with self.subTest(arch):
                try:
                    named = images.whole("switchyard-whole", arch, arch)
                except Missing as error:
                    self.skipTest(str(error))
                for program, name in zip(images.TARGETS, named, strict=True):
                    self.check(program, name, arch)
                docker("rmi", "--force", *named)

    def check(self, program, name, arch):
        """An image has a program for its processor, its libraries and its notices."""
        self.assertEqual(docker("image", "inspect", "--format", "{{.Architecture}}", name), arch)
        self.assertIn("CMD" if program != "requester" else "NONE",
                      docker("image", "inspect", "--format", "{{.Config.Healthcheck.Test}}", name))
        container = docker("create", name)
        self.addCleanup(docker, "rm", container)
        with tempfile.TemporaryDirectory() as folder:
            with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as exported:
                subprocess.run(["tar", "-C", folder, "-x", "--no-same-owner"], stdin=exported.stdout, check=True)
            root = Path(folder)
            read = elf.read(root / "usr/local/bin" / program)
            self.assertEqual(read.machine, MACHINES[arch])
            self.assertTrue((root / read.interpreter[1:]).exists(), read.interpreter)
            there = {path.name for path in root.rglob("*.so*")}
            self.assertLessEqual(set(read.needed), there)
            self.assertIn("tokio", (root / "usr/share/doc/switchyard/THIRD-PARTY-NOTICES.txt").read_text(encoding="utf-8"))
            self.assertTrue(read.section(".dep-v0"))


if __name__ == "__main__":
    unittest.main()
