"""The packages on a machine with systemd: installed, started, upgraded under load, removed.

PACKAGES names a folder with `old` and `new`, each with both packages in both formats; `new` has a higher version, and another
default configuration. Without PACKAGES, or without a Docker engine, the tests are skipped.
"""

import os
import unittest
from pathlib import Path

from deploy.lib.standins import Missing
from deploy.packages.machine import Machine

PACKAGES = os.environ.get("PACKAGES")
CONFIGURATION = "/etc/switchyard/switchyard.yaml"
# 400 requests a second for twelve seconds. Any that is lost or refused fails it.
LOAD = ("requester steady --target http://127.0.0.1:8080 --rate 400 --duration 12s --power-kw 0.001 --quiet --output /dev/null "
        "--fail-if 'lost>0' --fail-if 'errors>0' --fail-if 'refused>0'")
MAIN_PROCESS = "systemctl show --property MainPID --value switchyard"
# The stories differ in these words only. Debian starts what is installed, and keeps the state until it is purged.
DEBIAN = {
    "install": "dpkg --install /packages/{age}/*.deb",
    # As an unattended upgrade does: a changed configuration stays.
    "upgrade": "dpkg --force-confdef --force-confold --install /packages/{age}/*.deb",
    "remove": "dpkg --remove switchyard switchyard-tools",
    "version": "dpkg-query --show --showformat '${Version}' switchyard",
    "left": ".dpkg-dist",
}
FEDORA = {
    "install": "rpm --install --nodeps /packages/{age}/*.rpm",
    "upgrade": "rpm --upgrade --nodeps /packages/{age}/*.rpm",
    "remove": "rpm --erase switchyard switchyard-tools",
    "version": "rpm --query --queryformat '%{VERSION}-%{RELEASE}' switchyard",
    "left": ".rpmnew",
}


@unittest.skipUnless(PACKAGES, "PACKAGES does not name the folder with the packages")
class Story:
    """One story: each part begins where the previous one ended."""

    words = {}

    @classmethod
    def setUpClass(cls):
        """A fresh machine."""
        try:
            cls.machine = Machine(Path(PACKAGES).resolve())
        except Missing as error:
            raise unittest.SkipTest(str(error)) from error
        cls.addClassCleanup(cls.machine.remove)
        cls.before = cls.machine.files()
        cls.versions = []

    def say(self, name, age):
        """A package manager's command."""
        return self.machine.run(self.words[name].format(age=age))

    def take_over(self, what):
        """Runs something beside a load, and checks that the main process is another afterwards, and no request was lost."""
        old = self.machine.run(MAIN_PROCESS)
        load = self.machine.beside(LOAD)
        self.addCleanup(load.kill)
        self.machine.until("curl -s http://127.0.0.1:9901/metrics | "
                           "awk '/^switchyard_requests_total/ { n += $2 } END { exit n < 100 }'", "the load has begun")
        said = self.machine.run(what)
        new = self.machine.run(MAIN_PROCESS)
        self.assertNotIn(new, (old, "0"), said)
        self.assertIn(f"process {new} has taken over from {old}", said)
        output = load.communicate(timeout=120)[0]
        self.assertEqual(load.returncode, 0, output)
        return said

    def test_1_a_new_installation_is_safe(self):
        self.say("install", "old")
        self.versions.append(self.machine.run(self.words["version"]))
        self.after_install()
        self.assertEqual(self.machine.run("systemctl is-active switchyard"), "active")
        # It serves this machine alone, and says that it has no substation.
        listening = self.machine.run("awk '$4 == \"0A\" { print $2 }' /proc/net/tcp /proc/net/tcp6 | sort")
        self.assertEqual(listening.splitlines(), ["0100007F:1F90", "0100007F:26AD"])
        self.assertEqual(self.ask("9901/ready"), "503")
        self.assertEqual(self.ask("8080/request_charge", "-d '{\"power_kw\": 22}'"), "503")

    def ask(self, path, *more):
        """The status of an answer."""
        return self.machine.run(f"curl -s -o /dev/null -w '%{{http_code}}' http://127.0.0.1:{path} {' '.join(more)}")

    def test_2_the_service_has_no_rights_and_owns_its_folders(self):
        process = self.machine.run(MAIN_PROCESS)
        status = self.machine.run(f"cat /proc/{process}/status")
        self.assertRegex(status, r"CapEff:\t0+\n")
        self.assertRegex(status, r"NoNewPrivs:\t1")
        self.assertNotRegex(status, r"Uid:\t0\t")
        self.assertIn("700", self.machine.run("stat -c %a /run/switchyard/"))
        # What the unit runs is what the package brought.
        self.assertEqual(self.machine.run(f"readlink /proc/{process}/exe"), "/usr/bin/switchyard")

    def test_3_a_substation_is_found_by_its_file(self):
        self.machine.run("systemd-run --unit substation substation --listen 127.0.0.1:5001 --capacity-kw 5000000")
        self.machine.run("mkdir -p /etc/switchyard/substations.d\n"
                         "echo '- targets: [\"127.0.0.1:5001\"]' > /etc/switchyard/substations.d/here.yaml")
        self.machine.until("curl -sf http://127.0.0.1:9901/ready", "the proxy takes requests")
        self.assertRegex(self.ask("8080/request_charge", "-d '{\"power_kw\": 22}'"), "^2..$")

    def test_4_an_upgrade_under_load_loses_no_request_and_keeps_a_changed_configuration(self):
        self.machine.run(f"echo 'state: {{file: /var/lib/switchyard/state}}' >> {CONFIGURATION}")
        kept = self.machine.run(f"cat {CONFIGURATION}")
        self.machine.until("curl -s http://127.0.0.1:9901/status | grep -q var/lib/switchyard/state || "
                           "systemctl restart switchyard", "the change is in force")
        self.machine.until("curl -sf http://127.0.0.1:9901/ready", "the proxy takes requests")
        self.take_over(self.words["upgrade"].format(age="new"))
        self.versions.append(self.machine.run(self.words["version"]))
        self.assertNotEqual(*self.versions)
        self.assertEqual(self.machine.run(f"cat {CONFIGURATION}"), kept)
        self.assertIn("this is the newer one", self.machine.run(f"cat {CONFIGURATION}{self.words['left']}"))

    def test_5_an_upgrade_that_the_configuration_forbids_leaves_the_old_process_at_work(self):
        self.machine.run(f"cp {CONFIGURATION} /var/tmp/good.yaml; echo 'nonsense: 1' >> {CONFIGURATION}")
        old = self.machine.run(MAIN_PROCESS)
        said = self.machine.run("/usr/lib/switchyard/hot-restart 5", check=False)
        self.assertIn("so the old process goes on", said)
        self.assertIn("nonsense", said)
        self.assertEqual(self.machine.run(MAIN_PROCESS), old)
        self.assertRegex(self.ask("8080/request_charge", "-d '{\"power_kw\": 22}'"), "^2..$")
        self.machine.run(f"mv /var/tmp/good.yaml {CONFIGURATION}")
        self.take_over("/usr/lib/switchyard/hot-restart")

    def test_6_a_service_that_is_stopped_stays_so_through_an_upgrade_of_itself(self):
        self.machine.run("systemctl stop switchyard")
        self.assertEqual(self.machine.run("/usr/lib/switchyard/hot-restart"), "")
        self.assertFalse(self.machine.succeeds("systemctl is-active switchyard"))
        self.machine.run("systemctl start switchyard")

    def test_7_a_removal_stops_it_and_keeps_configuration_and_state(self):
        self.machine.run("systemctl stop substation")
        self.machine.until("test -s /var/lib/switchyard/state", "the state is written")
        self.say("remove", "")
        self.assertFalse(self.machine.succeeds("systemctl is-active switchyard"))
        self.assertFalse(self.machine.succeeds("test -e /usr/bin/switchyard"))
        self.assertTrue(self.machine.succeeds("test -s /var/lib/switchyard/state"))
        self.after_remove()

    def left_over(self):
        """What is there that was not before the first installation, but for what the administrator wrote."""
        wrote = {"/etc/switchyard", "/etc/switchyard/substations.d", "/etc/switchyard/substations.d/here.yaml"}
        return self.machine.files() - self.before - wrote


