"""A proxy of the bench, as data."""

import signal
from dataclasses import dataclass, field
from typing import Callable, Optional

from .points import CLEAR2, HTTP1, HTTP2, TLS


@dataclass
class Peer:
    """A proxy: its template, and the command that runs it in the foreground on the written file."""

    name: str
    template: str
    command: Callable  # (configuration file, port, threads) → argv
    version: Optional[list] = None  # argv; None if it has no version of its own
    path: str = "/request_charge"
    ready_path: Optional[str] = None  # on the admin port, if the proxy has one
    more: str = ""  # lines for the template's @MORE@
    check: Optional[Callable] = None  # (configuration file) → argv that checks the file
    end: signal.Signals = signal.SIGTERM
    optional: bool = False  # if it is missing, the bench leaves it out without a failure
    # What its listener needs to speak each protocol: values for the template's placeholders, beside those of HTTP/1.1 in
    # clear. A protocol that is not a key is one that it does not speak to clients.
    speaks: dict = field(default_factory=lambda: {HTTP1: {}})
    # The same for substations with TLS; None if the bench does not measure the proxy with them.
    secures: Optional[dict] = None
    # The same for answers that stream; None if the bench does not measure the proxy with them.
    streams: Optional[dict] = None
    note: str = ""  # what a reader must know to compare it: how it chooses, and what it does not do


def speaks(secure, clear2=None):
    """`Peer.speaks` from the values for a listener with TLS, and for one with HTTP/2 in clear if it speaks that."""
    found = {HTTP1: {}, TLS: secure, HTTP2: secure}
    return found | {CLEAR2: clear2} if clear2 is not None else found
