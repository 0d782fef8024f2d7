"""The attacks, what they are judged by, and the table of them."""

from dataclasses import dataclass
from typing import Optional

from .tables import table

HTTP1, HTTP2, TLS, ADMIN = "HTTP/1.1", "HTTP/2", "TLS", "admin port"
OURS = "switchyard"
# Those that a row of ours is compared with. Envoy is shown beside them.
MEASURE = ("nginx", "haproxy")
# Memory is read in pages, and an allocator takes it in larger pieces; less than this is no difference.
NOISE_MIB = 4.0
SLOWDOWN = 2.0
# A p99 below this is the machine's, not the proxy's: two cores also run the attack and the substations.
NOISE_MS = 5.0


@dataclass
class Attack:
    """One row: its name in crates/faults/examples/attack.rs, and how it is shown."""

    name: str
    door: str
    connections: int
    what: str
    unit: str = ""  # what is counted besides bytes
    addresses: int = 8
    pause: float = 0.1  # seconds until a connection that was ended is opened again


ALL = [
    Attack("idle", HTTP1, 4000, "connections that say nothing"),
    Attack("unfinished-head", HTTP1, 600, "a head of 1 MB in one field, unfinished", pause=2),
    Attack("unfinished-fields", HTTP1, 4000, "a head of 14 kB in 38 fields, unfinished"),
    Attack("slow-head", HTTP1, 2000, "a head, a byte each 0.2 s"),
    Attack("endless-head", HTTP1, 2000, "a head without end, a field each 0.2 s"),
    Attack("many-fields", HTTP1, 16, "charges with 60 short fields", "request"),
    Attack("too-many-fields", HTTP1, 16, "charges with 120 short fields", "request"),
    Attack("unfinished-body", HTTP1, 2000, "a body of 60 kB, unfinished"),
    Attack("slow-body", HTTP1, 2000, "a body, a byte each 0.2 s"),
    Attack("tiny-chunks", HTTP1, 16, "chunks of one byte with extensions, without end"),
    Attack("slow-reader", HTTP1, 100, "charges whose answers are not read", "request"),
    Attack("settings", HTTP2, 8, "SETTINGS", "frame"),
    Attack("ping", HTTP2, 8, "PING", "frame"),
    Attack("ping-unread", HTTP2, 8, "PING, its answers unread", "frame"),
    Attack("priority", HTTP2, 8, "PRIORITY", "frame"),
    Attack("window-update", HTTP2, 8, "WINDOW_UPDATE", "frame"),
    Attack("unknown", HTTP2, 8, "frames of no known type", "frame"),
    Attack("empty-data", HTTP2, 8, "empty DATA", "frame"),
    Attack("continuation", HTTP2, 8, "CONTINUATION without end", "frame"),
    Attack("hpack-bomb", HTTP2, 8, "4 kB of HPACK that mean 16 MB", "request"),
    Attack("rapid-reset", HTTP2, 8, "charges that are reset at once", "request"),
    Attack("closed-window", HTTP2, 100, "100 charges each whose answers find no window", "request"),
    Attack("unfinished-bodies", HTTP2, 100, "100 charges each whose bodies never come, from one address", "request",
           addresses=1),
    Attack("idle", TLS, 2000, "connections that say nothing"),
    Attack("tls-half-hello", TLS, 2000, "half a ClientHello"),
    Attack("tls-hello-only", TLS, 500, "a ClientHello and nothing more", pause=2),
    Attack("tls-slow-hello", TLS, 2000, "a ClientHello, a byte each 0.2 s"),
    Attack("tls-endless-hello", TLS, 16, "a handshake message without end"),
    Attack("idle", ADMIN, 4000, "connections that say nothing"),
    Attack("unfinished-head", ADMIN, 600, "a head of 1 MB in one field, unfinished", pause=2),
    Attack("slow-head", ADMIN, 2000, "a head, a byte each 0.2 s"),
]