class Debian(Story, unittest.TestCase):
    """The .deb packages."""

    words = DEBIAN

    def after_install(self):
        """Debian enables and starts services."""
        self.assertEqual(self.machine.run("systemctl is-enabled switchyard"), "enabled")
        self.assertIn(CONFIGURATION, self.machine.run("dpkg-query --show --showformat '${Conffiles}' switchyard"))

    def after_remove(self):
        """A purge takes the rest."""
        self.assertTrue(self.machine.succeeds(f"test -s {CONFIGURATION}"))
        self.machine.run("dpkg --purge switchyard switchyard-tools")
        self.assertEqual(self.left_over(), set())


class Fedora(Story, unittest.TestCase):
    """The .rpm packages, installed by rpm on a Debian: their dependencies are not checked, their scripts are run."""

    words = FEDORA

    def after_install(self):
        """Fedora starts nothing by itself, and a preset may enable it."""
        self.assertFalse(self.machine.succeeds("systemctl is-active switchyard"))
        self.machine.run("systemctl enable --now switchyard")

    def after_remove(self):
        """RPM keeps a changed configuration under another name, and does not know of the state."""
        self.assertTrue(self.machine.succeeds(f"test -s {CONFIGURATION}.rpmsave"))
        self.assertFalse(self.machine.succeeds("systemctl is-enabled switchyard"))
        # Folders of all packages' completions, which the distribution has, and what the administrator decides on.
        shared = {"/usr/share/fish", "/usr/share/fish/vendor_completions.d", "/usr/share/zsh/site-functions", "/var/log/switchyard",
                  f"{CONFIGURATION}.rpmsave", f"{CONFIGURATION}.rpmnew"}
        states = ("/var/lib/switchyard", "/var/lib/private/switchyard", "/var/log/private/switchyard")
        self.assertEqual({path for path in self.left_over() - shared if not path.startswith(states)}, set())


if __name__ == "__main__":
    unittest.main()
