"""What the operating system says a process tree has used: CPU time and memory, from /proc."""

import os
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")
STAT_UTIME, STAT_STIME, STAT_PPID = 11, 12, 1  # counted from the field after the command's name


def _stat(pid):
    with open(f"/proc/{pid}/stat") as stat:
        # The command's name may hold blanks and brackets; what counts stands behind its last bracket.
        return stat.read().rpartition(")")[2].split()


def tree(root):
    """The process and all its descendants (nginx has a master and a worker)."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat(entry)[STAT_PPID]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass  # ended while we looked
    pids = [root]
    for pid in pids:
        pids.extend(children.get(pid, []))
    return pids


def cpu_seconds(root):
    """User and system time of the tree, ended threads included; steps of one tick (10 ms)."""
    return sum(int(fields[STAT_UTIME]) + int(fields[STAT_STIME]) for fields in map(_stat, tree(root))) / TICK


def _kib(path, key):
    with open(path) as lines:
        for line in lines:
            if line.startswith(key):
                return int(line.split()[1])
    raise KeyError(f"{key} in {path}")


def peak_kib(root):
    """Peak resident memory, summed over the tree."""
    return sum(_kib(f"/proc/{pid}/status", "VmHWM:") for pid in tree(root))


def resident_kib(root):
    """Resident memory now, summed over the tree. Exact, where VmRSS may lag by hundreds of KiB."""
    return sum(_kib(f"/proc/{pid}/smaps_rollup", "Rss:") for pid in tree(root))


@dataclass
class Machine:
    """CPU seconds of the whole machine since boot."""

    busy: float
    total: float

    @classmethod
    def now(cls):
        """Reads /proc/stat."""
        with open("/proc/stat") as stat:
            user, nice, system, idle, iowait, irq, softirq, steal = map(int, stat.readline().split()[1:9])
        busy = user + nice + system + irq + softirq + steal
        return cls(busy / TICK, (busy + idle + iowait) / TICK)
