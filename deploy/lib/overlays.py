"""The chart beside the overlays of kustomize: which values correspond to which overlay, and where the objects differ."""

import re

from . import chart, helm, manifests

# The files of deploy/chart/overlays that correspond to each overlay, in their order.
OVERLAYS = {
    "base": ("base",),
    "overlays/production": ("base", "production"),
    "overlays/fleet": ("base", "production", "fleet"),
    "overlays/keda": ("base", "production", "keda"),
}
# A chart prefixes the names of its objects with the release's.
RENAMED = {"switchyard-substation": "substation"}
# Lists whose items are known by a key, not by their place.
KEYS = ("name", "mountPath", "topologyKey", "alert", "record", "type")


def values(overlay):
    """The values of an overlay."""
    made = {}
    for name in OVERLAYS[overlay]:
        made = chart.merged(made, chart.read(chart.OVERLAYS / f"{name}.yaml"))
    return made


def fields(thing, path=""):
    """All fields of an object, by path: `spec.containers[switchyard].image`."""
    if isinstance(thing, dict) and thing:
        for key, value in thing.items():
            yield from fields(value, f"{path}.{key}" if path else str(key))
    elif isinstance(thing, list) and thing:
        for at, item in enumerate(thing):
            yield from fields(item, f"{path}[{_place(item, at, thing)}]")
    else:
        yield path, thing


def _place(item, at, among):
    for key in KEYS:
        if isinstance(item, dict) and key in item and [one.get(key) for one in among].count(item[key]) == 1:
            return item[key]
    return at


def named(objects):
    """Objects by kind and name, as kustomize calls them; the configuration is read as YAML."""
    found = {}
    for thing in objects:
        name = thing["metadata"]["name"]
        if thing["kind"] == "ConfigMap":
            thing = {**thing, "data": {key: chart.yaml.safe_load(text) for key, text in thing["data"].items()}}
        found[f"{thing['kind']} {RENAMED.get(name, name)}"] = dict(fields(thing))
    return found


def differences(overlay, with_helm):
    """Every field that differs, as (place, kustomize's value, the chart's); an absent one is None."""
    theirs = named(manifests.build(overlay))
    ours = named(helm.objects(with_helm.render(chart.CHART, values(overlay))))
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in ours or name not in theirs:
            yield name, "present" if name in theirs else None, "present" if name in ours else None
            continue
        for path in sorted(theirs[name].keys() | ours[name].keys()):
            if theirs[name].get(path) != ours[name].get(path):
                yield f"{name}: {path}", theirs[name].get(path), ours[name].get(path)


def accepted(place, entries=None):
    """The entries of the list of differences that a place belongs to."""
    return [one["what"] for one in entries or chart.read(chart.DIFFERENCES) if re.search(one["places"], place)]
