"""What the bench's commands share: where the programs are, the form of the command line, and how a command ends."""

import argparse
import os
import signal
import sys
from pathlib import Path

from .processes import BenchError

ROOT = Path(__file__).resolve().parents[2]
# What is measured is what is shipped, so it is built with the profile `dist`.
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
BINARIES = TARGET / "dist"
# Where scripts/setup.sh installs the proxies that the bench compares with, in the order in which they are looked for:
# those of a newer Debian, those that cargo built, those that come as Python packages.
PROGRAMS = [TARGET / "bench-peers/debian/bin", TARGET / "bench-peers/bin", TARGET / "bench-tools/bin"]
RESULTS = ROOT / "bench/results"


def parser(description):
    """A parser that prints the module's documentation as it is written, and takes --binaries."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--binaries", type=Path, default=BINARIES, metavar="FOLDER",
                      help="the folder with our programs (target/dist)")
    return made


def positive(text):
    """A whole number from 1 on, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def end_by_signals():
    """Turns SIGTERM and SIGHUP into exceptions, so that every `with` block ends the processes that it started."""
    def interrupted(number, _):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)


def run(name, main):
    """Ends the process with the exit code of `main`: 1 and one line after a `BenchError`, 130 after Ctrl-C."""
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"{name}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
