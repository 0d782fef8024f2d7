"""Where the time goes, by the kernel's clock: perf samples with the stacks of both sides, put into a table's rows."""

import re
from collections import Counter, namedtuple

from . import parts

# One frame of a stack: where it is (in its file for programs), its name, what it belongs to.
Place = namedtuple("Place", "offset symbol object")
Sample = namedtuple("Sample", "thread places")  # places: innermost first

SEND_CLIENTS, SEND_SUBSTATIONS = "kernel: sending to clients", "kernel: sending to substations"
READ_CLIENTS, READ_SUBSTATIONS = "kernel: receiving from clients", "kernel: receiving from substations"
WAIT, KERNEL = "kernel: waiting (epoll)", "kernel: the rest"
ALLOCATOR, LIBC, CLOCK = "allocator", "libc", "reading the clock (vdso)"
LOOKING = "main thread: scrapes, admin port"
ROWS = (SEND_CLIENTS, SEND_SUBSTATIONS, READ_CLIENTS, READ_SUBSTATIONS, WAIT, KERNEL,
        *parts.ALL, ALLOCATOR, LIBC, CLOCK, LOOKING)

FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \((.*)\)$")
SENDS = re.compile(r"sys_(sendto|sendmsg|write|writev)$")
READS = re.compile(r"sys_(recvfrom|recvmsg|read|readv)$")
WAITS = re.compile(r"sys_epoll_\w+$")
ALLOCATES = re.compile(r"^_?mi_|^(malloc|free|calloc|realloc)$")
WORKER = "worker-"


def parse(text):
    """What perf script prints with -F comm,tid,ip,sym,dso."""
    samples, current = [], None
    for line in text.splitlines():
        frame = FRAME.match(line)
        if frame:
            current.places.append(Place(int(frame[1], 16), frame[2], frame[3]))
        elif line.strip():
            current = Sample(line.rsplit(None, 1)[0].strip(), [])
            samples.append(current)
    return [sample for sample in samples if sample.places]


def is_kernel(place):
    """Whether it is the system's code."""
    return place.object.startswith("[kernel") or place.object.endswith(".ko]") or place.object == "[guest.kernel.kallsyms]"


def row(sample, binary, frames_of):
    """The row that a sample belongs to. `frames_of(offset)` are the frames that lie in each other at an offset of `binary`."""
    if not sample.thread.startswith(WORKER):
        return LOOKING
    innermost = sample.places[0]
    if is_kernel(innermost):
        return _kernel(sample, binary, frames_of)
    if innermost.object.startswith("[vdso"):
        return CLOCK
    if ALLOCATES.search(innermost.symbol):
        return ALLOCATOR
    if innermost.object != binary:
        return LIBC
    return parts.of_chain(_stack(sample, binary, frames_of)) or parts.REST


def _kernel(sample, binary, frames_of):
    inside = [place.symbol for place in sample.places if is_kernel(place)]
    for pattern, [clients, substations] in ((SENDS, (SEND_CLIENTS, SEND_SUBSTATIONS)),
                                            (READS, (READ_CLIENTS, READ_SUBSTATIONS)), (WAITS, (WAIT, WAIT))):
        if any(map(pattern.search, inside)):
            is_exchange = any(parts.is_exchange(frame) for frame in _stack(sample, binary, frames_of))
            return substations if is_exchange else clients
    return KERNEL


def _stack(sample, binary, frames_of):
    """All frames of ours and of what we use, those that were inlined too, innermost first."""
    for depth, place in enumerate(sample.places):
        if place.object == binary:
            yield from frames_of(_within(place, depth))


def _within(place, depth):
    # A caller is noted by where it goes on, which may be another's code already.
    return place.offset - (depth > 0)


def offsets(samples, binary):
    """All places in `binary` that rows may be asked of."""
    return {_within(place, depth) for sample in samples for depth, place in enumerate(sample.places)
            if place.object == binary}


def shares(samples, binary, frames_of):
    """Row → its share of the samples."""
    counted = Counter(row(sample, binary, frames_of) for sample in samples)
    return {name: counted[name] / len(samples) for name in ROWS if counted[name]}
