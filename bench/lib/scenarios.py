"""What is measured: scenarios, each with its points.

A point that several scenarios share is measured once. Each scenario varies one setting of the usual point.
"""

from dataclasses import dataclass

AT_ONCE = ("0s",)
ONE_SLOW = ("0s", "0s", "50ms")


@dataclass(frozen=True)
class Point:
    """The settings of one measurement, the same for every way."""

    connections: int = 64
    threads: int = 1  # of the proxy
    substations: int = 3
    answer_after: tuple = AT_ONCE  # of the first substation, the second, …, and from the start again
    steady: bool = False  # an open loop at a constant rate; else a closed loop

    @property
    def key(self):
        """Its name in a result: the connections, and each setting that differs from the usual point."""
        parts = ["1 connection" if self.connections == 1 else f"{self.connections} connections"]
        if self.threads != USUAL.threads:
            parts.append(f"{self.threads} threads")
        if self.substations != USUAL.substations:
            parts.append(f"{self.substations:,} substations")
        if self.answer_after != USUAL.answer_after:
            parts.append(f"after {'/'.join(self.answer_after)}")
        return ", ".join(parts + ["constant rate"] * self.steady)


USUAL = Point()


@dataclass(frozen=True)
class Scenario:
    """One question, and its table in the report."""

    name: str
    title: str
    axis: str  # what the labels of its points mean
    points: tuple = ()  # (label, point)
    before: tuple = ()  # points that must be measured first
    direct: bool = False  # also measured without a proxy


CONNECTIONS = Scenario(
    "connections", "How many clients at once", "connections",
    (("1", Point(connections=1)), ("8", Point(connections=8)), ("64", USUAL), ("512", Point(connections=512))), direct=True)
LATENCY = Scenario(
    "latency", "Latency at a constant rate, from when each request was due", "load",
    (("half of the slowest", Point(steady=True)),), before=(USUAL,), direct=True)
SLOW = Scenario(
    "slow", "Slow substations", "substations answer after",
    (("0 ms", USUAL), ("5 ms", Point(answer_after=("5ms",))), ("50 ms", Point(answer_after=("50ms",))),
     ("0, 0 and 50 ms", Point(answer_after=ONE_SLOW))))
THREADS = Scenario("threads", "Threads of the proxy", "threads", (("1", USUAL), ("2", Point(threads=2))))
SUBSTATIONS = Scenario(
    "substations", "How many substations", "substations",
    (("3", USUAL), ("100", Point(substations=100)), ("1,000", Point(substations=1000))))
IDLE = Scenario("idle", "Idle clients", "clients")

ALL = (CONNECTIONS, LATENCY, SLOW, THREADS, SUBSTATIONS, IDLE)


def points(scenarios):
    """All points of the scenarios, each once, with those that others need before them."""
    found = {}
    for scenario in scenarios:
        found.update(dict.fromkeys(scenario.before))
        found.update(dict.fromkeys(point for _, point in scenario.points))
    return list(found)


def direct_points(scenarios):
    """The points that are also measured without a proxy."""
    return {point for scenario in scenarios if scenario.direct for _, point in scenario.points}
