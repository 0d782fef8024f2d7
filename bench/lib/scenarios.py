"""What is measured: scenarios, each with its points, as data.

A point that several scenarios share is measured once. Each scenario varies one setting of the usual point.
A new scenario is an entry here; a new way to send requests is a setting of `Point` and a branch in lib/loads.py.
"""

from dataclasses import dataclass

from .points import CLEAR2, HTTP1, HTTP2, OPENED, STEADY, TLS, USUAL, Point

OURS, POOLED, TOLERANT, PLAIN, DIRECT = "switchyard", "switchyard-pooled", "switchyard-tolerant", "plain", "direct"
# Proxies that others run too.
PEERS = ("haproxy", "nginx", "envoy", "sozu", "pingap")
# Sōzu keeps a client's connection with one substation, so over kept connections it does not balance requests: less work.
BALANCERS = tuple(peer for peer in PEERS if peer != "sozu")
PROXIES = (OURS, *PEERS)
WAYS = (OURS, POOLED, TOLERANT, *PEERS, PLAIN, DIRECT)


@dataclass(frozen=True)
class Scenario:
    """One question, and its table in the report."""

    name: str
    title: str
    axis: str  # what the labels of its points mean
    points: tuple = ()  # (label, point)
    before: tuple = ()  # points that must be measured first
    ways: tuple = PROXIES  # what is measured at its points
    about: tuple = ()  # lines above its table


CONNECTIONS = Scenario(
    "connections", "How many clients at once", "connections",
    (("1", Point(connections=1)), ("8", Point(connections=8)), ("64", USUAL), ("512", Point(connections=512))),
    ways=(OURS, POOLED, *PEERS, DIRECT))
LATENCY = Scenario(
    "latency", "Latency at a constant rate, from when each request was due", "load",
    (("half of the slowest", Point(load=STEADY, times=3)),), before=(USUAL,), ways=(*PROXIES, DIRECT))
SLOW = Scenario(
    "slow", "Slow substations", "substations answer after",
    (("0 ms", USUAL), ("5 ms", Point(answer_after=("5ms",))), ("50 ms", Point(answer_after=("50ms",)))),
    ways=(OURS, POOLED, "haproxy", "nginx"))
ONE_SLOW = Scenario(
    "one-slow", "One slow substation of three", "substations answer after",
    (("0, 0 and 50 ms", Point(answer_after=("0s", "0s", "50ms"))),
     ("0, 0 and 200 ms", Point(answer_after=("0s", "0s", "200ms"), times=2)),
     ("0, 0 and 1,000 ms", Point(answer_after=("0s", "0s", "1s"), times=2)),
     ("0 ms, the third 200 ms for a while", Point(starved=True, times=3))),
    about=("HAProxy, nginx and Envoy avoid a slow substation, because they prefer the fewest connections or requests under way; "
           "Sōzu keeps each client with one substation, so a third of its clients wait.",
           "We balance the load that sessions leave behind, and give a slow substation no more than its part of the "
           "requests under way (`upstream.max_requests`).",
           "*For a while*: in the middle third of the measurement the third substation is stopped for 190 of every 200 ms, "
           "as a container is that has used up its CPU time."))
THREADS = Scenario("threads", "Threads of the proxy", "threads", (("1", USUAL), ("2", Point(threads=2))),
                   ways=(*PROXIES, PLAIN))
SUBSTATIONS = Scenario(
    "substations", "How many substations", "substations",
    (("3", USUAL), ("100", Point(substations=100)), ("1,000", Point(substations=1000))), ways=(OURS, TOLERANT, *PEERS))
SECURE = Scenario(
    "tls", "HTTPS and HTTP/2, kept connections", "connections × streams",
    (("HTTP/1.1, 64 × 1", Point(protocol=TLS)), ("HTTP/2, 64 × 1", Point(protocol=HTTP2)),
     ("HTTP/2, 8 × 8", Point(8, protocol=HTTP2, streams=8)), ("HTTP/2, 1 × 64", Point(1, protocol=HTTP2, streams=64))),
    about=("h2load sends these, with one thread. TLS 1.3, one ECDSA key (P-256) for all.",))
