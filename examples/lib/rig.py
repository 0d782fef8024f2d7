"""What the examples share: programs on free ports, waits that have an end, and a summary that says what was expected.

Only Python's standard library, so that an example runs from a fresh clone.
"""

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

# Longer than anything here takes on a busy machine, in seconds.
PATIENCE = 60


class Failed(Exception):
    """The example can't go on."""


def until(what, condition, patience=PATIENCE):
    """Waits until `condition()` is true, and returns its value."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"after {patience} s still not true: {what}")
        time.sleep(0.02)


def text(url):
    """The text of a page."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


def gauge(page, name):
    """The sum of the series of this name on a metrics page."""
    values = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", page, re.MULTILINE)
    return sum(float(value) for value in values)


def ask(address, method, path, body=None, headers=None):
    """One request over a connection of its own. Returns the status, the headers and the JSON of the answer, if it is some."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        said = answer.read()
        try:
            said = json.loads(said)
        except ValueError:
            said = said.decode(errors="replace")
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, said
    finally:
        connection.close()


class Program:
    """A program that runs, with its log."""

    def __init__(self, name, process, log):
        self.name, self.process, self._log = name, process, log

    def log(self):
        """What it has written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def find(self, pattern, count=1):
        """Waits until its log has `count` matches of the pattern, and returns the first group of each."""
        def found():
            matches = re.findall(pattern, self.log())
            if len(matches) >= count:
                return matches
            if self.process.poll() is not None:
                raise Failed(f"{self.name} has ended with {self.process.returncode}:\n{self.log()}")
            return None

        return until(f"{self.name} says {pattern}", found)

    def end(self, signum=signal.SIGTERM):
        """Ends it, if it has not ended."""
        if self.process.poll() is None:
            self.process.send_signal(signum)
        try:
            self.process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Proxy:
    """The proxy of an example: where it takes requests, and its admin port."""

    def __init__(self, program):
        self.program = program
        self.address = program.find(r"Listening for charge requests.*?address=(\S+)")[0]
        self.admin = program.find(r"Listening on the admin port.*?address=(\S+)")[0]
        until("the proxy is ready", self._is_ready)

    def _is_ready(self):
        try:
            return text(f"http://{self.admin}/ready") is not None
        except OSError:
            return False

    def status(self):
        """What `/status` says."""
        return json.loads(text(f"http://{self.admin}/status"))

    def estimates(self):
        """The load of each substation that the proxy believes in, by name."""
        return {one["name"]: one["estimated_load"] for one in self.status()["substations"]}


class Example:
    """One run: its programs, which end with it, and what was expected of it."""

    def __init__(self, options, running):
        self.seconds, self.stays = options.seconds, options.stay
        self.options = options
        self.here = Path(sys.argv[0]).parent
        self.folder = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="switchyard-example-")))
        self.failed = []
        self._running = running

    def listen(self, configured):
        """Where a program should listen: any free port, or, with --stay, the address that the configuration has."""
        return configured if self.stays else "127.0.0.1:0"

    @staticmethod
    def binary(name):
        """A program of this repository."""
        path = Path(os.environ.get("EXAMPLE_BINARIES", "target/release"), name).resolve()
        if not path.exists():
            raise Failed(f"there is no {path}: without EXAMPLE_BINARIES this example builds it")
        return str(path)

    def start(self, name, *command, **more):
        """Starts a program, which ends with the example."""
        path = self.folder / f"{name}.log"
        log = self._running.enter_context(open(path, "wb"))
        process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
        program = Program(name, process, path)
        self._running.callback(program.end)
        return program

    def python(self, name, script, *arguments):
        """Starts a script of the example's folder."""
        return self.start(name, sys.executable, "-B", "-u", self.here / script, *arguments)

    def substations(self, addresses, *arguments):
        """Starts simulated substations that listen one port after the other; returns their addresses."""
        program = self.start("substation", self.binary("substation"), "--listen", self.listen(addresses[0]),
                             "--count", len(addresses), *arguments)
        return program.find(r"listening on http://(\S+)", len(addresses))

    def configuration(self, name, replacements):
        """A file of the example with what stands in it replaced, to be used in its place. Returns its path."""
        said = (self.here / name).read_text(encoding="utf-8")
        for old, new in replacements.items():
            if old not in said:
                raise Failed(f"{name} has no {old}")
            said = re.sub(rf"{re.escape(old)}(?!\d)", new, said)
        path = self.folder / name
        path.write_text(said, encoding="utf-8")
        return path

    def proxy(self, replacements, listen="127.0.0.1:8080", admin="127.0.0.1:9901"):
        """Starts the proxy by switchyard.yaml, with what stands in it replaced: addresses by those that programs have."""
        own = {} if self.stays else {listen: "127.0.0.1:0", admin: "127.0.0.1:0"}
        path = self.configuration("switchyard.yaml", {**own, **replacements})
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in self.options.add)
        return Proxy(self.start("switchyard", self.binary("switchyard"), "run", "--config", path))

    @staticmethod
    def say(*words):
        """A line about what happens."""
        print(*words, flush=True)

    def table(self, head, rows):
        """Rows in columns."""
        lines = [[str(cell) for cell in row] for row in [head, *rows]]
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        self.say()
        for line in lines:
            cells = [cell.ljust(width) if at == 0 else cell.rjust(width)
                     for at, (cell, width) in enumerate(zip(line, widths, strict=True))]
            self.say("  " + "  ".join(cells))
        self.say()

    def expect(self, what, holds):
        """Says whether something is as it should be."""
        self.say(f"  {'ok' if holds else 'FAILED':<6} {what}")
        if not holds:
            self.failed.append(what)

    def stay(self, proxy):
        """With --stay, keeps everything running until Ctrl-C."""
        if self.stays:
            self.say(f"\nThe proxy is at http://{proxy.address}, its live page at http://{proxy.admin}/. Ctrl-C ends all.")
            threading.Event().wait()


def main(show, description, seconds):
    """Runs an example: `show(example)`. Exits with 1 if an expectation does not hold."""
    parser = argparse.ArgumentParser(prog=f"examples/{Path(sys.argv[0]).parent.name}/run.sh", description=description,
                                     epilog="EXAMPLE_BINARIES names a folder with the programs; without it they are built.")
    parser.add_argument("--seconds", type=float, default=seconds, metavar="N",
                        help="how long the main part takes (default: %(default)s)")
    parser.add_argument("--stay", action="store_true",
                        help="use the addresses in the configuration, and keep everything running afterwards")
    parser.add_argument("--add", action="append", default=[], metavar="LINE",
                        help="a line that the proxy's configuration gets besides, as in --add 'policy: round_robin'")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with contextlib.ExitStack() as running:
            example = Example(options, running)
            try:
                show(example)
            except Failed as failure:
                example.expect(str(failure), False)
            if example.failed:
                sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
