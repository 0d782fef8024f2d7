"""Every example runs by its one command and finds what it expects; all of them run side by side.

`EXAMPLE_BINARIES` names the folder with the programs; without it the tests are skipped.
"""

import ast
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).parent
BINARIES = os.environ.get("EXAMPLE_BINARIES")
NAMES = sorted(script.parent.name for script in HERE.glob("*/run.sh"))
# Longer than all of them take on a busy machine, in seconds.
PATIENCE = 180
SECONDS = {"charging-network": 3, "prometheus": 3}


def command(name, *arguments):
    """The one command of an example."""
    return [HERE / name / "run.sh", *arguments]


def envoy():
    """Where Envoy is, if it is anywhere."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    peer = target / "bench-tools" / "bin" / "envoy"
    return os.environ.get("ENVOY") or shutil.which("envoy") or (str(peer) if peer.exists() else None)


def lacks(name):
    """What this machine lacks for an example, and where to get it."""
    if name == "behind-envoy" and not envoy():
        return "Envoy is not installed (scripts/setup.sh envoy)"
    if name == "prometheus" and not shutil.which("prometheus"):
        return "prometheus is not installed (Debian: prometheus)"
    if name == "kubernetes" and not (shutil.which("kustomize") or shutil.which("kubectl")):
        return "neither kustomize nor kubectl is installed"
    return None


class Run:
    """An example that runs in a process group of its own, with its output in a file."""

    def __init__(self, running, name, *arguments):
        self.name = name
        self._output = running.enter_context(tempfile.TemporaryFile())
        self._process = subprocess.Popen(command(name, *arguments), stdin=subprocess.DEVNULL, stdout=self._output,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        running.callback(self.end)

    def signal(self, signum):
        """Sends a signal to the example itself."""
        self._process.send_signal(signum)

    def wait(self):
        """Waits for its end, and returns its exit code and what it printed."""
        code = self._process.wait(timeout=PATIENCE)
        return code, self.printed()

    def printed(self):
        """What it has printed so far."""
        # By its position: the file is shared with the process that writes.
        return os.pread(self._output.fileno(), 1 << 20, 0).decode(errors="replace")

    def has_left(self):
        """Whether a process of it is still there."""
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self):
        """Ends what is left of it."""
        if self.has_left():
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=PATIENCE)


@unittest.skipUnless(BINARIES, "EXAMPLE_BINARIES does not name the folder with the programs")
class Examples(unittest.TestCase):
    """One test an example; they are made below."""

    @classmethod
    def setUpClass(cls):
        running = ExitStack()
        cls.addClassCleanup(running.close)
        able = [name for name in NAMES if not lacks(name)]
        cls.runs = {name: Run(running, name, "--seconds", str(SECONDS.get(name, 1))) for name in able}
        # A round robin does not look at loads: hosts of unequal size are unequally full, and the example must say so.
        cls.uneven = Run(running, "game-servers", "--seconds", "0", "--add", "policy: round_robin")

    def runs_as_it_should(self, name):
        """The example ends with 0 and leaves no process."""
        if reason := lacks(name):
            self.skipTest(reason)
        code, printed = self.runs[name].wait()
        self.assertEqual(code, 0, printed)
        self.assertIn("\n  ok ", printed)
        self.assertNotIn("FAILED", printed)
        self.assertFalse(self.runs[name].has_left(), "it left a process")

    def test_an_expectation_that_does_not_hold_is_said_and_ends_with_1(self):
        code, printed = self.uneven.wait()
        self.assertEqual(code, 1, printed)
        self.assertIn("FAILED the hosts are evenly full", printed)
        self.assertFalse(self.uneven.has_left(), "it left a process")

    def test_an_example_that_is_stopped_ends_its_programs(self):
        with ExitStack() as running:
            run = Run(running, "session-broker", "--seconds", "600")
            end = time.monotonic() + PATIENCE
            while "hears what is said" not in run.printed():
                self.assertLess(time.monotonic(), end, run.printed())
                time.sleep(0.05)
            run.signal(signal.SIGTERM)
            code, printed = run.wait()
            self.assertEqual(code, 143, printed)
            self.assertFalse(run.has_left(), "it left a process")


def test_of(name):
    """The test of one example."""
    def test(self):
        self.runs_as_it_should(name)

    return test


for each in NAMES:
    setattr(Examples, f"test_{each.replace('-', '_')}", test_of(each))


@unittest.skipUnless(BINARIES, "EXAMPLE_BINARIES does not name the folder with the programs")
class OfCrates(unittest.TestCase):
    """The examples of the crates that are published; each exits with another code if it does not find what it shows."""

    def test_each_finds_what_it_shows(self):
        for name, said in (("herd", "gauges with ledgers"), ("sessions", "each half full")):
            with self.subTest(name):
                done = subprocess.run([Path(BINARIES, "examples", name)], capture_output=True, text=True, check=False,
                                      timeout=PATIENCE)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn(said, done.stdout)


class Folders(unittest.TestCase):
    """What each folder has to have, whether the programs are there or not."""

    def test_each_says_how_it_is_used_without_building_anything(self):
        for name in NAMES:
            with self.subTest(name):
                nowhere = {**os.environ, "EXAMPLE_BINARIES": "/nonexistent"}
                done = subprocess.run(command(name, "--help"), capture_output=True, text=True, env=nowhere, check=False,
                                      timeout=PATIENCE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(f"usage: examples/{name}/run.sh", done.stdout)
                self.assertIn("--seconds", done.stdout)

    def test_each_has_a_guide_that_names_its_command_and_is_in_the_list(self):
        listed = (HERE / "README.md").read_text(encoding="utf-8")
        for name in NAMES:
            with self.subTest(name):
                self.assertIn(f"examples/{name}/run.sh", (HERE / name / "README.md").read_text(encoding="utf-8"))
                self.assertIn(f"({name}/README.md)", listed)

    def test_the_shared_part_needs_nothing_but_python(self):
        # A fresh clone has no packages.
        for script in [HERE / "lib" / "rig.py", *(path for path in HERE.glob("*/*.py") if path.parent.name in NAMES)]:
            if script.name.startswith("test_"):
                continue
            own = {"rig", *(path.stem for path in script.parent.glob("*.py"))}
            used = set()
            for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    used |= {name.name.split(".")[0] for name in node.names}
                elif isinstance(node, ast.ImportFrom):
                    used.add(node.module.split(".")[0])
            self.assertEqual(used - own - sys.stdlib_module_names, set(), script)


if __name__ == "__main__":
    unittest.main()
