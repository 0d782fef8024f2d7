"""What becomes of an odd request or answer, in a form that can be compared."""

from dataclasses import dataclass

# What proxies add or write anew, which says nothing about how they have read a request.
OWN_HEADERS = {b"host", b"content-length", b"transfer-encoding", b"connection", b"keep-alive", b"te", b"trailer", b"via",
               b"user-agent", b"accept", b"forwarded", b"x-request-id", b"x-forwarded-for", b"x-forwarded-proto",
               b"x-forwarded-host", b"x-answer", b"expect", b"upgrade", b"http2-settings"}
REFUSED, PASSED, WAITS = "refused", "passed", "waits"
# The two kinds of cases.
REQUESTS, ANSWERS = "requests", "answers"


@dataclass(frozen=True)
class Outcome:
    """`what` is compared, `shown` is for people, and `detail` says what was passed on."""
    what: str
    shown: str
    detail: tuple = ()
    is_poisoned: bool = False

    def is_same(self, other):
        """Whether both have read the same."""
        return (self.what, self.detail) == (other.what, other.detail)


def of_request(seen, status, is_closed):
    """The outcome of a request and the probe behind it, from what has reached the server."""
    passed = [one for one in seen if "probe" not in one.target and not one.is_cut]
    if not passed:
        if status is not None and status >= 400:
            # The head had been passed on before the fault came; the server sees the end of the connection within the body.
            return Outcome(REFUSED, f"{status}, cut off" if any(one.is_cut for one in seen) else str(status))
        if all(one.is_cut for one in seen) and not is_closed:
            return Outcome(WAITS, "waits for more")
        return Outcome(REFUSED, "closes" if status is None else f"answers {status} itself")
    detail = tuple(_request(one) for one in passed)
    return Outcome(PASSED, "; ".join(_words(one) for one in detail), detail)


def _request(seen):
    target = seen.target.replace("http://a", "")
    target = "T" if target in ("/charge", "/request_charge", "/r/x") else target
    extra = tuple(sorted((name.lower(), value) for name, value in seen.headers if name.lower() not in OWN_HEADERS))
    return seen.method, target, seen.body, extra, bool(seen.fault)


def _words(request):
    method, target, body, extra, is_unreadable = request
    if is_unreadable:
        return "bytes that are no request"
    words = "" if target == "T" else f"`{target}`"
    if "smuggled" in target:
        words = "**the smuggled request**"
    words = f"{words} {_text(body)}" if body else words or "no body"
    names = " and ".join(_text(name[:16]) for name, _ in extra)
    return f"{words.strip()} with {names}" if names else words.strip()


def of_answer(status, body, fault, is_whole, is_poisoned):
    """The outcome of an answer, from what its client has read."""
    if fault or status is None:
        return Outcome(REFUSED, "closes" if status is None else f"{status}, cut off", (), is_poisoned)
    if status in (502, 503, 504):
        return Outcome(REFUSED, str(status), (), is_poisoned)
    shown = f"{status} {_text(body)}" if body else str(status)
    return Outcome(PASSED, shown if is_whole else f"{shown}, waits", (status, body, is_whole), is_poisoned)


def _text(data):
    text = data.decode("latin-1")
    shown = "".join(char if " " <= char <= "~" and char not in "`|" else f"\\x{ord(char):02x}" for char in text)
    return f"`{shown}`"
