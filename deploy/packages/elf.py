"""What a program says of itself, as readelf prints it."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

MACHINES = {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "aarch64"}


@dataclass
class Elf:
    """One program."""

    path: Path
    machine: str
    needed: list
    interpreter: str
    glibc: tuple

    def section(self, name):
        """The bytes of a section."""
        text = _readelf("--section-headers", "--wide", self.path)
        found = re.search(rf"\s{re.escape(name)}\s+\w+\s+[0-9a-f]+\s+([0-9a-f]+)\s+([0-9a-f]+)", text)
        if not found:
            raise AssertionError(f"{self.path} has no section {name}")
        offset, size = (int(word, 16) for word in found.groups())
        with open(self.path, "rb") as file:
            file.seek(offset)
            return file.read(size)


def read(path):
    """What a program needs."""
    text = _readelf("--file-header", "--program-headers", "--dynamic", "--wide", path)
    machine = re.search(r"Machine:\s+(.+)", text).group(1)
    interpreter = re.search(r"interpreter: (.+)\]", text)
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", _readelf("--version-info", "--wide", path))
    return Elf(Path(path), MACHINES.get(machine, machine), re.findall(r"\(NEEDED\).*\[(.+)\]", text),
               interpreter and interpreter.group(1), max((tuple(map(int, version)) for version in versions), default=None))


def _readelf(*arguments):
    return subprocess.run(["readelf", *arguments], check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
