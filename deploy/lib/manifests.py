"""Builds deploy/kubernetes with kustomize, and checks the objects against the schemas of the API."""

import functools
import json
import re
import shutil
import subprocess

import kubernetes_validate
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as operator

from monitoring.lib import compare

from .standins import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
# The oldest version whose kubelet can sleep before it stops a container, and the newest with a schema here.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
# It reads the schemas of a whole version, some megabytes, for each object.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
# The resources that are not Kubernetes' own.
CUSTOM = {
    "ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule, "ScaledObject": keda.ScaledObject}


def kustomize():
    """The command that builds, or None if none is new enough: `labels` and `components` need version 4."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    if not shutil.which("kubectl"):
        return None
    done = subprocess.run(["kubectl", "version", "--client", "--output=json"], capture_output=True, text=True, check=False)
    version = re.search(r"v(\d+)", json.loads(done.stdout or "{}").get("kustomizeVersion", ""))
    return ["kubectl", "kustomize"] if version and int(version[1]) >= 5 else None


def build(name):
    """All objects of a base or an overlay."""
    done = subprocess.run([*kustomize(), FOLDER / name], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise AssertionError(f"{name}: {done.stderr}")
    return [thing for thing in yaml.safe_load_all(done.stdout) if thing]


def faults(thing):
    """Why the API would refuse an object, or would ignore a part of it."""
    return list(_faults(json.dumps(thing, sort_keys=True)))


# The objects of many renderings are the same.
@functools.cache
def _faults(text):
    thing = json.loads(text)
    if thing["kind"] in CUSTOM:
        return tuple(_customs(thing))
    return tuple(_apis(thing))


def _apis(thing):
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(thing, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {error}"


def _customs(thing):
    """The types refuse wrong values but ignore unknown keys, so this compares what they read with the object."""
    try:
        read = CUSTOM[thing["kind"]].model_validate(thing)
    except ValueError as error:
        yield str(error)
        return
    yield from compare.lost(thing, read.model_dump(by_alias=True, exclude_unset=True, mode="json"), thing["kind"])
