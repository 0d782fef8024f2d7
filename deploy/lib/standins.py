"""Stand-ins: images with the names of those that can't be pulled.

They let a machine without access to an image registry run the stack, since Debian has the same programs. The Dockerfile
and docker-compose.yml need no change. Each stand-in has the label below, which tells it from the original, and a test
removes the stand-ins that it made.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

LABEL = "switchyard.stand-in"
ROOT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """An image can't be pulled, and what its stand-in needs is missing too."""


def docker(*arguments, timeout=120, **options):
    """Runs docker; returns its output."""
    command = ["docker", *arguments]
    done = subprocess.run(command, timeout=timeout, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def engine():
    """Whether a Docker engine answers."""
    if not shutil.which("docker"):
        return False
    done = subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False)
    return done.returncode == 0


def ensure(image, make):
    """Pulls an image, or makes its stand-in with `make`, unless it is here; returns whether it is a stand-in."""
    if not docker("images", "--quiet", image):
        pulled = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, timeout=900, check=False)
        if pulled.returncode:
            make(image)
    labels = docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    return LABEL in labels


def remove(image):
    """Removes a stand-in, so that it is not taken for the original later. It stays while a container uses it."""
    subprocess.run(["docker", "rmi", image], capture_output=True, timeout=120, check=False)


def load(image, folder, *changes):
    """Makes an image from a folder, with the label of stand-ins."""
    labelled = [word for change in (*changes, f"LABEL {LABEL}=yes") for word in ("--change", change)]
    with subprocess.Popen(["tar", "-C", folder, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE) as packed:
        docker("import", *labelled, "-", image, stdin=packed.stdout, timeout=600)
    if packed.returncode:
        raise RuntimeError(f"could not pack {folder}")


def prometheus(image):
    """A stand-in for Prometheus' image, which is busybox, two programs, and a user with two folders."""
    arguments = '"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"'
    _programs(image, {"prometheus": "prometheus", "promtool": "promtool"}, {"etc/prometheus": 65534, "prometheus": 65534},
              "USER nobody", "WORKDIR /prometheus", 'ENTRYPOINT ["/bin/prometheus"]', f"CMD [{arguments}]")


def valkey(image):
    """A stand-in for Valkey's image: Debian's Redis under Valkey's names. Both read the same arguments."""
    _programs(image, {"redis-server": "valkey-server", "redis-cli": "valkey-cli"}, {"data": 999}, "WORKDIR /data")


def haproxy(image):
    """A stand-in for HAProxy's image, with a shell."""
    _programs(image, {"haproxy": "haproxy"}, {"usr/local/etc/haproxy": 0})


def _programs(image, programs, folders, *changes):
    """An image of busybox and these programs of this machine under other names, and folders with their owners."""
    shell = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if _is_static(path)), None)
    found = {name: shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") for program, name in programs.items()}
    if not shell or None in found.values():
        raise Missing(f"{image} can't be pulled, and Debian's {', '.join(programs)} and busybox-static are not installed")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("bin", "tmp", *folders):
            (root / name).mkdir(parents=True)
        shutil.copy(shell, root / "bin/busybox")
        for name in ("sh", "cat", "head", "od", "tr", "mv", "chmod", "test", "ls", "wget"):
            (root / "bin" / name).symlink_to("busybox")
        for name, program in found.items():
            subprocess.run([ROOT / "deploy/docker/rootfs.sh", program, root], check=True)
            (root / "bin" / name).symlink_to(f"/usr/local/bin/{Path(program).name}")
        (root / "etc/passwd").write_text("nobody:x:65534:65534:nobody:/:/bin/false\n")
        (root / "etc/group").write_text("nobody:x:65534:\n")
        for name, owner in folders.items():
            shutil.chown(root / name, owner, owner)
        (root / "tmp").chmod(0o1777)
        load(image, folder, "ENV PATH=/bin", *changes)


def _is_static(path):
    if not Path(path).exists():
        return False
    return subprocess.run(["ldd", path], capture_output=True, check=False).returncode != 0


def rust(image):
    """A stand-in for Rust's image: Debian with a C compiler and the local Rust."""
    if not shutil.which("debootstrap", path="/usr/sbin:/sbin:/usr/bin"):
        raise Missing(f"{image} can't be pulled, and debootstrap is not installed")
    release = image.rsplit("-", 1)[1]
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        packages = "--include=ca-certificates,g++,make"
        subprocess.run(["/usr/sbin/debootstrap", "--variant=minbase", packages, release, folder],
                       check=True, stdout=subprocess.DEVNULL, timeout=900)
        # This machine's sources of packages, and the certificates that it trusts.
        for name in ("etc/ssl/certs/ca-certificates.crt", "etc/apt/sources.list"):
            if Path("/", name).exists():
                shutil.copy(Path("/", name), Path(folder, name))
        if shutil.which("rustup"):
            # It has no rustup itself. Without the network it can still build for this processor.
            subprocess.run(["rustup", "target", "add", "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"], check=False)
        skipped = shutil.ignore_patterns("share", "*.html")
        shutil.copytree(sysroot, Path(folder, "usr/local"), symlinks=True, dirs_exist_ok=True, ignore=skipped)
        load(image, folder, "ENV PATH=/usr/local/bin:/usr/local/cargo/bin:/usr/bin:/bin:/usr/sbin:/sbin",
             "ENV CARGO_HOME=/usr/local/cargo")
