"""CPU time, more exact than a tick."""

import subprocess
import sys
import time
import unittest

from lib.accounting import CpuTime

WORK = """
import sys, threading, time
def work():
    until = time.thread_time() + 0.003
    while time.thread_time() < until: pass
sys.stdin.readline()
work()
thread = threading.Thread(target=lambda: (work(), print('done', flush=True), sys.stdin.readline()))
thread.start()
thread.join()
"""


class Cpu(unittest.TestCase):
    def test_all_threads_of_a_child_count_and_idle_ones_cost_nothing(self):
        with subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            before = CpuTime(child.pid)
            child.stdin.write("go\n")
            child.stdin.flush()
            self.assertEqual(child.stdout.readline(), "done\n")
            after = CpuTime(child.pid)
            # It may include the start of the interpreter.
            self.assertGreaterEqual(after.since(before), 0.005)
            # It waits for a line now, so its count soon stands still.
            deadline = time.monotonic() + 10
            while CpuTime(child.pid).since(after) > 0.0:
                after = CpuTime(child.pid)
                self.assertLess(time.monotonic(), deadline)
            child.stdin.write("end\n")
            child.stdin.flush()
