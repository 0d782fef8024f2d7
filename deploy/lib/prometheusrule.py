"""The rules of monitoring/prometheus as the object that prometheus-operator reads.

`python3 -m deploy.lib.prometheusrule` writes it; a test fails if the two differ.
"""

import yaml

from monitoring.lib import sources

PATH = sources.ROOT / "deploy/kubernetes/components/prometheus-operator/prometheusrule.yaml"
HEAD = "# Generated from monitoring/prometheus/rules by `python3 -m deploy.lib.prometheusrule`: edit those.\n"


def content():
    """The content of the file."""
    made = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "switchyard"},
        "spec": {"groups": list(sources.groups())},
    }
    return HEAD + yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    PATH.write_text(content(), encoding="utf-8")
