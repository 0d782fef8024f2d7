"""Facts about the machine that a reader of a result needs. Nothing that names the machine or its folders."""

import hashlib
import os
import platform
import subprocess
from pathlib import Path


def facts():
    """Processor, cores, memory, kernel."""
    return {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
    }


def _first(path, key):
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return None


def build(program):
    """What tells one build of a program from another."""
    try:
        return hashlib.sha256(program.read_bytes()).hexdigest()[:16]
    except OSError:
        return "none"


def commit():
    """The measured commit, with `+` behind it if the sources differ from it."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "--short=10", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", ":/", ":(exclude,top)bench/results")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(directory, *arguments):
    done = subprocess.run(["git", *arguments], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.strip()
