"""Where the CPU time goes: perf's samples with the stacks of kernel and program, sorted into the rows of a table."""

import re
from collections import Counter, namedtuple

from . import parts

# One frame of a stack: its offset (in the file, for programs), its symbol, and the object that it belongs to.
Place = namedtuple("Place", "offset symbol object")
Sample = namedtuple("Sample", "thread places")  # places: innermost first

SEND_CLIENTS, SEND_SUBSTATIONS = "kernel: sending to clients", "kernel: sending to substations"
READ_CLIENTS, READ_SUBSTATIONS = "kernel: receiving from clients", "kernel: receiving from substations"
WAIT, KERNEL = "kernel: waiting (epoll)", "kernel: other"
ALLOCATOR, LIBC, CLOCK = "allocator", "libc", "reading the clock (vdso)"
MAIN_THREAD = "main thread: scrapes, admin port"
ROWS = (SEND_CLIENTS, SEND_SUBSTATIONS, READ_CLIENTS, READ_SUBSTATIONS, WAIT, KERNEL,
        *parts.ALL, ALLOCATOR, LIBC, CLOCK, MAIN_THREAD)

FRAME = re.compile(r"\s+([0-9a-f]+) (.*) \((.*)\)$")
SENDS = re.compile(r"sys_(sendto|sendmsg|write|writev)$")
READS = re.compile(r"sys_(recvfrom|recvmsg|read|readv)$")
WAITS = re.compile(r"sys_epoll_\w+$")
ALLOCATES = re.compile(r"^_?mi_|^(malloc|free|calloc|realloc)$")
WORKER = "worker-"


def parse(text):
    """Reads the output of perf script -F comm,tid,ip,sym,dso."""
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
    """Whether a frame is the kernel's."""
    return place.object.startswith("[kernel") or place.object.endswith(".ko]") or place.object == "[guest.kernel.kallsyms]"


def row(sample, binary, frames_of):
    """The row of a sample. `frames_of(offset)` returns the chain of inlined frames at an offset of `binary`."""
    if not _is_worker(sample):
        return MAIN_THREAD
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


def _is_worker(sample):
    return sample.thread.startswith(WORKER)


def _kernel(sample, binary, frames_of):
    inside = [place.symbol for place in sample.places if is_kernel(place)]
    for pattern, [clients, substations] in ((SENDS, (SEND_CLIENTS, SEND_SUBSTATIONS)),
                                            (READS, (READ_CLIENTS, READ_SUBSTATIONS)), (WAITS, (WAIT, WAIT))):
        if any(map(pattern.search, inside)):
            is_upstream = any(parts.is_upstream(frame) for frame in _stack(sample, binary, frames_of))
            return substations if is_upstream else clients
    return KERNEL


def _stack(sample, binary, frames_of):
    """All frames of the program's file, inlined ones too, innermost first."""
    for depth, place in enumerate(sample.places):
        if place.object == binary:
            yield from frames_of(_within(place, depth))


def _within(place, depth):
    # perf notes a caller by its return address, which may belong to the next statement already.
    return place.offset - (depth > 0)


def offsets(samples, binary):
    """All offsets of `binary` in the stacks of worker threads: those that `row` may look up."""
    return {_within(place, depth) for sample in samples if _is_worker(sample) for depth, place in enumerate(sample.places)
            if place.object == binary}


def shares(samples, binary, frames_of):
    """Row → its share of the samples."""
    counted = Counter(row(sample, binary, frames_of) for sample in samples)
    return {name: counted[name] / len(samples) for name in ROWS if counted[name]}
