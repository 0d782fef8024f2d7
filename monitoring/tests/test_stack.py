"""The whole stack in a rush hour: does every panel show something, and do the alerts say what is so, and nothing else?

On containers where there is a Docker engine, else with the same programs on loopback. It runs where `STACK_BINARIES` says
where the programs are; `STACK=local` or `STACK=docker` chooses.
"""

import os
import time
import unittest

from monitoring.lib import promql, sources
from monitoring.lib.local import Local
from monitoring.lib.prometheus import until

BINARIES = os.environ.get("STACK_BINARIES")
ALWAYS = {"Watchdog"}
# What the rush hour offers: a car every 20 ms for half a minute, most of them in its middle.
RUSH_HOUR = ("--hours", "16:00-22:00", "--sessions", "600", "--duration", "30s", "--energy-kwh", "4", "--power-kw", "11")


@unittest.skipUnless(BINARIES, "STACK_BINARIES does not say where the programs are")
class Stack(unittest.TestCase):
    """One story: each part begins where the one before ended."""

    def test_a_rush_hour_and_what_the_monitoring_makes_of_it(self):
        with Local(BINARIES) as stack:
            self.stack, self.prometheus = stack, stack.prometheus
            for part in (self.all_is_found, self.every_expression_has_data, self.more_are_found,
                         self.one_that_hangs_is_told, self.one_that_is_gone_is_told):
                began = time.monotonic()
                part()
                print(f"  {part.__name__}: {time.monotonic() - began:.0f} s", flush=True)

    def all_is_found(self):
        until("all targets are up", lambda: self.up("substation") == 3 and self.up("switchyard") == 1)

    def every_expression_has_data(self):
        start = time.time()
        report = self.stack.rush_hour(*RUSH_HOUR)
        end = time.time()
        self.assertEqual(self.prometheus.alerts(), ALWAYS, "nothing is wrong")
        asked = 0
        for expression in sources.expressions():
            text = promql.filled(expression.text)
            for measured in promql.quantities(text) if expression.only_at_times else [text]:
                with self.subTest(expression.where, expression=measured):
                    found = list(self.prometheus.series(measured, start, end))
                    self.assertTrue(any(values for _, values in found), "no data")
                    asked += 1
        print(f"  {asked} expressions asked", flush=True)
        self.assertGreater(asked, 80)
        # And what they show is what was told to the cars.
        booked = report["answers"]["200"]
        self.assertGreater(booked, 400)
        for counter in ('switchyard_requests_total{result="booked"}', "substation_sessions_started_total"):
            until(f"{counter} says {booked}", lambda counter=counter: self.prometheus.value(f"sum({counter})") == booked)
        self.assertLess(self.prometheus.value("max_over_time(switchyard:imbalance:ratio[20s])"), 2)

    def more_are_found(self):
        self.stack.scale(5)
        until("all five are scraped", lambda: self.up("substation") == 5)

    def one_that_hangs_is_told(self):
        name = self.stack.pause()
        told = {"SubstationDown", "LoadSampleStale", "LoadPollFailing"}
        until(f"{told} fire", lambda: told <= self.prometheus.alerts())
        self.assertFalse(self.prometheus.alerts() & {"SubstationMissing", "SubstationsFewer", "ProxyDown"})
        self.stack.resume(name)
        quiet = {"SubstationDown", "LoadSampleStale"}
        until(f"{quiet} are silent again", lambda: not quiet & self.prometheus.alerts())

    def one_that_is_gone_is_told(self):
        self.stack.stop()
        until("four are left", lambda: self.up("substation") == 4)
        until("SubstationsFewer fires", lambda: "SubstationsFewer" in self.prometheus.alerts())
        self.assertNotIn("SubstationDown", self.prometheus.alerts())

    def up(self, job):
        return list(self.prometheus.targets(job).values()).count("up")


if __name__ == "__main__":
    unittest.main()