BEHIND = Scenario(
    "upstream-tls", "TLS to substations", "substations speak", (("HTTP", USUAL), ("HTTPS", Point(secure=True))),
    ways=(OURS, "haproxy", "nginx"),
    about=("Clients speak HTTP/1.1 in clear. TLS 1.3; each proxy checks the certificate and its name, and keeps its connections.",))
CLEAR = Scenario(
    "h2c", "HTTP/2 in clear", "connections × streams", (("8 × 8", Point(8, protocol=CLEAR2, streams=8)),), before=(USUAL,),
    about=("h2load sends these. Sōzu speaks HTTP/2 with TLS only.",))
CHURN = Scenario(
    "churn", "A connection for each request", "clients", (("64", Point(close=True)),),
    about=("Each request says `Connection: close`, so its client connects again for the next.",))
HANDSHAKES = Scenario(
    "handshakes", "TLS handshakes", "new connections", (("400 a second", Point(400, protocol=TLS, load=OPENED)),),
    about=("Each new connection makes a full handshake and one request: CPU time is that of both.",
           "The rate is the same for all; latencies are those of the request, without the handshake."))
BODIES = Scenario(
    "bodies", "Larger charges", "body", (("66 bytes", USUAL), ("4 KiB", Point(body_kib=4)), ("32 KiB", Point(body_kib=32))),
    about=("A charge with one more field, as large as that. Ours reads a charge whole before it chooses; the others stream.",))
KEYED = Scenario(
    "keyed", "Requests with an `Idempotency-Key`", "keys", (("none", USUAL), ("each its own", Point(keyed=True))),
    about=("Ours keeps each key for as long as a client may repeat it; to the others it is a header like any other.",))
IDLE = Scenario("idle", "Idle clients", "clients", ways=(OURS, *PEERS, PLAIN))
STREAMING = (OURS, "haproxy", "nginx", "envoy")
STREAMS = Scenario(
    "streams", "Answers that stream", "events of an answer",
    (("200, one each 2 ms", Point(events=200, gap="2ms", times=2)), ("200, as fast as they can be written", Point(events=200))),
    ways=(*STREAMING, PLAIN, DIRECT),
    about=("Three inference servers answer with server-sent events of some 230 bytes, each written by itself. A request is an "
           "answer of 200 events, counted at the servers; with one each 2 ms, all proxies pass on as many.",
           "HAProxy has `option http-no-delay`: without it the kernel keeps events for up to 200 ms."))
# No load either: lib/streams.py measures these two.
FIRST_BYTE = Scenario("first-byte", "The first byte of an answer to a request of 220 KB", "clients", ways=STREAMING)
SOCKETS = Scenario("websockets", "Open WebSockets", "clients", ways=STREAMING)
# No load: lib/own.py measures it.
OWN = Scenario("own", "What it does beside requests", "figure", ways=(OURS,))

ALL = (CONNECTIONS, LATENCY, SLOW, ONE_SLOW, THREADS, SUBSTATIONS, SECURE, BEHIND, CLEAR, CHURN, HANDSHAKES, BODIES, KEYED, STREAMS, FIRST_BYTE,
       SOCKETS, IDLE, OWN)
# What an idle client speaks, with the protocol of its listener.
IDLE_PROTOCOLS = (HTTP1, TLS, CLEAR2)


def points(scenarios):
    """All points of the scenarios, each once, with those that others need before them."""
    found = {}
    for scenario in scenarios:
        found.update(dict.fromkeys(scenario.before))
        found.update(dict.fromkeys(point for _, point in scenario.points))
    return list(found)


def ways(scenarios, point):
    """What is measured at a point, in the order of the report: what any of the scenarios asks for there."""
    asked = {way for scenario in scenarios if point in scenario.before or point in (own for _, own in scenario.points)
             for way in scenario.ways}
    return [way for way in WAYS if way in asked]


def comparable(point):
    """The peers that do the same work at a point."""
    return PEERS if point.close or point.load == OPENED else BALANCERS


def number(scenarios, point):
    """Which of the scenarios is the first that asks for the point, from 1 on; for progress lines."""
    return next(at for at, scenario in enumerate(scenarios, 1)
                if point in scenario.before or any(point == own for _, own in scenario.points))
