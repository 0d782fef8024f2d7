"""What the forge and editors read: the workflow, the forms, updates of dependencies, the development container."""

import json
import re
import unittest

import yaml

from deploy.lib.standins import ROOT

GITHUB = ROOT / ".github"
# A commit, since a tag can be moved.
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
FORM = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def read(path):
    """A YAML file as Python values."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


class Workflow(unittest.TestCase):
    def setUp(self):
        self.text = (GITHUB / "workflows" / "test.yml").read_text(encoding="utf-8")
        self.workflow = yaml.safe_load(self.text)
        (self.job,) = self.workflow["jobs"].values()

    def test_it_runs_make_test_and_nothing_else(self):
        self.assertEqual([step["run"] for step in self.job["steps"] if "run" in step], ["make test"])
        # PyYAML reads the key `on` as true, as YAML 1.1 says.
        self.assertLessEqual({"push", "pull_request"}, set(self.workflow[True]))
        self.assertLessEqual(self.job["timeout-minutes"], 120)
        self.assertIn("group", self.workflow["concurrency"])

    def test_it_may_read_the_code_and_no_more(self):
        self.assertEqual(self.workflow["permissions"], {"contents": "read"})
        self.assertNotIn("permissions", self.job)
        self.assertNotIn("secrets.", self.text)
        (checkout,) = [step for step in self.job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        self.assertIs(checkout["with"]["persist-credentials"], False)

    def test_its_actions_are_pinned_to_commits(self):
        used = [step["uses"] for step in self.job["steps"] if "uses" in step]
        self.assertTrue(used)
        for action in used:
            self.assertRegex(action, f"^{PINNED.pattern}$")

    def test_its_cache_changes_with_the_lock_file(self):
        (cache,) = [step for step in self.job["steps"] if step.get("uses", "").startswith("actions/cache@")]
        for name in re.findall(r"'([^']+)'", cache["with"]["key"]):
            self.assertTrue((ROOT / name).exists(), name)
        self.assertIn("'Cargo.lock'", cache["with"]["key"])


class Workflows(unittest.TestCase):
    """All of them."""

    def setUp(self):
        self.texts = {path.name: path.read_text(encoding="utf-8") for path in (GITHUB / "workflows").glob("*.yml")}
        self.workflows = {name: yaml.safe_load(text) for name, text in self.texts.items()}

    def test_there_are_these(self):
        self.assertEqual(set(self.workflows), {"test.yml", "release.yml", "nightly.yml", "docs.yml"})

    def test_every_action_is_pinned_to_a_commit_with_its_version_beside(self):
        for name, text in self.texts.items():
            used = re.findall(r"uses: (.*)", text)
            self.assertTrue(used, name)
            for action in used:
                self.assertRegex(action, rf"^{PINNED.pattern} # v\d+\.\d+\.\d+$")

    def test_one_action_has_one_version_everywhere(self):
        used = {tuple(action.split("@")) for text in self.texts.values() for action in re.findall(r"uses: (.*)", text)}
        self.assertEqual(len(used), len({action for action, _ in used}))

    def test_no_workflow_has_a_right_that_a_job_does_not_ask_for(self):
        for name, workflow in self.workflows.items():
            self.assertEqual(workflow["permissions"], {"contents": "read"}, name)
            for title, job in workflow["jobs"].items():
                self.assertIn("timeout-minutes", job, f"{name}: {title}")
                for step in job["steps"]:
                    if step.get("uses", "").startswith("actions/checkout@"):
                        self.assertIs(step["with"]["persist-credentials"], False)

    def test_only_jobs_that_upload_have_rights_and_these_compile_nothing(self):
        jobs = self.workflows["release.yml"]["jobs"]
        rights = {name: {right for right, word in job.get("permissions", {}).items() if word == "write"} for name, job in jobs.items()}
        self.assertEqual(rights, {"build": set(), "publish": {"contents", "id-token", "attestations"}, "images": {"packages"}})

    def test_a_release_is_what_make_release_check_made(self):
        jobs = self.workflows["release.yml"]["jobs"]
        self.assertEqual([step["run"] for step in jobs["build"]["steps"] if "run" in step], ["make release-check"])
        self.assertEqual(jobs["build"]["env"]["RELEASE_TAG"], "${{ github.ref_name }}")
        # One machine runs every step, and each other one steps that there are.
        steps = [set(machine["steps"].split()) for machine in jobs["build"]["strategy"]["matrix"]["include"]]
        self.assertEqual(steps.count(set()), 1)
        every = re.search(r"(?m)^all='(.*)'$", (ROOT / "scripts/release.sh").read_text(encoding="utf-8")).group(1).split()
        self.assertLessEqual(set().union(*steps), set(every))
        script = (ROOT / "scripts/release.sh").read_text(encoding="utf-8")
        self.assertIn("\nwork=$target_dir/release-check\nout=$work/artifacts\n", script)
        for job in ("build", "publish"):
            (path,) = [step["with"]["path"] for step in jobs[job]["steps"] if "path" in step.get("with", {})]
            self.assertEqual(path, "target/release-check/artifacts/")
        # Nothing is published before everything was made and tried.
        self.assertEqual((jobs["publish"]["needs"], jobs["images"]["needs"]), (["build", "images"], "build"))
        self.assertEqual(self.workflows["release.yml"][True], {"push": {"tags": ["v*"]}})
        (attested,) = [step for step in jobs["publish"]["steps"] if "attest-build-provenance" in step.get("uses", "")]
        self.assertEqual(attested["with"]["subject-checksums"], "target/release-check/artifacts/SHA256SUMS")

    def test_each_night_asks_for_advisories(self):
        (job,) = self.workflows["nightly.yml"]["jobs"].values()
        self.assertEqual([step["run"] for step in job["steps"] if "run" in step], ["make advisories"])
        self.assertIn("schedule", self.workflows["nightly.yml"][True])


class Site(unittest.TestCase):
    """The workflow that publishes the documentation."""

    def setUp(self):
        self.text = (GITHUB / "workflows" / "docs.yml").read_text(encoding="utf-8")
        self.workflow = yaml.safe_load(self.text)
        self.jobs = self.workflow["jobs"]

    def test_it_runs_what_a_developer_runs(self):
        steps = [step["run"] for job in self.jobs.values() for step in job["steps"] if "run" in step]
        self.assertEqual(steps, ["make book", "make links"])
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for step in steps:
            self.assertIn(f"\n{step.removeprefix('make ')}: ## ", makefile)

    def test_only_the_job_that_publishes_may_write(self):
        self.assertEqual(self.workflow["permissions"], {"contents": "read"})
        self.assertEqual({name for name, job in self.jobs.items() if "permissions" in job}, {"publish"})
        self.assertEqual(self.jobs["publish"]["permissions"], {"pages": "write", "id-token": "write"})
        # It runs for no pull request, and no code of ours.
        self.assertEqual(self.jobs["publish"]["if"], "github.ref == 'refs/heads/main' && github.event_name != 'pull_request'")
        self.assertEqual([step for step in self.jobs["publish"]["steps"] if "run" in step], [])
        self.assertNotIn("secrets.", self.text)

    def test_it_publishes_what_make_book_builds(self):
        (upload,) = [step for step in self.jobs["build"]["steps"] if "upload-pages" in step.get("uses", "")]
        self.assertEqual(upload["with"]["path"], "target/book/html")
        self.assertEqual(self.jobs["publish"]["needs"], "build")


class Forms(unittest.TestCase):
    def test_each_form_asks_for_something(self):
        forms = [path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
        self.assertEqual({path.stem for path in forms}, {"bug", "feature"})
        for path in forms:
            with self.subTest(path.name):
                form = read(path)
                self.assertLessEqual({"name", "description", "body"}, set(form))
                self.assertLessEqual({part["type"] for part in form["body"]}, FORM)
                questions = [part for part in form["body"] if part["type"] != "markdown"]
                self.assertTrue(all("label" in part["attributes"] for part in questions))
                names = [part["id"] for part in questions]
                self.assertEqual(len(names), len(set(names)))
                self.assertTrue(any(part.get("validations", {}).get("required") for part in questions))

    def test_every_issue_uses_a_form(self):
        self.assertIs(read(GITHUB / "ISSUE_TEMPLATE" / "config.yml")["blank_issues_enabled"], False)

    def test_vulnerabilities_have_a_private_way(self):
        self.assertIn("SECURITY.md", (GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8"))
        self.assertTrue((ROOT / "SECURITY.md").exists())


class Updates(unittest.TestCase):
    def test_every_kind_of_dependency_is_watched(self):
        updates = read(GITHUB / "dependabot.yml")
        self.assertEqual(updates["version"], 2)
        watched = {(update["package-ecosystem"], update["directory"]) for update in updates["updates"]}
        kinds = {"cargo", "github-actions", "docker", "docker-compose", "devcontainers"}
        self.assertEqual(watched, {(kind, "/") for kind in kinds} | {("cargo", "/fuzz")})
        self.assertTrue(all("interval" in update["schedule"] for update in updates["updates"]))


class Container(unittest.TestCase):
    def test_it_is_set_up_by_the_script_of_make_test(self):
        text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
        # The format allows comments.
        container = json.loads(re.sub(r"(?m)^ *//.*$", "", text))
        self.assertEqual(container["postCreateCommand"], "./scripts/setup.sh test")
        self.assertRegex(container["image"], r":[\d-]+-bookworm$")


class Readme(unittest.TestCase):
    def test_it_is_read_in_five_minutes(self):
        before, rest = (ROOT / "README.md").read_text(encoding="utf-8").split("<!-- bench -->")
        figures, after = rest.split("<!-- /bench -->")
        self.assertLessEqual(len((before + after).splitlines()), 135)
        # The bench writes these: a row for each proxy, and where it is behind.
        self.assertLessEqual(len(figures.splitlines()), 40)

    def test_it_names_every_package_that_is_installed(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        setup = (ROOT / "scripts" / "setup.sh").read_text(encoding="utf-8")
        # Without comments, and without the blocks of packages that only the bench and a release need.
        setup = re.sub(r"(?m)(^|\s)#.*", "", setup)
        setup = re.sub(r"(?ms)= (?:bench|release) \]; then$.*?^fi$", "", setup)
        # `need` and `wish`: the command, then Debian's packages.
        found = re.findall(r"(?m)(?:^ *|\|\| |\) )(?:need|wish) \w+ (?:'([^']+)'|([\w-]+))", setup)
        packages = {package for groups in found for package in "".join(groups).split()}
        self.assertLessEqual({"cmake", "gcc", "curl", "prometheus", "chromium"}, packages)
        for package in packages:
            self.assertIn(f"`{package}`", readme)


if __name__ == "__main__":
    unittest.main()
