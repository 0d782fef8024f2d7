"""What a run measures, in which order, and how long that takes."""

import time
from dataclasses import dataclass, replace

from . import scenarios
from .control import SECONDS as CONTROL_SECONDS
from .scenarios import POOLED, TOLERANT

VARIANTS = (POOLED, TOLERANT)
WARM_UP_SECONDS = 1
# To start a proxy, to wait until it is ready, and to end it.
START_SECONDS = 1.0
# Thousands of clients that connect one after another, with TLS too, and the pauses in which memory settles.
IDLE_SECONDS, QUICK_IDLE_SECONDS = 12, 4


@dataclass(frozen=True)
class Group:
    """All measurements of one point in one round. They are compared, so they are repeated together too."""

    round: int
    point: object
    ways: tuple  # in the order in which they are measured


def groups(chosen, rounds, available, done=(), quick=False):
    """The groups of a run, in order. In each round the ways at a point are measured in an order that rotates.

    `available` are the ways that this machine has; `done` are (point's key, way, round) that need no measurement.
    A quick run has only the last point of each scenario and those that it needs, and ours only as it is shipped.
    """
    if quick:
        chosen = [replace(scenario, points=scenario.points[-1:]) for scenario in chosen]
        available = [way for way in available if way not in VARIANTS]
    done, found = set(done), []
    for number in range(1, rounds + 1):
        for point in scenarios.points(chosen):
            ways = [way for way in scenarios.ways(chosen, point) if way in available]
            turn = (number - 1) % max(len(ways), 1)
            left = tuple(way for way in ways[turn:] + ways[:turn] if (point.key, way, number) not in done)
            if left:
                found.append(Group(number, point, left))
    return found


def seconds(group, each, quick=False):
    """About how long a group takes: `each` seconds of load for a measurement, for some points several times that."""
    warm_up, times = (0, 1) if quick else (WARM_UP_SECONDS, group.point.times)
    return len(group.ways) * (warm_up + each * times + START_SECONDS) + CONTROL_SECONDS * (not quick)


class Progress:
    """Prints where the run is and how long it will still take, by the plan and by how fast it has been so far."""

    def __init__(self, chosen, rounds, planned):
        self._chosen, self._rounds = chosen, rounds
        self._left, self._spent = planned, 0.0
        self._began = time.monotonic()

    def say(self, group, text):
        """Prints a line about a measurement of a group, or about what has no load if that is None."""
        where = "after the rounds"
        if group:
            where = (f"round {group.round} of {self._rounds}, "
                     f"scenario {scenarios.number(self._chosen, group.point)} of {len(self._chosen)}")
        print(f"{where}, {self._ahead()} left: {text}", flush=True)

    def did(self, planned):
        """Notes that so many seconds of the plan are done."""
        self._left -= planned
        self._spent += planned

    def _ahead(self):
        factor = (time.monotonic() - self._began) / self._spent if self._spent >= 30 else 1.0
        left = max(self._left, 0.0) * factor
        return f"about {left / 60:.0f} min" if left >= 90 else f"about {left:.0f} s"
