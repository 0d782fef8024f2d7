"""A stand-in for a cluster: an API server in memory that keeps what it is given, and runs nothing.

Helm installs into it and upgrades there, so that tests see what Helm does with what is in a cluster already. It says which
resources there are (discovery), and that it checks fields itself, so that Helm leaves that to it.
"""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

# Group and version, and the kinds by the names of their resources.
RESOURCES = {
    "v1": {"secrets": "Secret", "services": "Service", "configmaps": "ConfigMap", "serviceaccounts": "ServiceAccount"},
    "apps/v1": {"deployments": "Deployment", "statefulsets": "StatefulSet"},
    "policy/v1": {"poddisruptionbudgets": "PodDisruptionBudget"},
    "networking.k8s.io/v1": {"networkpolicies": "NetworkPolicy"},
    "autoscaling/v2": {"horizontalpodautoscalers": "HorizontalPodAutoscaler"},
}
VERBS = ["get", "patch", "delete"]


def _resources(version):
    named = [{"name": name, "kind": kind, "namespaced": True, "verbs": VERBS} for name, kind in RESOURCES[version].items()]
    return {"kind": "APIResourceList", "groupVersion": version, "resources": named}


def _groups():
    groups = []
    for version in RESOURCES:
        if "/" in version:
            one = {"groupVersion": version, "version": version.split("/")[1]}
            groups.append({"name": version.split("/")[0], "versions": [one], "preferredVersion": one})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def _folder(version):
    return f"apis/{version}" if "/" in version else f"api/{version}"


def _openapi(version):
    """Only that a PATCH of each kind has the parameter by which the server checks fields."""
    group, _, short = version.rpartition("/")
    paths = {}
    for name, kind in RESOURCES[version].items():
        paths[f"/{name}"] = {"patch": {
            "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}], "responses": {},
            "x-kubernetes-group-version-kind": {"group": group, "version": short, "kind": kind}}}
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "1"}, "paths": paths}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, what, status=200):
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def missing(self):
        self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}, 404)

    def do_PATCH(self):
        """Helm 4 applies objects as a whole, by PATCH."""
        thing = yaml.safe_load(self.rfile.read(int(self.headers["content-length"])))
        key = self.path.split("?")[0]
        thing["metadata"].setdefault("namespace", key.split("/namespaces/")[1].split("/")[0])
        self.server.objects[key] = thing
        self.answer(thing)

    def do_GET(self):
        path, objects = self.path.split("?")[0], self.server.objects
        pages = {"/version": {"major": "1", "minor": "33", "gitVersion": "v1.33.0"}, "/apis": _groups(),
                 "/api": {"kind": "APIVersions", "versions": ["v1"]},
                 "/openapi/v3": {"paths": {_folder(one): {"serverRelativeURL": f"/openapi/v3/{_folder(one)}"} for one in RESOURCES}}}
        for version in RESOURCES:
            pages[f"/{_folder(version)}"] = _resources(version)
            pages[f"/openapi/v3/{_folder(version)}"] = _openapi(version)
        if path in pages:
            self.answer(pages[path])
        elif path in objects:
            self.answer(objects[path])
        else:
            self.missing()

    def do_DELETE(self):
        self.rfile.read(int(self.headers["content-length"]))
        if self.server.objects.pop(self.path.split("?")[0], None):
            self.answer({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        else:
            self.missing()


@contextlib.contextmanager
def running():
    """The server: its `objects` by path, and its `kubeconfig`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.objects = {}
    server.kubeconfig = json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "a", "users": [{"name": "a", "user": {}}],
        "clusters": [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}]})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
