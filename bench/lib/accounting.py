"""CPU time, memory and sockets of a process tree, from Linux's /proc."""

import os
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")
STAT_UTIME, STAT_STIME, STAT_PPID = 11, 12, 1  # indices of the fields behind the command's name


def _stat(pid):
    with open(f"/proc/{pid}/stat") as stat:
        # The command's name may contain blanks and brackets; the numbers come after its last bracket.
        return stat.read().rpartition(")")[2].split()


def tree(root):
    """The process and all of its descendants (nginx has a master and a worker)."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat(entry)[STAT_PPID]), []).append(int(entry))
            except (FileNotFoundError, ProcessLookupError):
                pass  # it ended meanwhile
    pids = [root]
    for pid in pids:
        pids.extend(children.get(pid, []))
    return pids


class CpuTime:
    """CPU time of each thread of a process tree so far, to the nanosecond if the kernel reports it.

    Ticks of 10 ms are too coarse for a proxy that works little in a measurement of two seconds.
    """

    def __init__(self, root):
        self._threads = {}
        for pid in tree(root):
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    self._threads[pid, task] = _thread_seconds(pid, task)
            except (FileNotFoundError, ProcessLookupError):
                pass  # it ended meanwhile

    def since(self, before):
        """Seconds since `before`. Threads that ended meanwhile are missing; servers keep theirs."""
        return sum(seconds - before._threads.get(thread, 0.0) for thread, seconds in self._threads.items())


def _thread_seconds(pid, task):
    try:
        with open(f"/proc/{pid}/task/{task}/schedstat") as schedstat:
            return int(schedstat.read().split()[0]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        fields = _stat(f"{pid}/task/{task}")  # no schedstat in this kernel, or the thread has ended, which raises again
        return (int(fields[STAT_UTIME]) + int(fields[STAT_STIME])) / TICK


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
    """Resident memory now, summed over the tree. Exact; VmRSS may lag by hundreds of KiB."""
    return sum(_kib(f"/proc/{pid}/smaps_rollup", "Rss:") for pid in tree(root))


def sockets(pid):
    """The number of open sockets of a process."""
    count = 0
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{entry}").startswith("socket:")
        except FileNotFoundError:
            pass  # it was closed meanwhile
    return count


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
