"""A Debian with systemd as process 1, in a container that needs no image: packages are installed and run in it.

The root comes from Debian's mirror by debootstrap, once; it is kept as an image beside the stand-ins of `deploy.lib`.
"""

import os
import subprocess
import tempfile
import time
import uuid

from deploy.lib.standins import LABEL, Missing, docker, engine, load

IMAGE = "switchyard/debian-systemd"
# rpm reads RPM's packages; curl asks the proxy.
INCLUDED = "systemd,systemd-sysv,dbus,rpm,curl,ca-certificates"
# What systemd needs to mount and to divide processes. `--privileged` would ask for rights that a sandbox may not have.
RIGHTS = ("--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE", "--security-opt", "seccomp=unconfined",
          "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined",
          "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw", "--cgroupns", "host")


def image(release="bookworm"):
    """The image's name; made at the first call."""
    name = f"{IMAGE}:{release}"
    if docker("images", "--quiet", name):
        return name
    program = next((path for path in ("/usr/sbin/debootstrap", "/usr/bin/debootstrap") if os.path.exists(path)), None)
    if not program or os.geteuid():
        raise Missing("a Debian to install packages in takes debootstrap, and root")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([program, "--variant=minbase", f"--include={INCLUDED}", release, folder],
                              capture_output=True, text=True, timeout=1800, check=False)
        if done.returncode:
            raise Missing(f"debootstrap: {done.stdout.strip()[-300:]}")
        load(name, folder, 'CMD ["/lib/systemd/systemd"]', "ENV container=docker")
    return name


class Machine:
    """One such container, with the folder of packages at /packages."""

    def __init__(self, packages):
        if not engine():
            raise Missing("no Docker engine answers")
        self.name = f"switchyard-machine-{uuid.uuid4().hex[:8]}"
        docker("run", "--detach", "--name", self.name, *RIGHTS, "--tmpfs", "/run:exec", "--tmpfs", "/tmp:exec",
               "--volume", f"{packages}:/packages:ro", "--label", f"{LABEL}=yes", image())
        try:
            self.until("systemctl is-system-running | grep -qE 'running|degraded'", "systemd is up")
        except AssertionError as error:
            logs = docker("logs", self.name)
            self.remove()
            raise Missing(f"systemd does not run in a container here: {logs[-300:]}") from error

    def run(self, script, check=True):
        """Runs a shell script; returns its output, errors included."""
        done = subprocess.run(["docker", "exec", self.name, "sh", "-c", f"exec 2>&1\n{script}"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=180, check=False)
        if check and done.returncode:
            raise AssertionError(f"{script}\nended with {done.returncode}:\n{done.stdout}")
        return done.stdout.strip()

    def succeeds(self, script):
        """Whether a script ends with 0."""
        done = subprocess.run(["docker", "exec", self.name, "sh", "-c", script], capture_output=True, timeout=180, check=False)
        return done.returncode == 0

    def until(self, script, what, seconds=60):
        """Waits until a script ends with 0."""
        end = time.monotonic() + seconds
        while not self.succeeds(script):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.1)

    def beside(self, script):
        """Starts a script; returns its process."""
        return subprocess.Popen(["docker", "exec", self.name, "sh", "-c", f"exec 2>&1\n{script}"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)

    def files(self):
        """Every file but those that package managers and the log keep for themselves."""
        kept = "|".join(("var/lib/(dpkg|rpm|systemd/(catalog|random-seed|timers)|dbus)", "var/log/(dpkg|journal|apt|alternatives)",
                         "var/cache", "root/", "packages"))
        return set(self.run(f"find / -xdev -mindepth 1 | grep -vE '^/({kept})'").splitlines())

    def remove(self):
        """Ends the container."""
        docker("rm", "--force", self.name)
