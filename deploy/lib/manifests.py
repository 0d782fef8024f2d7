"""What kustomize makes of deploy/kubernetes, and whether the API it is meant for would take it."""

import json
import re
import shutil
import subprocess

import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator

from .standins import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
# The oldest whose kubelet sleeps before it ends a container by itself, and the newest that is known here.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
OPERATOR = {"ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule}


def kustomize():
    """The command that builds, if there is one that is new enough: `labels` and `components` came with version 4."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if not shutil.which("kubectl"):
        return None
    said = subprocess.run(["kubectl", "version", "--client", "--output=json"], capture_output=True, text=True, check=False)
    version = re.search(r"v(\d+)", json.loads(said.stdout or "{}").get("kustomizeVersion", ""))
    return ["kubectl", "kustomize"] if version and int(version[1]) >= 5 else None


def build(name):
    """The objects of a base or an overlay."""
    done = subprocess.run([*kustomize(), FOLDER / name], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stderr}")
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def faults(thing):
    """Why the API would not take an object, or would not take it as it was meant."""
    if thing["apiVersion"].startswith("monitoring.coreos.com/"):
        yield from _operators(thing)
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {error}"


def _operators(thing):
    """The types refuse a wrong value and pass over a key that they don't know, so what they read is compared."""
    try:
        read = OPERATOR[thing["kind"]].model_validate(thing)
    except ValueError as error:
        yield str(error)
        return
    yield from _lost(thing, read.model_dump(by_alias=True, exclude_unset=True, mode="json"), thing["kind"])


def _lost(given, read, where):
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            if key not in read:
                yield f"{where}.{key}: is no key here"
            else:
                yield from _lost(value, read[key], f"{where}.{key}")
    elif isinstance(given, list) and isinstance(read, list):
        for at, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from _lost(one, other, f"{where}[{at}]")
