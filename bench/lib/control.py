"""Is the machine still as fast as before? A short run without a proxy, before and after what is measured.

Everything shares a few cores, often those of a virtual machine, and a neighbour takes part of them without a trace in
the measurement itself. So the same load goes to the same substations directly, and if its rate changed, what was measured
in between is void. What the kernel does report, the CPU time of other programs and of other machines on the same host
(`steal`), voids a single cell.
"""

from . import wrk
from .points import USUAL

SECONDS = 1
# How far the two rates may be apart, as a part of the larger.
MOST_APART = 0.15
# The share of the machine that others may use during a cell.
MOST_FOREIGN = 0.10


class Control:
    """The control runs of a bench, on its usual fleet."""

    def __init__(self, fleets):
        self._fleet = fleets.of(USUAL.substations, USUAL.answer_after)
        self._last = None
        self.rates = []

    def before(self):
        """The rate before a group of measurements: that after the group before, if there was one."""
        return self._last or self.after()

    def after(self):
        """Measures the rate, in requests a second."""
        load = wrk.run(f"http://127.0.0.1:{self._fleet.first}/charge", USUAL.connections, SECONDS)
        self._last = load.rate
        self.rates.append(load.rate)
        return load.rate


def apart(before, after):
    """How far two rates are apart, as a part of the larger."""
    return abs(before - after) / max(before, after)


def spoiled(cell):
    """Whether others used so much of the machine that the cell says as much about them."""
    return cell.foreign_cpu > MOST_FOREIGN
