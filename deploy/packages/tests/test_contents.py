"""What is in the packages: all that they promise, in each format the same.

ARTIFACTS names the folder with the packages. Without it the tests are skipped. RELEASE=no leaves out what only programs of a
release have.
"""

import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest
import zlib
from pathlib import Path

from deploy.lib.standins import ROOT
from deploy.packages import elf

ARTIFACTS = os.environ.get("ARTIFACTS")
PROGRAMS = {"switchyard": ("switchyard",), "switchyard-tools": ("substation", "requester")}
# What each format wants to have under its own name: licence and changes.
PAPERS = {"deb": ("copyright", "changelog.gz", "changelog.Debian.gz"), "rpm": ("LICENSE", "CHANGELOG.md")}
# What lintian finds that is meant: each with its reason.
MEANT = {
    "initial-upload-closes-no-bugs": "the package is not in Debian's archive",
    "no-manual-page": "of hot-restart, which is no command",
    "bogus-mail-host": "the maintainers' address is set where the repository is published",
}


def found(pattern):
    """The only file of a pattern, or None."""
    files = sorted(Path(ARTIFACTS).glob(pattern))
    if len(files) > 1:
        raise AssertionError(f"more than one {pattern}: {files}")
    return files[0] if files else None


def output(*command, **options):
    """What a command prints; fails if it does."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def of_deb(file):
    """The files of a .deb."""
    lines = output("dpkg-deb", "--contents", file).splitlines()
    return {line.split()[5].lstrip(".") for line in lines if not line.startswith("d")}


def of_rpm(file):
    """The files of a .rpm."""
    return set(output("rpm", "--query", "--package", "--list", file).splitlines())


def promised(package):
    """What each package has to have, whatever the format."""
    expected = {f"/usr/share/doc/{package}/THIRD-PARTY-NOTICES.txt"}
    for program in PROGRAMS[package]:
        pages = {page.name for page in (ROOT / "docs/man").glob(f"{program}*.1")}
        expected |= {f"/usr/bin/{program}", *(f"/usr/share/man/man1/{page}.gz" for page in pages)}
        expected |= {f"/usr/share/bash-completion/completions/{program}", f"/usr/share/zsh/vendor-completions/_{program}",
                     f"/usr/share/zsh/site-functions/_{program}", f"/usr/share/fish/vendor_completions.d/{program}.fish"}
    if package == "switchyard":
        expected |= {"/etc/switchyard/switchyard.yaml", "/usr/lib/systemd/system/switchyard.service",
                     "/usr/lib/switchyard/hot-restart"}
        expected |= {f"/usr/share/doc/switchyard/{path.relative_to(ROOT / 'docs')}" for path in (ROOT / "docs").glob("**/*.md")
                     if "decisions" not in path.parts}
    return expected


@unittest.skipUnless(ARTIFACTS, "ARTIFACTS does not name the folder with the packages")
class Contents(unittest.TestCase):
    """Packages as files, before any is installed."""

    def packages(self, suffix, reader):
        """Each package of a format with its files; says so if a format is not there."""
        for package in PROGRAMS:
            file = found(f"{package}[-_][0-9]*.{suffix}")
            if file is None:
                self.skipTest(f"no .{suffix} was made here")
            yield package, file, reader(file)

    def test_each_deb_has_what_it_promises(self):
        for package, _, files in self.packages("deb", of_deb):
            with self.subTest(package):
                self.assertEqual(promised(package) - files, set())

    def test_each_rpm_has_the_same_files_as_the_deb_but_for_its_papers(self):
        debs = {package: files for package, _, files in self.packages("deb", of_deb)}
        for package, _, files in self.packages("rpm", of_rpm):
            papers = {name: {f"/usr/share/doc/{package}/{paper}" for paper in papers} for name, papers in PAPERS.items()}
            with self.subTest(package):
                self.assertEqual(files - papers["rpm"], debs[package] - papers["deb"])
                self.assertEqual((papers["rpm"] - files, papers["deb"] - debs[package]), (set(), set()))

    def test_the_configuration_is_kept_in_both_formats(self):
        for package, file, _ in self.packages("deb", of_deb):
            expected = ["/etc/switchyard/switchyard.yaml"] if package == "switchyard" else []
            with tempfile.TemporaryDirectory() as folder:
                output("dpkg-deb", "--control", file, folder)
                conffiles = Path(folder, "conffiles")
                self.assertEqual(conffiles.read_text(encoding="utf-8").split() if conffiles.exists() else [], expected)
        for package, file, _ in self.packages("rpm", of_rpm):
            configured = output("rpm", "--query", "--package", "--queryformat", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]", file)
            kept = [line.split()[1] for line in configured.splitlines() if line.split()[0] == "cn"]
            self.assertEqual(kept, ["/etc/switchyard/switchyard.yaml"] if package == "switchyard" else [])

    def test_lintian_finds_nothing_that_is_not_meant(self):
        if os.environ.get("RELEASE") == "no":
            self.skipTest("lintian takes longer than all other tests together")
        if not shutil.which("lintian"):
            self.skipTest("lintian is not installed")
        debs = [file for _, file, _ in self.packages("deb", of_deb)]
        said = subprocess.run(["lintian", "--no-cfg", "--allow-root", "--fail-on", "none", *debs], capture_output=True, text=True,
                              timeout=300, check=False).stdout
        tags = [line for line in said.splitlines() if re.match(r"[EW]:", line) and line.split(": ")[2].split()[0] not in MEANT]
        self.assertEqual(tags, [])

    def test_rpm_believes_its_digests_and_installs_it_under_another_root(self):
        for package, file, files in self.packages("rpm", of_rpm):
            self.assertIn("digests OK", output("rpm", "--checksig", file))
            with self.subTest(package), tempfile.TemporaryDirectory() as root:
                # Debian's rpm knows of no installed library.
                output("rpm", "--root", root, "--install", "--nodeps", "--noscripts", file)
                self.assertEqual({path for path in files if not Path(root, path[1:]).exists()}, set())
                self.assertEqual(output("rpm", "--root", root, "--verify", "--nodeps", package), "")

    def test_each_format_names_the_libraries_that_the_programs_need(self):
        for _, file, _ in self.packages("deb", of_deb):
            self.assertRegex(output("dpkg-deb", "--field", file, "Depends"), r"libc6 \(>= 2\.\d+\)")
        for _, file, _ in self.packages("rpm", of_rpm):
            self.assertRegex(output("rpm", "--query", "--package", "--requires", file), r"libc\.so\.6\(GLIBC_2\.\d+\)\(64bit\)")

    def test_the_archive_has_all_of_both_packages(self):
        archives = sorted(Path(ARTIFACTS).glob("*-musl.tar.gz"))
        if not archives:
            self.skipTest("no archive was made here")
        for file in archives:
            with self.subTest(file.name), tarfile.open(file) as archive:
                name = file.name.removesuffix(".tar.gz")
                files = {member.name.removeprefix(name) for member in archive if not member.isdir()}
                expected = {path.removeprefix("/usr") for package in PROGRAMS for path in promised(package)
                            if path.startswith(("/usr/bin", "/usr/share"))}
                self.assertEqual(expected - files, set())
                self.assertLessEqual({"/systemd/switchyard.service", "/etc/switchyard.yaml", "/LICENSE"}, files)
                self.assertEqual({member.uname or member.uid for member in archive}, {0})


@unittest.skipUnless(ARTIFACTS and os.environ.get("RELEASE") != "no", "these are no programs of a release")
class Programs(unittest.TestCase):
    """The programs in a .deb."""

    def test_they_list_their_crates_and_ask_for_no_newer_c_library_than_documented(self):
        documented = re.search(r"glibc (\d+)\.(\d+)", (ROOT / "docs/operations/installing.md").read_text(encoding="utf-8"))
        for package, programs in PROGRAMS.items():
            file = found(f"{package}_*.deb")
            if file is None:
                self.skipTest("no .deb was made here")
            with tempfile.TemporaryDirectory() as root:
                output("dpkg-deb", "--extract", file, root)
                for program in programs:
                    with self.subTest(program):
                        read = elf.read(Path(root, "usr/bin", program))
                        self.assertLessEqual(read.glibc, tuple(map(int, documented.groups())))
                        listed = json.loads(zlib.decompress(read.section(".dep-v0")))
                        self.assertLessEqual({program, "tokio", "rustls"}, {each["name"] for each in listed["packages"]})


if __name__ == "__main__":
    unittest.main()
