"""`make up` where the stack can't start, with a Docker that only keeps account."""

import os
import shutil
import subprocess
import tempfile
import textwrap
import unittest
from pathlib import Path

from deploy.lib.standins import ROOT

# Keeps what it was asked in a file, and says what the test's variables say. `up` creates a volume and fails.
DOCKER = textwrap.dedent("""\
    #!/bin/sh
    echo "$*" >> "$FAKE/asked"
    case "$*" in
        info) exit "$ENGINE" ;;
        "compose version") exit "$COMPOSE" ;;
        "compose config") echo "name: switchyard" ;;
        "compose "*" ps "*) cat "$FAKE/running" ;;
        "volume ls "*) cat "$FAKE/volumes" ;;
        "compose up "*) echo "$FAKE_VOLUME" >> "$FAKE/volumes"; echo "failed to resolve source metadata" >&2; exit "$UP" ;;
    esac
    """)


class Up(unittest.TestCase):
    def run_up(self, running="", volumes="", engine=0, up=1, compose=0):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for name, text in (("running", running), ("volumes", volumes), ("asked", "")):
                (folder / name).write_text(text, encoding="utf-8")
            program = folder / "docker"
            program.write_text(DOCKER, encoding="utf-8")
            program.chmod(0o755)
            environment = os.environ | {
                "PATH": f"{folder}:/usr/bin:/bin", "CARGO_HOME": str(folder), "FAKE": str(folder),
                "FAKE_VOLUME": "switchyard_prometheus", "ENGINE": str(engine), "COMPOSE": str(compose), "UP": str(up),
            }
            # Beside cargo's folder, which common.sh puts first.
            (folder / "bin").mkdir()
            (folder / "bin" / "docker").symlink_to(program)
            ran = subprocess.run([ROOT / "scripts/up.sh", "--scale", "substation=2"], env=environment, text=True,
                                 capture_output=True, check=False, timeout=60)
            return ran, (folder / "asked").read_text(encoding="utf-8").splitlines()

    def test_without_a_registry_it_says_what_to_do_and_leaves_nothing_behind(self):
        ran, asked = self.run_up(volumes="switchyard_token\n")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("failed to resolve source metadata", ran.stderr)
        self.assertIn("registry-mirrors", ran.stderr)
        self.assertIn("make demo", ran.stderr)
        self.assertIn("compose --profile rush-hour --profile fleet --profile traces down --remove-orphans", asked)
        self.assertIn("volume rm switchyard_prometheus", asked)
        self.assertNotIn("volume rm switchyard_token", asked, "it was there before")

    def test_a_stack_that_ran_before_goes_on(self):
        _, asked = self.run_up(running="4711\n")
        self.assertFalse([line for line in asked if "down" in line or "rm" in line.split()], asked)

    def test_without_an_engine_nothing_is_started(self):
        ran, asked = self.run_up(engine=1)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("no Docker engine answers", ran.stderr)
        self.assertEqual([line for line in asked if " up " in line], [])

    def test_without_compose_nothing_is_started(self):
        if shutil.which("docker-compose", path="/usr/bin:/bin:/usr/sbin:/sbin"):
            self.skipTest("docker-compose is installed where the script always looks")
        ran, asked = self.run_up(compose=1)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("Docker Compose is not installed", ran.stderr)
        self.assertEqual([line for line in asked if " up " in line], [])

    def test_a_stack_that_starts_names_its_ports_and_its_options_are_passed_on(self):
        ran, asked = self.run_up(up=0)
        self.assertEqual((ran.returncode, ran.stderr.count("up:")), (0, 0))
        self.assertIn("Grafana http://localhost:3000", ran.stdout)
        self.assertIn("compose up --build --detach --scale substation=2", asked)


if __name__ == "__main__":
    unittest.main()