@dataclass
class Cell:
    """What one attack did to one proxy."""

    attack: str
    door: str
    way: str
    growth_mib: float  # the most memory during the attack, over that before it
    kept_mib: float  # the same a second after it
    ns_per_byte: Optional[float]  # CPU time that the attack took, for each of its bytes; none if it sent too few
    us_per_unit: Optional[float]
    calm_p99_ms: Optional[float]
    p99_ms: Optional[float]  # none if more than a hundredth of the honest charges failed
    failed: int
    sent: int
    raw: dict

    @property
    def slowed(self):
        """Whether honest clients waited more than twice as long as undisturbed, or failed."""
        return self.p99_ms is None or self.p99_ms > max(SLOWDOWN * (self.calm_p99_ms or 0.0), NOISE_MS)


# Fewer bytes than this cost less than a step of the CPU clock.
LEAST_BYTES = 100_000
LEAST_UNITS = 1_000


def cell(attack, way, raw):
    """Reads what the attacker printed."""
    resident, cpu, hostile = raw["resident"], raw["cpu_seconds"], raw["hostile"]
    spent = max(0.0, cpu["attacked"] - cpu["calm"])

    def each(count, least, scale):
        return spent * scale / count if count >= least else None

    return Cell(
        attack=attack.name, door=attack.door, way=way,
        growth_mib=(resident["most"] - resident["before"]) / 2**20,
        kept_mib=(resident["after"] - resident["before"]) / 2**20,
        ns_per_byte=each(hostile["bytes"], LEAST_BYTES, 1e9),
        us_per_unit=each(hostile["units"], LEAST_UNITS, 1e6) if attack.unit else None,
        calm_p99_ms=raw["calm"]["p99_ms"], p99_ms=raw["attacked"]["p99_ms"],
        failed=raw["attacked"]["failed"], sent=raw["attacked"]["sent"], raw=raw)


def losses(cells):
    """Where ours is behind its targets: lines that say by how much."""
    found = []
    for attack in ALL:
        row = {one.way: one for one in cells if (one.attack, one.door) == (attack.name, attack.door)}
        ours = row.get(OURS)
        if ours is None:
            continue
        shown = f"{attack.door}, {attack.what}"
        others = [row[way].growth_mib for way in MEASURE if way in row]
        if others and ours.growth_mib > min(others) + NOISE_MIB:
            found.append(f"{shown}: {ours.growth_mib:.0f} MiB, and {min(others):.0f} at the better of nginx and HAProxy")
        if ours.slowed:
            found.append(f"{shown}: honest p99 {number(ours.p99_ms)} ms, undisturbed {number(ours.calm_p99_ms)}")
    return found


def number(value):
    """A number with about two digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}"


def markdown(cells, ways):
    """The table: a row for each attack, and for each proxy memory, CPU time and honest p99."""
    head = ["door", "attack", "connections"]
    head += [f"{way} {column}" for way in ways for column in ("MiB", "CPU", "p99")]
    rows = []
    for attack in ALL:
        row = {one.way: one for one in cells if (one.attack, one.door) == (attack.name, attack.door)}
        if not row:
            continue
        shown = [attack.door, attack.what, f"{attack.connections:,}"]
        for way in ways:
            one = row.get(way)
            shown += three(attack, one) if one else ["", "", ""]
        rows.append(shown)
    return table(head, rows, texts=2)


def three(attack, one):
    """Memory, CPU time and p99 of a cell."""
    if one.us_per_unit is not None:
        cpu = f"{number(one.us_per_unit)} µs/{attack.unit}"
    else:
        cpu = f"{number(one.ns_per_byte)} ns/B" if one.ns_per_byte is not None else "–"
    waits = f"{number(one.calm_p99_ms)} → {number(one.p99_ms)}"
    return [f"+{number(max(0.0, one.growth_mib))}", cpu, f"**{waits}**" if one.slowed else waits]
