"""Images that stand in, under the same names, for those that can't be pulled.

A machine without a way to a registry of images can still run the stack: what the images hold is in Debian too. The
Dockerfile and docker-compose.yml don't notice. Each stand-in carries the label below, so that it is never taken for
the real thing, and whoever had one made takes it away again.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

LABEL = "switchyard.stand-in"
ROOT = Path(__file__).resolve().parents[2]


class Missing(Exception):
    """Neither the image nor what a stand-in is made of is to be had."""


def docker(*arguments, timeout=120, **options):
    """Runs docker; returns what it printed."""
    command = ["docker", *arguments]
    done = subprocess.run(command, timeout=timeout, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


def engine():
    """Does a Docker engine answer?"""
    if not shutil.which("docker"):
        return False
    answered = subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False)
    return answered.returncode == 0


def ensure(image, make):
    """Has `image` here, pulled or made by `make`; says whether it is a stand-in."""
    if not docker("images", "--quiet", image):
        pulled = subprocess.run(["docker", "pull", "--quiet", image], capture_output=True, timeout=900, check=False)
        if pulled.returncode:
            make(image)
    labels = docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    return LABEL in labels


def remove(image):
    """Removes a stand-in, so that nobody takes it for the real thing later. Somebody else may be using it: then it stays."""
    subprocess.run(["docker", "rmi", image], capture_output=True, timeout=120, check=False)


def load(image, folder, *changes):
    """Makes an image of a folder."""
    labelled = [word for change in (*changes, f"LABEL {LABEL}=yes") for word in ("--change", change)]
    with subprocess.Popen(["tar", "-C", folder, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE) as packed:
        docker("import", *labelled, "-", image, stdin=packed.stdout, timeout=600)
    if packed.returncode:
        raise RuntimeError(f"could not pack {folder}")


def prometheus(image):
    """Upstream's image is busybox, the two programs, and a user who owns two folders."""
    shell = next((path for path in ("/bin/busybox", "/usr/bin/busybox") if _is_static(path)), None)
    programs = [shutil.which("prometheus"), shutil.which("promtool")]
    if not shell or None in programs:
        raise Missing(f"{image} can't be pulled, and Debian's prometheus and busybox-static are not installed")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name in ("bin", "etc/prometheus", "prometheus", "tmp"):
            (root / name).mkdir(parents=True)
        shutil.copy(shell, root / "bin/busybox")
        for name in ("sh", "cat", "head", "od", "tr", "mv", "chmod", "test", "ls"):
            (root / "bin" / name).symlink_to("busybox")
        for program in programs:
            subprocess.run([ROOT / "deploy/docker/rootfs.sh", program, root], check=True)
            (root / "bin" / Path(program).name).symlink_to(f"/usr/local/bin/{Path(program).name}")
        (root / "etc/passwd").write_text("nobody:x:65534:65534:nobody:/:/bin/false\n")
        (root / "etc/group").write_text("nobody:x:65534:\n")
        for name in ("etc/prometheus", "prometheus"):
            shutil.chown(root / name, 65534, 65534)
        (root / "tmp").chmod(0o1777)
        arguments = '"--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"'
        load(image, folder, "USER nobody", "WORKDIR /prometheus", "ENV PATH=/bin",
             'ENTRYPOINT ["/bin/prometheus"]', f"CMD [{arguments}]")


def _is_static(path):
    if not Path(path).exists():
        return False
    return subprocess.run(["ldd", path], capture_output=True, check=False).returncode != 0


def rust(image):
    """Debian with a C compiler, and the Rust that is installed here."""
    if not shutil.which("debootstrap", path="/usr/sbin:/sbin:/usr/bin"):
        raise Missing(f"{image} can't be pulled, and debootstrap is not installed")
    release = image.rsplit("-", 1)[1]
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        packages = "--include=ca-certificates,g++,make"
        subprocess.run(["/usr/sbin/debootstrap", "--variant=minbase", packages, release, folder],
                       check=True, stdout=subprocess.DEVNULL, timeout=900)
        # Wherever this machine's packages come from, the certificates that it trusts come along.
        for name in ("etc/ssl/certs/ca-certificates.crt", "etc/apt/sources.list"):
            if Path("/", name).exists():
                shutil.copy(Path("/", name), Path(folder, name))
        skipped = shutil.ignore_patterns("share", "*.html")
        shutil.copytree(sysroot, Path(folder, "usr/local"), symlinks=True, dirs_exist_ok=True, ignore=skipped)
        load(image, folder, "ENV PATH=/usr/local/bin:/usr/local/cargo/bin:/usr/bin:/bin:/usr/sbin:/sbin",
             "ENV CARGO_HOME=/usr/local/cargo")
