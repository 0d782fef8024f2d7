"""The Helm chart's generated parts: the schema of its values, the alerts, and the tables of its README.

`python3 -m deploy.lib.chart` writes them; a test fails if they differ from what they are made of.
"""

import copy
import functools
import json
import re

import yaml

from monitoring.lib import sources

from .standins import ROOT

FOLDER = ROOT / "deploy" / "chart"
CHART = FOLDER / "switchyard"
VALUES = CHART / "values.yaml"
# The values that correspond to each of kustomize's overlays, and what they mean.
OVERLAYS = FOLDER / "overlays"
DIFFERENCES = FOLDER / "differences.yaml"
PROXY_SCHEMA = ROOT / "config" / "switchyard.schema.json"


@functools.cache
def read(path):
    """A YAML file as Python values, which are shared."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def merged(ours, theirs):
    """Values of two files, as Helm puts them together: maps are merged, all else is replaced."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return theirs
    return {**ours, **{key: merged(ours.get(key), value) for key, value in theirs.items()}}


def schema():
    """The JSON Schema of the values. `config` is what the proxy's own schema says, without what makes a file complete."""
    made = copy.deepcopy(read(FOLDER / "schema.yaml")["schema"])
    proxy = json.loads(PROXY_SCHEMA.read_text(encoding="utf-8"))
    incomplete = {key: value for key, value in proxy.items() if key not in ("$schema", "title", "anyOf", "required")}
    # What the chart adds: a store without an address, a state without a file, a certificate without its authority.
    for section in ("fleet", "state"):
        incomplete["properties"][section].pop("required", None)
    made["properties"]["config"] = _without_lookahead(incomplete)
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _without_lookahead(thing):
    """A schema in which names that a pattern leaves out by `(?!…)` are refused apart: Helm's patterns are those of Go."""
    if isinstance(thing, list):
        return [_without_lookahead(item) for item in thing]
    if not isinstance(thing, dict):
        return thing
    made = {key: _without_lookahead(value) for key, value in thing.items()}
    for pattern in list(made.get("patternProperties", {})):
        ahead = re.fullmatch(r"\^\(\?!(.*\$)\)(.*)", pattern)
        if ahead:
            made["patternProperties"][f"^{ahead[2]}"] = made["patternProperties"].pop(pattern)
            made["patternProperties"][f"^({ahead[1]})"] = False
    return made


def rules():
    """The groups of rules, for prometheus-operator."""
    head = "# Generated from monitoring/prometheus/rules by `python3 -m deploy.lib.chart`: edit those.\n"
    return head + yaml.safe_dump({"groups": list(sources.groups())}, sort_keys=False, allow_unicode=True, width=120)


def documented():
    """Every value as (path, default, comment), in the order of the file. A map that is empty or has a comment of its own
    and no comments inside is one value."""
    text = VALUES.read_text(encoding="utf-8")
    lines = text.splitlines()

    def comment(mark):
        found, at = [], mark.line - 1
        while at >= 0 and re.match(rf" {{{mark.column}}}# ", lines[at]):
            found.insert(0, lines[at].strip()[2:])
            at -= 1
        return " ".join(found)

    def walk(node, path):
        for key, value in node.value:
            where, said = f"{path}{key.value}", comment(key.start_mark)
            inner = isinstance(value, yaml.MappingNode) and value.value and not value.flow_style
            if inner and not _opaque(where):
                if said:
                    yield where, None, said
                yield from walk(value, where + ".")
            else:
                yield where, yaml.safe_load(yaml.serialize(value)), said

    return list(walk(yaml.compose(text), ""))


def _opaque(path):
    """Is this a map whose keys are Kubernetes' own?"""
    node = read(FOLDER / "schema.yaml")["schema"]
    for key in path.split("."):
        node = node["properties"][key]
    return "properties" not in node or set(node["properties"]) == {"requests", "limits", "claims"}


def values_table():
    """The table of all values."""
    rows = ["| value | default | meaning |", "| --- | --- | --- |"]
    for path, default, said in documented():
        shown = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
        rows.append(f"| `{path}` | {shown} | {said.replace('|', '¦')} |")
    return "\n".join(rows)


def differences_table():
    """The table of differences between the chart and the overlays of kustomize."""
    rows = ["| where | kustomize | chart | why |", "| --- | --- | --- | --- |"]
    for one in read(DIFFERENCES):
        rows.append(f"| {one['what']} | {one['kustomize']} | {one['chart']} | {one['why']} |")
    return "\n".join(rows)


def readme(text):
    """The README with its generated parts anew."""
    for mark, table in (("values", values_table()), ("differences", differences_table())):
        text = re.sub(rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)", lambda found, table=table: found[1] + table + "\n" + found[2], text, flags=re.S)
    return text


def generated():
    """The contents of all generated files, by path."""
    return {
        CHART / "values.schema.json": schema(),
        CHART / "files" / "rules.yaml": rules(),
        CHART / "README.md": readme((CHART / "README.md").read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    for path, content in generated().items():
        path.write_text(content, encoding="utf-8")
