"""The three images, from the Dockerfile: whole, or with programs that are built already.

To compile in a container takes minutes, to see whether an image holds what its program needs takes seconds. So the stages that
compile can be left out: what they would leave in /out is laid out by the same script from programs that are here, and the rest
of the Dockerfile is built as it stands.
"""

import re
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from . import standins
from .standins import ROOT, docker

TARGETS = ("switchyard", "substation", "requester")
NAMES = {"switchyard": "proxy"}  # what Compose and Kubernetes call an image, where the program has another name
DOCKERFILE = ROOT / "Dockerfile"
# The first stage of what is shipped; all before it compiles.
SHIPPED = re.compile(r"^FROM scratch AS ", re.M)


def bases():
    """The images that the Dockerfile begins with, by name."""
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M))
    return named - stages - {"scratch"}


def shipped():
    """The Dockerfile from the first image that is shipped on."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    return text[SHIPPED.search(text).start():]


def build(binaries, prefix):
    """Builds all three as PREFIX/TARGET:test, of the programs in `binaries`; returns their names by target."""
    compiled = f"{prefix}/compiled:test"
    with tempfile.TemporaryDirectory() as folder:
        for program in TARGETS:
            small = Path(folder, "stripped", program)
            small.parent.mkdir(exist_ok=True)
            shutil.copy(Path(binaries, program), small)
            subprocess.run(["strip", small], check=True)
            subprocess.run([ROOT / "deploy/docker/rootfs.sh", small, Path(folder, "root/out", program)], check=True)
        pack = ["tar", "-C", f"{folder}/root", "--owner=0", "--group=0", "-c", "."]
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            docker("import", "-", compiled, stdin=packed.stdout)
        named = {}
        for target in TARGETS:
            named[target] = f"{prefix}/{target}:test"
            made = f"FROM {compiled} AS build\n{shipped()}"
            # Nothing but the stage before is copied from, so there is nothing to send along.
            docker("build", "--target", target, "--tag", named[target], "-", input=made, timeout=300)
    docker("rmi", compiled)
    return named


def whole(prefix="switchyard", tag="test"):
    """Builds all three as they are shipped; the base is pulled, or stood in for."""
    stood_in = [base for base in bases() if standins.ensure(base, standins.rust)]
    for base in stood_in:
        print(f"{base} can't be pulled: Debian with the Rust that is installed here stands in for it. "
              f"It is kept, since to make it takes minutes: docker rmi {base}", flush=True)
    # A stand-in comes from a machine whose network may be its own; a container on it sees the same.
    network = ["--network", "host"] if stood_in else []
    for target in TARGETS:
        name = f"{prefix}/{NAMES.get(target, target)}:{tag}"
        docker("build", *network, "--target", target, "--tag", name, str(ROOT), timeout=3600)
        size = int(docker("image", "inspect", "--format", "{{.Size}}", name)) / 1e6
        said = docker("run", "--rm", "--network", "none", name, "--version")
        print(f"{name}: {size:.1f} MB, {said}", flush=True)


def remove(named):
    """Removes them."""
    docker("rmi", "--force", *named.values())


if __name__ == "__main__":
    whole(tag=tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"])
