"""The rows of samples, on samples of a real run."""

import unittest
from pathlib import Path

from lib import parts, perf, symbols

SAMPLES = Path(__file__).resolve().parent / "samples"
BINARY = "/build/dist/switchyard"


class Rows(unittest.TestCase):
    def setUp(self):
        self.samples = perf.parse((SAMPLES / "perf-script.txt").read_text())
        chains = symbols.parse((SAMPLES / "addr2line.txt").read_text())
        # Addresses as linked are a page above the offsets in the file.
        self.frames_of = lambda offset: chains[offset + 0x1000]

    def test_a_sample_has_its_thread_and_its_frames_innermost_first(self):
        self.assertEqual(len(self.samples), 11)
        first = self.samples[0]
        self.assertEqual(first.thread, "worker-0")
        self.assertTrue(perf.is_kernel(first.places[0]))
        self.assertEqual(first.places[14], (0x10aba4, "__send", "/lib/libc.so.6"))

    def test_each_sample_has_its_row(self):
        rows = [perf.row(sample, BINARY, self.frames_of) for sample in self.samples]
        self.assertEqual(rows, [
            perf.SEND_CLIENTS, perf.SEND_SUBSTATIONS, perf.READ_SUBSTATIONS, perf.READ_CLIENTS, perf.WAIT,
            perf.ALLOCATOR, perf.CLOCK, perf.LIBC, parts.CHOICE,
            # Scanning headers counts for the part that calls it.
            parts.ENCODE, perf.MAIN_THREAD])

    def test_kernel_work_outside_these_calls_has_its_own_row(self):
        sample = perf.Sample("worker-0", [perf.Place(1, "exit_to_user_mode_loop", "[kernel.kallsyms]")])
        self.assertEqual(perf.row(sample, BINARY, self.frames_of), perf.KERNEL)

    def test_shares_are_of_all_samples_and_in_the_order_of_the_table(self):
        shares = perf.shares(self.samples, BINARY, self.frames_of)
        self.assertAlmostEqual(sum(shares.values()), 1.0)
        self.assertEqual(list(shares), [row for row in perf.ROWS if row in shares])
        self.assertAlmostEqual(shares[perf.SEND_CLIENTS], 1 / 11)

    def test_a_caller_counts_at_its_call_not_at_its_return_address(self):
        places = [perf.Place(0x100, "a", BINARY), perf.Place(0x200, "b", BINARY), perf.Place(0x300, "c", "/lib/libc.so.6")]
        self.assertEqual(perf.offsets([perf.Sample("worker-0", places)], BINARY), {0x100, 0x1ff})


if __name__ == "__main__":
    unittest.main()
