"""A neighbour of the bench is noticed."""

import unittest
from pathlib import Path
from types import SimpleNamespace

from lib import control, plan, rounds
from lib.plan import Group
from lib.points import USUAL
from lib.processes import BenchError
from lib.rig import Rig
from lib.state import State
from tests.cells import cell


class Scripted:
    """Control runs with these rates."""

    def __init__(self, *rates):
        self._rates = list(rates)

    def before(self):
        return self._rates[0]

    def after(self):
        self._rates.pop(0)
        return self._rates[0]


def run(rates, cells, quick=False, spare=1000.0):
    """Measures the usual point for one way, with these control rates and these cells in turn; returns what counts of it."""
    made = rounds.Rounds.__new__(rounds.Rounds)
    made.options, made.state = SimpleNamespace(quick=quick, seconds=2, binaries=Path("bin"), ways=None), State()
    made._rig = Rig(made.options, Path("nowhere"), 1, made.state)
    made._rig.progress = SimpleNamespace(say=lambda group, text: None)
    made._control, made._spare, left = Scripted(*rates), spare, list(cells)

    def load(group, way, fleets):
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found, ""

    made._load = load
    return made._group(Group(1, USUAL, ("nginx",)), None), left, made.state


class Void(unittest.TestCase):
    def test_a_machine_that_stays_as_fast_is_measured_once(self):
        found, left, _ = run([100, 86], [cell("nginx"), cell("nginx", 2)])
        self.assertEqual((found, len(left)), ([cell("nginx")], 1))

    def test_a_group_in_which_the_speed_changed_is_measured_again(self):
        found, left, _ = run([100, 84, 85], [cell("nginx", rate=1.0), cell("nginx", rate=2.0)])
        self.assertEqual((found, left), ([cell("nginx", rate=2.0)], []))

    def test_after_some_repetitions_it_is_marked_and_kept(self):
        found, left, _ = run([100, 50, 100, 50], [cell("nginx", rate=rate) for rate in (1.0, 2.0, 3.0, 4.0)])
        self.assertEqual((found, len(left)), ([cell("nginx", rate=3.0, noisy=True)], 1))

    def test_a_cell_with_foreign_cpu_time_is_measured_again_alone(self):
        most = control.MOST_FOREIGN
        found, left, _ = run([100, 100], [cell("nginx", foreign_cpu=most + .01), cell("nginx", foreign_cpu=most)])
        self.assertEqual((found[0].foreign_cpu, found[0].noisy, left), (most, False, []))
        found, _, _ = run([100, 100], [cell("nginx", foreign_cpu=.5)] * 3)
        self.assertTrue(found[0].noisy)

    def test_repetitions_end_when_their_time_is_used_up(self):
        cells = [cell("nginx", rate=rate) for rate in (1.0, 2.0, 3.0)]
        found, left, _ = run([100, 50, 100, 50], cells, spare=plan.seconds(Group(1, USUAL, ("nginx",)), 2))
        self.assertEqual((found[0].rate, found[0].noisy, len(left)), (2.0, True, 1))

    def test_a_quick_run_repeats_nothing(self):
        found, left, _ = run([], [cell("nginx", foreign_cpu=.5), cell("nginx")], quick=True)
        self.assertEqual((found[0].noisy, len(left)), (False, 1))

    def test_a_failure_leaves_the_way_out_at_that_point(self):
        found, _, state = run([100, 50, 100, 100], [BenchError("it ended"), cell("nginx")])
        self.assertEqual(found, [])
        self.assertEqual(state.failures, [f"nginx failed and is left out from then on: {USUAL.key}"])


class Apart(unittest.TestCase):
    def test_it_is_a_part_of_the_larger(self):
        self.assertEqual((control.apart(100, 85), control.apart(85, 100)), (.15, .15))
