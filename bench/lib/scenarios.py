"""What is asked of every way, as a table: scenarios, each with the points at which it looks.

A point that several scenarios share is measured once. The usual point is the one from which each scenario departs in one
respect.
"""

from dataclasses import dataclass

AT_ONCE = ("0s",)
ONE_SLOW = ("0s", "0s", "50ms")


@dataclass(frozen=True)
class Point:
    """One set of circumstances in which every way is measured."""

    connections: int = 64
    threads: int = 1  # of the proxy
    substations: int = 3
    answer_after: tuple = AT_ONCE  # goes round the substations
    steady: bool = False  # at a constant rate, else as fast as the answers come

    @property
    def key(self):
        """Its name in a result: what is said of every point, and where it departs from the usual one."""
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
    axis: str  # what the labels of its points are
    points: tuple = ()  # (label, point)
    before: tuple = ()  # points that are needed to measure these
    direct: bool = False  # also without a proxy


CONNECTIONS = Scenario(
    "connections", "How many clients at once", "connections",
    (("1", Point(connections=1)), ("8", Point(connections=8)), ("64", USUAL), ("512", Point(connections=512))), direct=True)
LATENCY = Scenario(
    "latency", "Latency at a constant rate, from when each request was meant to leave", "load",
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
    """All points of the scenarios, each once, those that others need before them."""
    found = {}
    for scenario in scenarios:
        found.update(dict.fromkeys(scenario.before))
        found.update(dict.fromkeys(point for _, point in scenario.points))
    return list(found)


def direct_points(scenarios):
    """Those that are measured without a proxy too."""
    return {point for scenario in scenarios if scenario.direct for _, point in scenario.points}
