"""A client of Prometheus' API."""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request

# Seconds; longer than anything here takes on a busy machine.
PATIENCE = 90


def until(what, condition, patience=PATIENCE):
    """Waits until `condition()` is true, and returns its value; fails with `what` after `patience` seconds."""
    end = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"after {patience} s still not true: {what}")
        time.sleep(0.1)


class Client:
    """Queries one Prometheus."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        """The `data` of an answer of the API."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def ready(self):
        """Whether it is ready."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def series(self, expression, start, end, step=1):
        """The series of an expression over a time range: labels and (time, value) pairs, without NaN and infinities."""
        found = self.get("query_range", query=expression, start=start, end=end, step=step)["result"]
        for series in found:
            values = [(at, float(value)) for at, value in series["values"]]
            yield series["metric"], [(at, value) for at, value in values if math.isfinite(value)]

    def value(self, expression):
        """The value of an expression with one series; None without a series."""
        found = self.get("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def alerts(self, state="firing"):
        """The names of the alerts in a state."""
        return {one["labels"]["alertname"] for one in self.get("alerts")["alerts"] if one["state"] == state}

    def targets(self, job):
        """The targets of a job, and the health of each."""
        found = self.get("targets", state="active")["activeTargets"]
        return {one["labels"]["instance"]: one["health"] for one in found if one["labels"]["job"] == job}
