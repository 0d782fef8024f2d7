"""Which part of the proxy an instruction belongs to, by the source file that it was compiled from.

Each file of ours belongs to a part, and so does the code of Pingora, tokio and mio. Code that everything uses (the
standard library, bytes, httparse, memcpy) belongs to no part: it counts for its caller. A file of ours that no rule
names is `UNASSIGNED`, which `make profile` refuses; a test finds most of them without a profile.
"""

import re

WAY_IN = "ingress: fast path, request id, deadlines"
CHARGE = "the charge's JSON"
CHOICE = "selection and ledger: choose, reserve, settle, learn"
DISPATCH = "dispatch: attempts, retries, idempotency keys, snapshot"
UPSTREAM = "upstream: connections, order on them, writes and reads"
ENCODE = "codec: the request to the substation"
DECODE = "codec: its answer"
REPLY = "reply: the answer to the client"
METRICS = "metrics"
TOKIO, PINGORA, REST = "tokio and mio", "Pingora", "other"
UNASSIGNED = "code of ours in no part (bench/lib/parts.py)"
OURS = (WAY_IN, CHARGE, CHOICE, DISPATCH, UPSTREAM, ENCODE, DECODE, REPLY, METRICS)
ALL = (*OURS, PINGORA, TOKIO, UNASSIGNED, REST)

# The first pattern that fits decides. None: the code counts for its caller.
RULES = [(re.compile(pattern), part) for pattern, part in [
    (r"/registry/src/[^/]+/(tokio|tokio-[a-z]+|mio)-\d", TOKIO),
    (r"/registry/src/[^/]+/pingora-[a-z-]+-\d", PINGORA),
    (r"/registry/src/[^/]+/prometheus-\d", METRICS),
    (r"/registry/src/|/rustc/", None),
    # Each crate registers its own metric families.
    (r"(crates/[a-z0-9-]+|proxy)/src/(.*/)?metrics(/|\.rs)|crates/telemetry/src/", METRICS),
    (r"crates/(balance|grid|gauge|scrape|selection)/src/", CHOICE),
    (r"crates/http1/src/(.*/)?(request|forwarded|hop_by_hop)\.rs", ENCODE),
    (r"crates/(upstream|transport)/src/|proxy/src/dispatch/connections\.rs", UPSTREAM),
    # Headers are scanned on the way in, for the substation and for the client.
    (r"crates/http1/src/headers\.rs", None),
    (r"crates/http1/src/whole_request\.rs", WAY_IN),
    (r"crates/http1/src/", DECODE),
    # Not on a request's path, or used from several parts of it: small functions that are inlined into their callers.
    (r"proxy/src/(access_log|admin|carried|fleet|in_charge|lib|lifecycle|limits|log_filter|reload|server|sync|systemd|traces)(/|\.rs)", None),
    (r"proxy/src/(.*/)?charge(/|\.rs)", CHARGE),
    (r"proxy/src/(.*/)?(select|decisions|needs)\.rs", CHOICE),
    (r"proxy/src/(.*/)?reply\.rs", REPLY),
    (r"proxy/src/(.*/)?(ingress|client_connection|client_stream|client_watch|client_shares|buffered|spare_buffers|in_flight|request_id|deadline_timer|admission|stream_client|streams)(/|\.rs)", WAY_IN),
    (r"proxy/src/(dispatch|runtime|snapshot)(/|\.rs)|crates/(clients|idempotency)/src/", DISPATCH),
    # The same for crates.
    (r"crates/(access-log|address|bounded|charts|command-line|config|credentials|discovery|faults|fetch|file-watch|fleet|handover|inference-mock|interleavings|limits|manual|module-graph|pingora|process|promql|revision|simulator|state|status|survey|switchyard|target-groups|tls|top|traces|wire)"
     r"/src/", None),
    (r"(requester|substation)/src/", None),
]]
FIRST_PARTY = re.compile(r"(^|/)(crates/[a-z0-9-]+|proxy|requester|substation)/src/.*\.rs$")
# Functions that scan headers in a file that otherwise belongs to the decoder.
HEADER_SCANS = {"end_of_head", "headers", "header"}


def of_frame(frame):
    """The part of a frame; None if it counts for its caller, `UNASSIGNED` if it is ours and no rule names its file."""
    for pattern, part in RULES:
        if pattern.search(frame.file):
            return None if part is DECODE and frame.function.rpartition("::")[2] in HEADER_SCANS else part
    return UNASSIGNED if FIRST_PARTY.search(frame.file) else None


def of_chain(frames):
    """The part of a chain of inlined frames, innermost first: that of the first frame that has one."""
    return next((part for part in map(of_frame, frames) if part), None)


def unassigned(chains):
    """The files of ours that no rule names, in any of the chains."""
    return sorted({frame.file for chain in chains for frame in chain if of_frame(frame) == UNASSIGNED})


def is_upstream(frame):
    """Whether a frame belongs to the exchange with a substation."""
    return "crates/upstream/src/" in frame.file
