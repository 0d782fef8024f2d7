"""The static programs: that they need no library, and that they serve, those for another processor in an emulator.

STAGES names a folder with one folder a target, as scripts/package.sh lays it out. Without it the tests are skipped.
"""

import http.client
import json
import os
import platform
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import zlib
from pathlib import Path

from deploy.packages import elf

STAGES = os.environ.get("STAGES")
PROGRAMS = ("switchyard", "substation", "requester")


def stages():
    """The folder of programs for each static target."""
    return {path.name: path / "release" for path in sorted(Path(STAGES or "/nonexistent").glob("*-musl"))}


def command(target):
    """What goes before a program to run it here; None if nothing can."""
    processor = target.split("-")[0]
    if processor == platform.machine():
        return []
    emulator = shutil.which(f"qemu-{processor}-static") or shutil.which(f"qemu-{processor}")
    return [emulator] if emulator else None


class Names(threading.Thread):
    """A DNS server that says 127.0.0.1 for every name."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self.socket.getsockname())
        self.asked = set()
        self.start()

    def run(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            # The question is a name, in labels with their lengths before them, a type and a class.
            end = query.index(0, 12) + 5
            self.asked.add(query[13:end - 5].decode())
            is_a = query[end - 4:end - 2] == b"\0\1"
            answer = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0" + query[12:end]
            if is_a:
                answer += b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x7f\0\0\1"
            self.socket.sendto(answer, client)


class Running:
    """A program of ours; `find` waits for what it says."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = []
        threading.Thread(target=lambda: self.said.extend(iter(self.process.stdout.readline, "")), daemon=True).start()

    def find(self, pattern, seconds=60):
        """The first group of a pattern, once the program has said it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, "".join(self.said))
            if found:
                return found.group(1)
            time.sleep(0.05)
        raise AssertionError(f"{pattern} is not in {''.join(self.said)}")

    def end(self):
        """Ends it, and waits until it has."""
        self.process.terminate()
        return self.process.wait(30)


@unittest.skipUnless(STAGES, "STAGES does not name the folder with the programs")
class Static(unittest.TestCase):
    """Each target in turn."""

    def setUp(self):
        self.assertTrue(stages(), f"no static target in {STAGES}")

    def test_no_library_and_no_loader_is_asked_for(self):
        for target, folder in stages().items():
            for program in PROGRAMS:
                with self.subTest(f"{target} {program}"):
                    found = elf.read(folder / program)
                    self.assertEqual(found.machine, target.split("-")[0])
                    self.assertEqual(found.needed, [])
                    self.assertIsNone(found.interpreter)

    def test_each_program_lists_the_crates_in_it(self):
        for target, folder in stages().items():
            for program in PROGRAMS:
                with self.subTest(f"{target} {program}"):
                    listed = json.loads(zlib.decompress(elf.read(folder / program).section(".dep-v0")))
                    names = {package["name"] for package in listed["packages"]}
                    self.assertLessEqual({program, "tokio", "rustls", "ring"}, names)

    def test_a_charge_goes_to_a_substation_that_dns_knows(self):
        for target, folder in stages().items():
            before = command(target)
            if before is None:
                self.skipTest(f"no emulator runs programs of {target} here (Debian: qemu-user-static)")
            with self.subTest(target), tempfile.TemporaryDirectory() as scratch:
                self.serve(before, folder, Path(scratch))

    def serve(self, before, folder, scratch):
        """Proxy and substation, and a request through both."""
        names = Names()
        self.addCleanup(names.socket.close)
        substation = Running(*before, folder / "substation", "--listen", "127.0.0.1:0", "--capacity-kw", "500")
        self.addCleanup(substation.end)
        port = substation.find(r"listening on http://127\.0\.0\.1:(\d+)")
        file = scratch / "switchyard.yaml"
        file.write_text(f"listen: 127.0.0.1:0\nadmin: {{listen: 127.0.0.1:0}}\n"
                        f"discovery: {{dns: [{{name: sites.grid.test, port: {port}, resolver: '{names.address}'}}]}}\n"
                        "load: {metric: substation_current_load, interval: 100ms}\n", encoding="utf-8")
        proxy = Running(*before, folder / "switchyard", "run", "--config", file)
        self.addCleanup(proxy.end)
        charges = proxy.find(r"charge requests address=(127\.0\.0\.1:\d+)")
        admin = proxy.find(r"admin port address=(127\.0\.0\.1:\d+)")
        self.until(lambda: self.ask(admin, "GET", "/ready")[0] == 200, lambda: proxy.said)
        self.assertIn("sites\x04grid\x04test", names.asked)
        status, body = self.ask(charges, "POST", "/request_charge", '{"power_kw": 22}')
        self.assertEqual(status // 100, 2, body)
        page = self.ask(f"127.0.0.1:{port}", "GET", "/metrics")[1]
        self.assertRegex(page, r"(?m)^substation_current_load(?:\{.*\})? 22$")
        # The C library's own look-up of names, by /etc/hosts.
        done = subprocess.run([*before, folder / "requester", "steady", "--target", f"http://localhost:{charges.split(':')[1]}",
                               "--rate", "20", "--duration", "1s", "--power-kw", "0.1", "--quiet", "--output", "/dev/null",
                               "--fail-if", "lost>0", "--fail-if", "errors>0"], capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(proxy.end(), 0, proxy.said)

    def ask(self, address, method, path, body=None):
        """Status and body of an answer."""
        connection = http.client.HTTPConnection(address, timeout=20)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def until(self, holds, what, seconds=60):
        """Waits until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, what())
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main()
