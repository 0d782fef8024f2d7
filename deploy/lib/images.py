"""Builds the three images of the Dockerfile, completely or from programs that are already built.

Compiling in a container takes minutes; testing whether an image holds all that its program needs takes seconds. So
tests can leave out the stages that compile: the same script lays out /out from local programs, and the rest of the
Dockerfile is built unchanged.
"""

import os
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
    found = re.findall(r"^FROM (?:--platform=\S+ )?(\S+) AS (\S+)", DOCKERFILE.read_text(encoding="utf-8"), re.M)
    return {base for base, _ in found} - {stage for _, stage in found} - {"scratch"}


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


def builder():
    """The name of what can build the whole Dockerfile here: it needs cache mounts, which Docker's first builder lacks."""
    if subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0:
        return "buildx"
    if shutil.which("buildah"):
        return "buildah"
    raise standins.Missing("the Dockerfile needs Docker's buildx, or buildah")


def whole(prefix="switchyard", tag="test", arch=None, targets=TARGETS):
    """Builds images as they are shipped, for one processor in Docker's words; a stand-in replaces a base that can't be pulled.

    Returns their names.
    """
    chosen = builder()
    stood_in = [base for base in bases() if standins.ensure(base, standins.rust)]
    for base in stood_in:
        print(f"{base} can't be pulled. A stand-in with Debian and the local Rust has its name now. "
              f"It is kept, because making it takes minutes; to remove it:  docker rmi {base}", flush=True)
        if chosen == "buildah":
            _lend(base)
    # A machine that needs stand-ins may have a network of its own; the build uses it too.
    network = ["--network", "host"] if stood_in else []
    platform = ["--platform", f"linux/{arch}"] if arch else []
    said = [word for name in ("PROFILE", "SWITCHYARD_COMMIT", "SOURCE_DATE_EPOCH") if name in os.environ for word in ("--build-arg", name)]
    if chosen == "buildah":
        # Debian's version does not know by itself on which processor it builds.
        said += ["--build-arg", f"BUILDPLATFORM=linux/{docker('version', '--format', '{{.Server.Arch}}')}"]
    named = []
    for target in targets:
        name = f"{prefix}/{NAMES.get(target, target)}:{tag}"
        words = [*network, *platform, *said, "--target", target, "--tag", name]
        if chosen == "buildx":
            docker("buildx", "build", "--load", *words, str(ROOT), timeout=7200)
        else:
            # It keeps the layers of one target for the next, and hands the image to Docker. Its own format has no health
            # checks.
            _run("buildah", "build", "--layers", "--isolation", "chroot", "--format", "docker", *words, str(ROOT))
            _run("buildah", "push", name, f"docker-daemon:{name}")
        print(f"{name}: {size(name):.1f} MB", flush=True)
        named.append(name)
    return named


def size(name):
    """Megabytes of an image."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", name)) / 1e6


def _run(*command):
    """Runs a command that says what it does; fails if it does."""
    subprocess.run(command, check=True, timeout=7200)


def _lend(image):
    """Gives an image of Docker to buildah."""
    if subprocess.run(["buildah", "inspect", "--type", "image", image], capture_output=True, check=False).returncode:
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            docker("save", "--output", file.name, image, timeout=900)
            _run("buildah", "pull", f"docker-archive:{file.name}")


def remove(named):
    """Removes the images that `build` returned."""
    docker("rmi", "--force", *named.values())


if __name__ == "__main__":
    for image in whole(tag=tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]):
        print(docker("run", "--rm", "--network", "none", image, "--version"))
