"""Helm: the library of Helm itself if setup.sh could install it, else the program.

Both are the real thing. The library comes first because its version is pinned, and because it renders in a millisecond
where the program takes a process for each rendering.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

# Where setup.sh installs it, beside the Python that runs this.
FOLDER = Path(sys.prefix).parent / "helm-library"


class Refused(Exception):
    """Helm's reason for not rendering a chart."""


class Library:
    """Helm's own code, as a library."""

    def __init__(self, package):
        self.package = package
        self.charts = {}

    def __str__(self):
        return f"Helm {self.package.helm_sdk_version()}, as a library"

    def render(self, chart, values=None, name="switchyard", namespace="switchyard"):
        """The text of each template."""
        if chart not in self.charts:
            self.charts[chart] = self.package.Chart.load(chart)
        try:
            return self.charts[chart].render(values or {}, name=name, namespace=namespace)
        except self.package.HelmError as error:
            raise Refused(str(error)) from None

    def lint(self, chart, values=None):
        """What `helm lint --strict` complains of."""
        report = self.package.lint(chart, values or {}, strict=True)
        # An icon is recommended, at the lowest level.
        return [f"{found['path']}: {found['error']}" for found in report["messages"] if found["severity"] > 1]

    def package_chart(self, chart, folder):
        """Packs a chart as `helm package` does, and returns the archive."""
        return Path(self.package.package(chart, destination=folder))


class Program:
    """The program on the PATH."""

    def __str__(self):
        return "the program helm " + self._run("version", "--short").strip()

    @staticmethod
    def _run(*arguments, values=None):
        done = subprocess.run(["helm", *map(str, arguments)], input=values, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise Refused(done.stderr + done.stdout)
        return done.stdout

    def render(self, chart, values=None, name="switchyard", namespace="switchyard"):
        """The text of each template; notes are left out, as `helm template` does."""
        text = self._run("template", name, chart, "--namespace", namespace, "--values", "-", values=json.dumps(values or {}))
        found = {}
        for part in re.split(r"(?m)^---$", text):
            source = re.search(r"(?m)^# Source: (\S+)$", part)
            if source:
                found[source[1]] = found.get(source[1], "") + "---\n" + part
        return found

    def lint(self, chart, values=None):
        """What `helm lint --strict` complains of."""
        try:
            self._run("lint", chart, "--strict", "--values", "-", values=json.dumps(values or {}))
        except Refused as error:
            return re.findall(r"\[(?:WARNING|ERROR)\].*", str(error)) or [str(error)]
        return []

    def package_chart(self, chart, folder):
        """Packs a chart, and returns the archive."""
        self._run("package", chart, "--destination", folder)
        return next(Path(folder).glob("*.tgz"))


@contextlib.contextmanager
def quietly():
    """Leaves out what the library says on standard error of values that are wrong on purpose."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def find():
    """Helm, or None if there is none."""
    for site in FOLDER.glob("lib/python*/site-packages"):
        sys.path.append(str(site))
        try:
            import helm_python
            return Library(helm_python)
        except (ImportError, OSError):
            sys.path.remove(str(site))
    return Program() if shutil.which("helm") else None


# Ten times as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def objects(rendered):
    """All objects of a rendering."""
    found = []
    for source, text in rendered.items():
        if source.endswith((".yaml", ".yml")):
            found += [thing for thing in yaml.load_all(text, LOADER) if thing]
    return found
