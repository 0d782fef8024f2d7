"""A process that gets hardly any CPU time for a while."""

import subprocess
import sys
import time
import unittest
from pathlib import Path

from lib import starve


def stopped(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


class Starve(unittest.TestCase):
    def test_it_is_stopped_meanwhile_and_runs_afterwards(self):
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
            with starve.meanwhile(child.pid, 0, 60):
                deadline = time.monotonic() + 10
                while not stopped(child.pid):
                    self.assertLess(time.monotonic(), deadline)
            self.assertFalse(stopped(child.pid))
            child.communicate(b"\n")
        self.assertEqual(child.returncode, 0)

    def test_a_process_that_has_ended_is_no_error(self):
        with subprocess.Popen([sys.executable, "-c", ""]) as child:
            child.wait()
        with starve.meanwhile(child.pid, 0, 1):
            pass
