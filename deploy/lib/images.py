"""Builds the three images of the Dockerfile, completely or from programs that are already built.

Compiling in a container takes minutes; testing whether an image holds all that its program needs takes seconds. So
tests can leave out the stages that compile: the same script lays out /out from local programs, and the rest of the
Dockerfile is built unchanged.
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
NAMES = {"switchyard": "proxy"}  # the name of the image in Compose and Kubernetes, if it is not the program's
DOCKERFILE = ROOT / "Dockerfile"
# The first stage that is shipped; the stages before it compile.
SHIPPED = re.compile(r"^FROM scratch AS ", re.M)


def bases():
    """The names of the Dockerfile's base images."""
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M))
    named = set(re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M))
    return named - stages - {"scratch"}


def shipped():
    """The Dockerfile from the first shipped stage on."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    return text[SHIPPED.search(text).start():]


def build(binaries, prefix):
    """Builds all three as PREFIX/TARGET:test, from the programs in `binaries`; returns their names by target."""
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
            # The stages copy only from the stage `build`, so there is no build context to send.
            docker("build", "--target", target, "--tag", named[target], "-", input=made, timeout=300)
    docker("rmi", compiled)
    return named


def whole(prefix="switchyard", tag="test"):
    """Builds all three as they are shipped; a stand-in replaces a base that can't be pulled."""
    stood_in = [base for base in bases() if standins.ensure(base, standins.rust)]
    for base in stood_in:
        print(f"{base} can't be pulled. A stand-in with Debian and the local Rust has its name now. "
              f"It is kept, because making it takes minutes; to remove it:  docker rmi {base}", flush=True)
    # A machine that needs stand-ins may have a network of its own; the build uses it too.
    network = ["--network", "host"] if stood_in else []
    for target in TARGETS:
        name = f"{prefix}/{NAMES.get(target, target)}:{tag}"
        docker("build", *network, "--target", target, "--tag", name, str(ROOT), timeout=3600)
        size = int(docker("image", "inspect", "--format", "{{.Size}}", name)) / 1e6
        version = docker("run", "--rm", "--network", "none", name, "--version")
        print(f"{name}: {size:.1f} MB, {version}", flush=True)


def remove(named):
    """Removes the images that `build` returned."""
    docker("rmi", "--force", *named.values())


if __name__ == "__main__":
    whole(tag=tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"])
