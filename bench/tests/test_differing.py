"""How odd requests and answers are judged, without a proxy."""

import unittest

from differing import answers, outcome, readers, requests, table, verdicts
from differing.outcome import ANSWERS, REQUESTS


class Seen:
    def __init__(self, target="/r/x", body=b"", headers=(), fault="", is_cut=False):
        self.method, self.target, self.body, self.headers = "POST", target, body, list(headers)
        self.fault, self.is_cut = fault, is_cut


def passed(*seen):
    return outcome.of_request([*seen, Seen("/r/probe")], 200, True)


REFUSED = outcome.of_request([], 400, True)


class OutcomeOfARequest(unittest.TestCase):
    def test_is_what_has_reached_the_server_whichever_way_in(self):
        plain = passed(Seen(body=b"{}"))
        self.assertEqual(plain.what, outcome.PASSED)
        self.assertTrue(plain.is_same(passed(Seen("/charge", b"{}", [(b"Host", b"a"), (b"Via", b"1.1 x")]))))
        self.assertFalse(plain.is_same(passed(Seen(body=b"{}", headers=[(b"X-A", b"b")]))))
        self.assertFalse(plain.is_same(passed(Seen(body=b"{}"), Seen("/r/smuggled"))))

    def test_is_a_refusal_also_where_the_body_was_cut_off(self):
        self.assertEqual(REFUSED.what, outcome.REFUSED)
        cut = outcome.of_request([Seen(is_cut=True, fault="peer closed")], 400, True)
        self.assertEqual((cut.what, cut.shown), (outcome.REFUSED, "400, cut off"))
        self.assertEqual(outcome.of_request([], None, True).shown, "closes")

    def test_is_waiting_while_nothing_was_said(self):
        self.assertEqual(outcome.of_request([], None, False).what, outcome.WAITS)


class Verdicts(unittest.TestCase):
    def judged(self, ours, other, case="some case"):
        return verdicts.of(REQUESTS, case, {readers.OURS_CHARGE: REFUSED, readers.OURS_ROUTE: ours, readers.NGINX: other})

    def test_to_be_stricter_is_no_bug(self):
        verdict = self.judged(REFUSED, passed(Seen()))
        self.assertEqual((verdict.is_stricter, verdict.is_bug), (True, False))

    def test_to_be_laxer_or_to_read_otherwise_is_one_without_a_reason(self):
        for other in (REFUSED, passed(Seen(body=b"x"))):
            verdict = self.judged(passed(Seen()), other)
            self.assertEqual((verdict.laxer_than, verdict.is_bug), ((readers.NGINX,), True))
        (_, known), reason = next(iter(verdicts.KNOWN.items()))
        verdict = self.judged(passed(Seen()), REFUSED, known)
        self.assertEqual((verdict.words, verdict.is_bug), (reason, False))

    def test_an_answer_to_another_client_always_is(self):
        case = next(case for kind, case in verdicts.KNOWN if kind == ANSWERS)
        poisoned = outcome.of_answer(200, b"ab", "", True, True)
        self.assertTrue(verdicts.of(ANSWERS, case, {readers.OURS_CHARGE: poisoned}).is_bug)

    def test_every_reason_is_of_a_case(self):
        cases = {(REQUESTS, case.name) for case in requests.ALL} | {(ANSWERS, case.name) for case in answers.ALL}
        self.assertEqual(len(cases), len(requests.ALL) + len(answers.ALL), "two cases have one name")
        self.assertLessEqual(set(verdicts.KNOWN), cases)


class Tables(unittest.TestCase):
    def test_have_a_row_for_each_difference(self):
        same = {name: passed(Seen()) for name in (readers.OURS_ROUTE, readers.H11)}
        laxer = same | {readers.H11: REFUSED}
        block = table.block({(REQUESTS, "one"): same, (REQUESTS, "two"): laxer}, "h11 0.16.0")
        self.assertIn("1 of 2 are the same everywhere", block)
        self.assertIn("| two |  | no body |", block)
        self.assertNotIn("| one |", block)


if __name__ == "__main__":
    unittest.main()
