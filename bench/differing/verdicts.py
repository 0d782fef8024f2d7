"""What a difference means. One in which ours is laxer than another, or reads otherwise, needs a reason, or is a bug."""

from dataclasses import dataclass

from . import readers
from .outcome import ANSWERS, PASSED, REQUESTS

# Why ours may pass on what another refuses or reads in another way.
KNOWN = {
    (REQUESTS, "an empty line before the request"): "RFC 9112 §2.2 asks a server to ignore it",
    (REQUESTS, "Content_Length (underscore)"): "a header like any other, and no length; nginx leaves out every name with `_`",
    (REQUESTS, "every character of a token in a name"): "RFC 9110 §5.6.2 allows them; nginx leaves the header out",
    (REQUESTS, "Connection: X-A"): "RFC 9110 §7.6.1: what Connection names ends here; the others pass it on",
    (REQUESTS, "X_Forwarded_For (underscore)"): "a server behind CGI takes it for X-Forwarded-For, so it is left out as that is",
    (REQUESTS, "a broken escape"): "a path goes on as it came; HAProxy and h11 take it too",
    (REQUESTS, "a method in small letters"): "methods are tokens and may be any; HAProxy and h11 take it too",
    (REQUESTS, "TRACE"): "a method like any other, which `routes[].methods` can leave out",
    (ANSWERS, "100 before the answer"): "RFC 9110 §15.2: a client must take it",
    (ANSWERS, "103 before the answer"): "RFC 9110 §15.2: a client must take it",
    (ANSWERS, "103 with Content-Length"): "an interim answer has no body, and the length is not passed on",
    (ANSWERS, "a blank before the colon"): "RFC 9112 §5.1 asks a proxy to remove the blank; charges refuse it",
    (ANSWERS, "Content-Length with a blank before the colon"): "RFC 9112 §5.1 asks a proxy to remove the blank; charges refuse it",
    (ANSWERS, "a folded header"): "RFC 9112 §5.2: it is passed on unfolded; charges refuse it",
    (ANSWERS, "an empty line before the answer"): "Pingora skips it, as HAProxy does; charges refuse it",
    (ANSWERS, "a chunk extension with a bare LF"): "the body is framed anew, and what follows an answer is not used; charges refuse it",
    (ANSWERS, "a trailer without a colon"): "trailers of answers are not passed on; charges refuse it",
}


@dataclass(frozen=True)
class Verdict:
    """What a case has shown."""
    is_difference: bool
    is_stricter: bool  # ours refuses what another passes on
    laxer_than: tuple  # those that refuse, or read otherwise, what ours passes on
    words: str
    is_bug: bool


def of(kind, case, outcomes):
    """The verdict on a case with these outcomes by reader."""
    ours = {name: outcomes[name] for name in readers.OURS if name in outcomes}
    others = {name: outcome for name, outcome in outcomes.items() if name not in readers.OURS}
    poisoned = [name for name, outcome in ours.items() if outcome.is_poisoned]
    passed = [outcome for outcome in ours.values() if outcome.what == PASSED]
    laxer_than = tuple(name for name, other in others.items() if any(not one.is_same(other) for one in passed))
    is_stricter = any(one.what != PASSED for one in ours.values()) and any(
        outcome.what == PASSED for outcome in outcomes.values())
    reason = KNOWN.get((kind, case), "")
    words = "a client got what was meant for another" if poisoned else reason
    if laxer_than and not words:
        words = f"laxer than {' and '.join(laxer_than)}"
    is_bug = bool(poisoned) or bool(laxer_than) and not reason
    return Verdict(bool(laxer_than) or is_stricter, is_stricter, laxer_than, words, is_bug)
