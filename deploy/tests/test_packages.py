"""Packages and releases, as far as their files say it: without building any."""

import re
import subprocess
import tomllib
import unittest

import yaml

from deploy.lib import images
from deploy.lib.standins import ROOT
from deploy.packages import version

UNIT = ROOT / "deploy/systemd/switchyard.service"
CRATES = {"switchyard": ROOT / "crates/switchyard", "switchyard-tools": ROOT / "requester"}
# What scripts/package.sh lays out: programs and folders for the packages' lists.
LAID_OUT = re.compile(r"target/release/(?:switchyard|substation|requester|packages/[\w-]+/(?:share/\*\*/\*|debian/\*|papers/\*|etc/switchyard\.yaml))")


def read(path):
    """A TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def metadata(package):
    """What Cargo.toml says for packages."""
    return read(CRATES[package] / "Cargo.toml")["package"]["metadata"]


class Lists(unittest.TestCase):
    """The lists of files in Cargo.toml."""

    def test_everything_that_is_packaged_exists_or_is_laid_out(self):
        for package, crate in CRATES.items():
            lists = metadata(package)
            sources = [source for source, _, _ in lists["deb"]["assets"]]
            sources += [asset["source"] for asset in lists["generate-rpm"]["assets"]]
            sources += [lists["deb"]["license-file"][0], lists["deb"].get("maintainer-scripts", ".")]
            for source in sources:
                with self.subTest(f"{package}: {source}"):
                    self.assertTrue(LAID_OUT.fullmatch(source) or (crate / source).exists())

    def test_both_formats_install_the_same(self):
        for package in CRATES:
            lists = metadata(package)
            deb = {(source, dest, mode) for source, dest, mode in lists["deb"]["assets"] if "/debian/" not in source}
            rpm = {(asset["source"], asset["dest"].lstrip("/"), asset["mode"]) for asset in lists["generate-rpm"]["assets"]
                   if "/papers/" not in asset["source"] and not asset["source"].endswith(".service")}
            self.assertEqual(deb, rpm, package)

    def test_the_scripts_of_the_rpm_are_there(self):
        lists = metadata("switchyard")["generate-rpm"]
        for name in ("post_install_script", "pre_uninstall_script", "post_uninstall_script"):
            self.assertTrue((ROOT / lists[name]).exists(), name)

    def test_no_package_stops_what_serves_during_an_upgrade(self):
        units = metadata("switchyard")["deb"]["systemd-units"]
        self.assertEqual((units["enable"], units["start"]), (True, True))
        self.assertEqual((units["restart-after-upgrade"], units["stop-on-upgrade"]), (False, False))
        self.assertTrue((CRATES["switchyard"] / units["unit-scripts"] / UNIT.name).exists())
        for script in ("debian/scripts/postinst", "rpm/post.sh"):
            self.assertIn("/usr/lib/switchyard/hot-restart", (ROOT / "deploy/packages" / script).read_text(encoding="utf-8"))

    def test_every_program_is_in_one_package(self):
        packaged = [source.removeprefix("target/release/") for package in CRATES
                    for source, _, _ in metadata(package)["deb"]["assets"] if source.count("/") == 2]
        self.assertEqual(sorted(packaged), sorted(images.TARGETS))


class Unit(unittest.TestCase):
    """One unit for packages and for an installation by hand."""

    def setUp(self):
        self.text = UNIT.read_text(encoding="utf-8")

    def test_it_names_the_program_without_a_folder(self):
        commands = re.findall(r"(?m)^Exec\w+=(.*)$", self.text)
        ours = [command for command in commands if "switchyard" in command]
        self.assertEqual(len(ours), 2)
        for command in ours:
            self.assertEqual(command.split()[0], "switchyard")
            self.assertEqual(command.split()[-1], "/etc/switchyard/switchyard.yaml")

    def test_a_purge_removes_the_folders_that_it_makes(self):
        purge = (ROOT / "deploy/packages/debian/scripts/postrm").read_text(encoding="utf-8")
        for place, key in (("/var/lib", "StateDirectory"), ("/var/log", "LogsDirectory")):
            name = re.search(rf"(?m)^{key}=(.+)$", self.text).group(1)
            self.assertIn("DynamicUser=yes", self.text)
            self.assertIn(f" {place}/{name} {place}/private/{name}", purge)

    def test_the_default_configuration_is_open_to_this_machine_alone(self):
        text = (ROOT / "deploy/packages/switchyard.yaml").read_text(encoding="utf-8")
        configuration = yaml.safe_load(text)
        self.assertRegex(configuration["listen"], r"^127\.0\.0\.1:")
        self.assertRegex(configuration["admin"]["listen"], r"^127\.0\.0\.1:")
        # The examples in its comments would be taken as they are.
        self.assertIn("state", yaml.safe_load(re.sub(r"(?m)^#(state: .*)$", r"\1", text)))


class Licences(unittest.TestCase):
    """cargo-about, which writes the notices, and cargo-deny."""

    def test_both_allow_the_same_licences(self):
        about = read(ROOT / "deploy/packages/about.toml")
        deny = read(ROOT / "deny.toml")
        self.assertEqual(about["accepted"], deny["licenses"]["allow"])
        exceptions = {exception["crate"]: exception["allow"] for exception in deny["licenses"]["exceptions"]}
        for crate, more in about.items():
            if isinstance(more, dict) and "accepted" in more:
                self.assertEqual(more["accepted"], exceptions[crate], crate)
        self.assertLessEqual(set(about["targets"]), set(deny["graph"]["targets"]))


class Dockerfile(unittest.TestCase):
    """What it takes from elsewhere."""

    def test_every_member_of_the_workspace_is_in_its_context(self):
        ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        sent = {line[1:] for line in ignored if line.startswith("!")}
        for member in read(ROOT / "Cargo.toml")["workspace"]["members"]:
            self.assertIn(member.split("/")[0], sent)
        for name in re.findall(r"(?:deploy/\S+\.(?:toml|hbs|sh))|LICENSE", (ROOT / "deploy/docker/build.sh").read_text(encoding="utf-8")):
            self.assertTrue(any(name == path or name.startswith(f"{path}/") for path in sent), name)
            self.assertTrue((ROOT / name).exists(), name)

    def test_its_tools_have_the_versions_of_a_release(self):
        tools = dict(line.split()[:2] for line in (ROOT / "scripts/release-tools.txt").read_text(encoding="utf-8").splitlines()
                     if not line.startswith("#"))
        found = re.findall(r"cargo install (\S+) --version (\S+) --locked", images.DOCKERFILE.read_text(encoding="utf-8"))
        self.assertEqual({name for name, _ in found}, {"cargo-auditable", "cargo-about"})
        for name, wanted in found:
            self.assertEqual(wanted, tools[name])


class Changelog(unittest.TestCase):
    """Its heading says what is released."""

    UNRELEASED = "# Changelog\n\n## [Unreleased]\n\nMore.\n\n## [0.1.0] - 2026-11-30\n\nAll.\n"
    RELEASED = UNRELEASED.replace("[Unreleased]", "[0.2.0] - 2026-12-01")

    def test_it_fits_the_version_of_the_workspace(self):
        stated = read(ROOT / "Cargo.toml")["workspace"]["package"]["version"]
        self.assertEqual(version.faults((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), stated), [])

    def test_a_release_has_its_own_heading(self):
        self.assertEqual(version.faults(self.UNRELEASED, "0.2.0"), [])
        self.assertEqual(version.faults(self.RELEASED, "0.2.0", "v0.2.0"), [])
        empty = self.RELEASED.replace("## [0.2", "## [Unreleased]\n\n## [0.2", 1)
        self.assertEqual(version.faults(empty, "0.2.0", "v0.2.0"), [])
        self.assertEqual(version.notes(self.RELEASED, "0.2.0"), "More.\n")

    def test_what_does_not_fit_is_said(self):
        for changelog, stated, tag, said in (
            (self.UNRELEASED, "0.2.0", "v0.2.0", "still stand under"),
            (self.RELEASED, "0.2.0", "v0.2.1", "the tag must be v0.2.0"),
            (self.RELEASED.replace(" - 2026-12-01", ""), "0.2.0", "v0.2.0", "has no date"),
            (self.RELEASED, "0.2.0", None, "stand under [Unreleased]"),
            (self.UNRELEASED, "0.1.0", None, "not above 0.1.0"),
            (self.UNRELEASED, "0.2", None, "no semantic version"),
            (self.RELEASED.replace("0.1.0", "0.3.0"), "0.2.0", "v0.2.0", "falling order"),
            ("# Changelog\n", "0.2.0", None, "no heading"),
        ):
            with self.subTest(said):
                self.assertIn(said, "\n".join(version.faults(changelog, stated, tag)))

    def test_a_candidate_comes_before_its_release(self):
        candidate = self.RELEASED.replace("0.2.0", "0.2.0-rc.1")
        self.assertEqual(version.faults(candidate, "0.2.0-rc.1", "v0.2.0-rc.1"), [])
        self.assertEqual(version.faults(candidate.replace("# Changelog\n", "# Changelog\n\n## [Unreleased]\n"), "0.2.0"), [])


class Script(unittest.TestCase):
    """scripts/release.sh."""

    def test_each_step_is_a_function_and_each_function_a_step(self):
        text = (ROOT / "scripts/release.sh").read_text(encoding="utf-8")
        steps = re.search(r"(?m)^all='(.*)'$", text).group(1).split()
        self.assertEqual(sorted(steps), sorted(name.replace("_", "-") for name in re.findall(r"(?m)^run_(\w+)\(\)", text)))

    def test_a_step_that_fails_ends_it(self):
        done = subprocess.run(["scripts/release.sh", "version"], cwd=ROOT, capture_output=True, text=True, check=False,
                              env={"PATH": "/usr/bin:/bin", "RELEASE_TAG": "v9.9.9", "CARGO_TARGET_DIR": "target", "HOME": "/nonexistent",
                                   "SWITCHYARD_COMMIT": "0", "SOURCE_DATE_EPOCH": "0"})
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the tag is v9.9.9", done.stderr)
        self.assertNotIn("every step passed", done.stdout)


if __name__ == "__main__":
    unittest.main()
