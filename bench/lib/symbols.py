"""The chain of inlined functions at an address, innermost first, by binutils.

A release build inlines most of what a request runs, so the function that contains an address says little. The debug
information, which our builds keep for backtraces, says what was inlined there.
"""

import subprocess
from collections import namedtuple

from .processes import BenchError

Frame = namedtuple("Frame", "function file")

# Addresses for one run of addr2line.
CHUNK = 2000
LIMIT_SECONDS = 120


def chains(binary, addresses):
    """Address (as linked) → its chain of frames, innermost first."""
    found = {}
    wanted = sorted(set(addresses))
    for at in range(0, len(wanted), CHUNK):
        part = wanted[at:at + CHUNK]
        asked = "".join(f"{address:#x}\n" for address in part)
        found.update(parse(_run(["addr2line", "-a", "-f", "-i", "-C", "-e", str(binary)], asked)))
    return found


def parse(output):
    """Reads the output of addr2line -a -f -i -C: an address, then for each frame its function and its file:line."""
    found, frames, function = {}, None, None
    for line in output.splitlines():
        if line.startswith("0x"):
            frames = found.setdefault(int(line, 16), [])
            function = None
        elif function is None:
            function = line
        else:
            frames.append(Frame(function, line.partition(" (discriminator")[0].rpartition(":")[0]))
            function = None
    return found


def segments(binary):
    """The loaded segments of a program: (offset in the file, address, size)."""
    return parse_segments(_run(["readelf", "-lW", str(binary)], ""))


def parse_segments(output):
    """Reads the output of readelf -lW."""
    rows = [line.split() for line in output.splitlines()]
    return [(int(row[1], 16), int(row[2], 16), int(row[4], 16)) for row in rows if row[:1] == ["LOAD"]]


def address(loaded, offset):
    """The address, as linked, of an offset in the file. perf reports offsets."""
    for start, first, size in loaded:
        if start <= offset < start + size:
            return first + offset - start
    return offset


def _run(argv, asked):
    try:
        done = subprocess.run(argv, input=asked, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{argv[0]}: {error}; install binutils, which comes with a C compiler") from error
    if done.returncode != 0:
        raise BenchError(f"{argv[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout
