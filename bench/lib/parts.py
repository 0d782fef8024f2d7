"""What an instruction was run for: which part of the proxy, by the source it comes from.

Code of ours and of the two frameworks names its part. What everybody uses (the standard library, bytes, httparse,
memcpy) names none: it was run for whoever called it.
"""

import re

TOKIO, PINGORA, REST = "tokio and mio", "Pingora", "the rest"
WAY_IN = "way in: is it a plain charge, its id, its deadlines"
CHARGE = "charge: its JSON"
CHOICE = "choice and ledger: choose, reserve, settle, learn"
WAY = "way of the request: attempts, retries, keys, what is in force"
EXCHANGE = "exchange: whose turn, who writes, who reads"
ENCODE = "codec: the request to the substation"
DECODE = "codec: its answer"
REPLY = "reply: the answer to the client"
METRICS = "metrics"
OURS = (WAY_IN, CHARGE, CHOICE, WAY, EXCHANGE, ENCODE, DECODE, REPLY, METRICS)
ALL = (*OURS, PINGORA, TOKIO, REST)

# The first that fits; None where it was run for its caller.
SOURCES = [(re.compile(pattern), part) for pattern, part in [
    (r"/registry/src/[^/]+/(tokio|tokio-[a-z]+|mio)-\d", TOKIO),
    (r"/registry/src/[^/]+/pingora-[a-z-]+-\d", PINGORA),
    (r"/registry/src/[^/]+/prometheus-\d", METRICS),
    (r"/registry/src/|/rustc/", None),
    (r"proxy/src/metrics", METRICS),
    (r"proxy/src/dispatch/charge\.rs", CHARGE),
    (r"proxy/src/dispatch/(choose|decisions)\.rs", CHOICE),
    (r"balance/src/|proxy/src/grid", CHOICE),
    (r"proxy/src/dispatch/(exchange/forwarded|hop_by_hop)\.rs|proxy/src/codec/request\.rs", ENCODE),
    (r"proxy/src/dispatch/exchange", EXCHANGE),
    (r"proxy/src/dispatch/reply\.rs", REPLY),
    (r"proxy/src/dispatch/(ingress|plain|connection|in_hand|request_id|watchdog|admission)\.rs", WAY_IN),
    # Headers are looked through on the way in, for the substation and for the client.
    (r"proxy/src/dispatch/head\.rs|proxy/src/codec/head\.rs|proxy/src/clock\.rs", None),
    (r"proxy/src/dispatch", WAY),
    (r"proxy/src/codec", DECODE),
]]
# Of the file that is else the decoder's.
EVERYBODYS = {"end_of_head", "headers", "header"}


def of_frame(frame):
    """The part that a frame names, or None."""
    for pattern, part in SOURCES:
        if pattern.search(frame.file):
            return None if part is DECODE and frame.function.rpartition("::")[2] in EVERYBODYS else part
    return None


def of_chain(frames):
    """The part of frames that lie in each other, innermost first: that of the first that names one."""
    return next((part for part in map(of_frame, frames) if part), None)


def is_exchange(frame):
    """Whether it is of what is done with a substation's connection."""
    return "proxy/src/dispatch/exchange" in frame.file
